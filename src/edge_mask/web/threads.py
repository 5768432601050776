"""The few threads for what would hold up the event loop: the database, pictures, hashes."""

import asyncio
import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")

THREADS: Final = 3
"""At most so many at work: the pictures of a gate go before a page."""
_M_ARENA_MAX: Final = -8  # malloc.h
_HOUSE_STANDS_AFTER: Final = 1.0
_GIVES_BACK_AFTER: Final = 10.0
_GIVES_BACK_EVERY: Final = 10.0
"""Seconds."""


async def in_thread(work: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """What `work` returns. With a `limiter` of its own, kinds of work do not hold each other up."""
    return await to_thread.run_sync(work, limiter=limiter)


def few_threads() -> None:
    """Called once in the loop: also what the framework does by itself (files) uses no more."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    loop = asyncio.get_running_loop()
    loop.call_later(_HOUSE_STANDS_AFTER, _share_memory)
    loop.call_later(_GIVES_BACK_AFTER, _give_back)


def _share_memory() -> None:
    """glibc gives each new thread an arena of its own, which keeps a megabyte or two: ours share those of the house."""
    with suppress(OSError, AttributeError):  # another C library has none
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _give_back() -> None:
    """Free pages go back to the system: pages of history and exports leave holes. Takes a millisecond."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    asyncio.get_running_loop().call_later(_GIVES_BACK_EVERY, _give_back)
