"""The register on the disk: read by the daemon, changed by the daemon and by `edge-mask users`, one at a time.

Each change takes the lock, reads, and replaces the file as a whole. Whoever reads sees the old or the new one. A file
that makes no sense is never taken for an empty one: nobody is let in, and nothing is written over it.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from edge_mask.errors import Refused, TryLater
from edge_mask.private_file import give_to_owner_of_folder, replace_private
from edge_mask.settings.base import read_whole
from edge_mask.web.accounts.hashing import is_a_hash
from edge_mask.web.accounts.register import Register
from edge_mask.web.rights import in_order

_VERSION: Final = 1
_PATIENCE: Final = 10.0
_AGAIN: Final = 0.02
T = TypeVar("T")


class RegisterFile:
    """Any thread of any process may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[tuple[int, ...], Register | str] | None = None

    @property
    def path(self) -> Path:
        return self._path

    def read(self) -> Register:
        """The register as it is now; read again only when the file is another one. Raises Refused."""
        state = self._state()
        seen = self._seen
        if seen is None or seen[0] != state:
            seen = self._seen = (state, self._read_anew())
        if isinstance(seen[1], str):
            raise Refused(seen[1])
        return seen[1]

    def change(self, change: Callable[[Register], tuple[Register, T]]) -> T:
        """Replace the register by the changed one. Raises Refused, also what `change` raises, and TryLater."""
        try:
            with self._locked():
                fresh, result = change(self.read())
                replace_private(self._path, _written(fresh))
        except OSError as error:
            raise TryLater(f"{self._path}: cannot be written: {error.strerror}") from error
        return result

    def _state(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            return (error.errno or -1,)
        return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)

    def _read_anew(self) -> Register | str:
        try:
            return _understood(read_whole(self._path))
        except FileNotFoundError:
            return Register()
        except OSError as error:
            return f"{self._path}: cannot be read: {error.strerror}; nobody can log in"
        except (ValueError, RecursionError) as error:
            return (
                f"{self._path}: is damaged: {error}; nobody can log in. Put back a copy of it, or delete it"
                " and make the users anew: edge-mask users add NAME"
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The file itself is replaced, so the lock is one beside it."""
        path = self._path.with_name(f"{self._path.name}.lock")
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            give_to_owner_of_folder(opened, path)
            end = time.monotonic() + _PATIENCE
            while not _try_lock(opened):
                if time.monotonic() >= end:
                    raise TryLater(f"{path}: another program has held it for {_PATIENCE:g} s; try again")
                time.sleep(_AGAIN)
            yield
        finally:
            os.close(opened)


def _try_lock(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(register: Register) -> bytes:
    tokens = {name: {**asdict(token), "scopes": in_order(token.scopes)} for name, token in register.tokens.items()}
    users = {name: asdict(user) for name, user in register.users.items()}
    return json.dumps({"version": _VERSION, "users": users, "tokens": tokens}, indent=1, ensure_ascii=False).encode()


def _understood(data: bytes) -> Register:
    """Raises ValueError with what is wrong in it, without quoting it."""
    found: Any = msgspec.json.decode(data)
    if not isinstance(found, dict) or set(found) != {"version", "users", "tokens"}:
        raise ValueError("it is not what was written there")
    if found.pop("version") != _VERSION:
        raise ValueError("it is of another version of this program")
    register = msgspec.convert(found, Register)
    if not all(is_a_hash(user.password) and user.stamp for user in register.users.values()):
        raise ValueError("a password in it is no argon2id hash of ours")
    if any(token.owner is not None and token.owner not in register.users for token in register.tokens.values()):
        raise ValueError("a token in it belongs to nobody")
    return register
