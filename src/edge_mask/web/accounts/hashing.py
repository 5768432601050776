"""Passwords as argon2id hashes, one at a time: each takes 19 MiB and about a tenth of a second."""

import ctypes
import re
import threading
from contextlib import suppress
from typing import Final

from edge_mask.errors import Refused

_ROUNDS, _KIB, _LANES = 2, 19 * 1024, 1
"""OWASP's least costly choice for argon2id (Password Storage Cheat Sheet)."""

_SHAPE: Final = re.compile(
    r"\$argon2id\$v=19\$m=(?P<kib>\d{4,6}),t=(?P<rounds>\d{1,2}),p=(?P<lanes>\d)\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,128}"
)
_MOST_KIB: Final = 64 * 1024
_OF_NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$/OCCf/adFFwn8ItDaZ+7uw$eFE0iVzP/ZuOr9s5Uj7+dIdgMJlKC2Yy72Qzb0Mrh0E"
"""What the password of somebody unknown is compared with, so that the answer takes as long."""

_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_ABOVE_EVERY_PICTURE: Final = 16 * 2**20
_MISSING: Final = 'passwords need a library that is not installed: pip install "edge-mask[web]"'


def is_a_hash(text: str) -> bool:
    """Whether `text` is a hash of ours; one that asks for more memory than we ever give is not."""
    match = _SHAPE.fullmatch(text)
    return match is not None and int(match["kib"]) <= _MOST_KIB


def give_memory_back() -> None:
    """Have the C library return blocks of a hash's size at once: glibc keeps 19 MiB after the second one otherwise.

    The threshold lies above the buffers of pictures, which are made and freed many times a second.
    """
    with suppress(OSError, AttributeError):  # another C library keeps nothing
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _ABOVE_EVERY_PICTURE)


class Hasher:
    """Several threads may use it; they wait for each other."""

    def __init__(self) -> None:
        """Raises Refused when argon2 is not installed."""
        try:
            from argon2 import PasswordHasher
        except ModuleNotFoundError as error:
            raise Refused(_MISSING) from error
        self._argon2 = PasswordHasher(time_cost=_ROUNDS, memory_cost=_KIB, parallelism=_LANES)
        self._one = threading.Lock()
        give_memory_back()

    def hashed(self, password: str) -> str:
        """A new hash with a salt of its own."""
        with self._one:
            return self._argon2.hash(_bytes(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether `password` has the hash `kept`. Without one (nobody has that name) it takes as long, and is wrong."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._one:
            try:
                self._argon2.verify(kept or _OF_NOBODY, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # what a form may hold, too
