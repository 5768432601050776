"""The process that learns: how it is started, and its answers in words. See learning.py, which is what runs in it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Final

from edge_mask.app.series.learning import Lesson
from edge_mask.errors import TryLater

COMMAND: Final = (sys.executable, "-m", "edge_mask.app.series.learning")
ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Environment of the process: more threads than idle cores make numpy ten times as slow, and all the others slow."""


def start(lessons: Sequence[Lesson], output: IO[bytes] | int, errors: int | None) -> "subprocess.Popen[bytes]":
    """Started, with its lessons; its answers come to `output`. Raises OSError when it cannot be started."""
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        env={**os.environ, **ONE_THREAD},
    )
    assert process.stdin is not None
    with suppress(OSError), process.stdin as stdin:  # killed already: its end is told
        stdin.write(b"".join(json.dumps(lesson.as_data()).encode() + b"\n" for lesson in lessons))
    return process


def answers(lessons: Sequence[Lesson]) -> Iterator[dict[str, Any]]:
    """One for each lesson, as they come; whoever stops waiting ends the process. Raises OSError, TryLater."""
    process = start(lessons, subprocess.PIPE, None)
    assert process.stdout is not None
    missing = len(lessons)
    try:
        for line in process.stdout:
            yield json.loads(line)
            missing -= 1
        if missing:
            raise TryLater(f"the process that learns ended with {process.wait()}; what was learned before stays")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def words(told: Mapping[str, Any]) -> list[str]:
    """An answer as a person reads it: a sentence for the criteria, and one for the model."""
    name = f"{told['sensor']} {told['quantity']}"
    if "failed" in told:
        return [f"{name}: {told['failed']}"]
    said = []
    for part in ("criteria", "model"):
        if (what := told.get(part)) is not None:
            version = f"version {what['version']}, " if "version" in what else ""
            learned = what["refused"] if "refused" in what else f"{version}from {what['days']} days"
            said.append(f"{name}: {part}: {learned}")
    return said


def answer_of(line: str) -> dict[str, Any] | None:
    """None for a line that is no answer: what Python says of its own end."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"sensor", "quantity"} <= found.keys() else None
