"""The few threads for what would hold up the event loop: the database, pictures, hashes."""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")

THREADS: Final = 3
"""At most so many at work: the pictures of a gate go before a page."""


async def in_thread(work: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """What `work` returns. With a `limiter` of its own, kinds of work do not hold each other up."""
    return await to_thread.run_sync(work, limiter=limiter)


def few_threads() -> None:
    """Called once in the loop: also what the framework does by itself (files) uses no more."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
