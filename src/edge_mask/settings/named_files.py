"""Checks of a file that a key names."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_mask.redact import redact
from edge_mask.settings.base import read_whole
from edge_mask.yaml_file import Path as Key

Complaint = tuple[Key, str]
"""A key path, and what is wrong with its value."""


def unreadable(key: Key, path: Path, problem: Callable[[str], str | None]) -> Iterator[Complaint]:
    """Why a named file cannot be read, or what `problem` says of its text."""
    try:
        wrong = problem(read_whole(path).decode())
    except FileNotFoundError:
        wrong = f"there is no such file (looked in {Path.cwd()})" if not path.is_absolute() else "there is no such file"
    except UnicodeDecodeError:
        wrong = "is not a text file"
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    except ValueError:
        wrong = "is not a path"  # a zero byte
    if wrong is not None:
        yield key, f'"{redact(str(path))}": {wrong}'


def pem_problem(kind: str, text: str) -> str | None:
    """Whether a text is no PEM of this kind."""
    return None if re.search(rf"-----BEGIN [A-Z ]*{kind}-----", text) else f"holds no {kind.lower()} in PEM form"


def secret_problem(text: str) -> str | None:
    """A file with a password or a PIN holds nothing else."""
    if any(sign < " " and sign not in "\r\n\t" for sign in text):  # a zero byte ends an address within libpq
        return "holds a control character; allowed: the password alone on one line"
    lines = text.rstrip("\r\n").splitlines()
    return None if len(lines) == 1 and lines[0] else f"has {len(lines)} lines; allowed: the password alone on one line"
