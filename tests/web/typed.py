"""`edge-mask …` as somebody types it, within this process: starting another one takes most of the time of a command."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from tests.end_to_end.daemon import Ended

from edge_mask.cli import main


def typed(*words: str | Path, stdin: str | None = "") -> Ended:
    """One command, and how it ended."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO((stdin or "").encode()))
    with mock.patch("sys.stdin", given), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:  # of wrong usage
            code = int(ended.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())
