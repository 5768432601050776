"""Keeping the runtime's chatter out of the program's stderr, which carries log lines and sentences."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_chatter() -> Iterator[None]:
    """While the graph is prepared, hold back what is written to stderr and leave out its `INFO:` lines.

    The runtime writes past Python, so the file descriptor itself is turned. Lines of other threads are delayed
    by those milliseconds, never lost.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # a daemon without stderr
        yield
        return
    with tempfile.TemporaryFile() as held, os.fdopen(stderr, "wb", buffering=0) as real:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real.fileno(), 2)
            held.seek(0)
            real.write(b"".join(line for line in held if not line.startswith(b"INFO: ")))
