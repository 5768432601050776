"""The two hand-offs between threads, and what each does when it is full.

camera ──Latest──▶ vision      replaces what nobody took, and counts it
vision ──Mailbox─▶ ledger      waits for room: nothing put into it is ever dropped
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from edge_mask.errors import EdgeMaskError

T = TypeVar("T")


class Closed(EdgeMaskError):
    """The mailbox takes nothing more: its owner is stopping."""


class Latest(Generic[T]):
    """One slot for each camera. The newest value wins; a replaced one is counted, not kept.

    For files and folders it is a short queue instead, whose sender waits.
    """

    def __init__(self) -> None:
        lock = threading.Lock()
        self._filled, self._emptied = threading.Condition(lock), threading.Condition(lock)
        self._items: dict[str, deque[T]] = {}
        """What waits, by camera; a camera without anything is missing, the one that has waited longest is first."""
        self._few: dict[str, int] = {}
        """How many may be left of a queue when its sender is to be woken."""
        self._owes_a_call = False
        self._closed = False
        self.replaced = 0
        self.taken = 0

    def put(self, item: T, key: str = "") -> None:
        """Leave `item`; what still waits under the same key (one per camera) is replaced and counted."""
        with self._filled:
            if key in self._items:
                self.replaced += len(self._items[key])
                self._items[key] = deque((item,))
            else:
                self._add(item, key)

    def take(self, timeout: float) -> T | None:
        """The item whose turn it is, or None after `timeout` seconds or when closed and empty.

        For a single taker; what it takes counts, too.
        """
        found = self.take_numbered(timeout)
        self.call_senders()
        return found[0][1] if found else None

    def take_numbered(self, timeout: float, most: int = 1) -> list[tuple[int, T]]:
        """Up to `most` of what waits under one key, each with how many were taken before it.

        By these numbers several takers tell in which order they took. [] after `timeout` or when closed and empty.
        While something still waits, senders are not told that there is room again: see `call_senders`.
        """
        with self._filled:
            if not self._items:
                self._filled.wait_for(lambda: self._items or self._closed, timeout)
                if not self._items:
                    return []
            key = next(iter(self._items))
            waiting = self._items.pop(key)
            found = [(self.taken + place, waiting.popleft()) for place in range(min(most, len(waiting)))]
            if waiting:
                self._items[key] = waiting  # behind the other cameras
            if not waiting:
                self._emptied.notify_all()
            elif len(waiting) <= self._few.get(key, 0):
                self._owes_a_call = True
            self.taken += len(found)
            return found

    def call_senders(self) -> None:
        """Tell those who wait for room that there is some; to be called when the taker leaves the interpreter alone.

        Told at once, a sender would want the interpreter just when the taker has most to do with it: each time that
        the taker has to wait for it costs more than the sender's own work.
        """
        if self._owes_a_call:
            with self._emptied:
                self._owes_a_call = False
                self._emptied.notify_all()

    @property
    def given(self) -> int:
        """How many have been taken or wait."""
        with self._filled:
            return self.taken + sum(map(len, self._items.values()))

    def put_in_line(self, item: T, key: str, timeout: float, *, room: int = 1) -> bool:
        """Leave `item` behind those under `key` when they are fewer than `room`; False when `timeout` passed first.

        For files and folders: nobody loses a picture of a test by reading faster than the model looks. With more room a
        full line is waited for until half of it was taken: waking the sender for each picture costs more than reading.
        """
        with self._emptied:
            if len(self._items.get(key, ())) >= room and not self._closed:
                self._few[key] = room // 2
                if not self._emptied.wait_for(lambda: self._has_few(key), timeout):
                    return False
            self._add(item, key)
            return True

    def close(self) -> None:
        """Wake whoever waits."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()
            self._emptied.notify_all()

    def _has_few(self, key: str) -> bool:
        return len(self._items.get(key, ())) <= self._few[key] or self._closed

    def _add(self, item: T, key: str) -> None:
        self._items.setdefault(key, deque()).append(item)
        self._filled.notify()


class Mailbox(Generic[T]):
    """A bounded queue that waits when full and can be closed; after `close`, what is inside can still be taken."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)
        self._closed = False
        self._is_deep = False
        """The taker sleeps until something comes, whatever it is."""
        self._is_poked = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def put(self, item: T, timeout: float | None = None, *, wake: bool = True, spare: int = 0) -> bool:
        """Wait for room and leave `item`; False when `timeout` seconds passed first. Raises Closed.

        Without `wake` a taker that naps finds it when its own time is up: for what is not urgent, so that the sender
        is not interrupted by the receiver at once. `spare` places beyond the capacity are open to it.
        """
        capacity = self._capacity + spare
        with self._not_full:
            self._not_full.wait_for(lambda: self._closed or len(self._items) < capacity, timeout)
            if self._closed:
                raise Closed("the mailbox is closed")
            if len(self._items) >= capacity:
                return False
            self._items.append(item)
            if wake or self._is_deep or len(self._items) >= self._capacity:
                self._not_empty.notify()
            return True

    def poke(self) -> None:
        """Make the taker's wait end: something has happened elsewhere that it should see to."""
        with self._lock:
            self._is_poked = True
            self._not_empty.notify()

    def take_many(self, limit: int, timeout: float | None, *, is_deep: bool = False) -> list[T]:
        """Up to `limit` items, at once if any wait, else after at most `timeout` seconds; [] then or when closed.

        A sleep that `is_deep` is ended by any item, also by one that does not wake."""
        with self._not_empty:
            self._sleep(lambda: bool(self._items), timeout, is_deep=is_deep)
            taken = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
            self._notify_senders(taken)
            return taken

    def take_only(self, which: Callable[[T], bool], timeout: float | None, *, is_deep: bool = False) -> list[T]:
        """As `take_many`, but past the items that are not wanted now: they keep their places."""
        with self._not_empty:
            self._sleep(lambda: any(map(which, self._items)), timeout, is_deep=is_deep)
            taken = [item for item in self._items if which(item)]
            if taken:
                self._items = deque(item for item in self._items if not which(item))
            self._notify_senders(taken)
            return taken

    def _sleep(self, is_filled: Callable[[], bool], timeout: float | None, *, is_deep: bool) -> None:
        self._is_deep = is_deep
        self._not_empty.wait_for(lambda: self._closed or self._is_poked or is_filled(), timeout)
        self._is_deep = self._is_poked = False

    def _notify_senders(self, taken: Sequence[T]) -> None:
        if taken:  # all of them: some may use spare places and some may not, and one that may not would wake in vain
            self._not_full.notify_all()

    def close(self) -> None:
        """Take nothing more; wake everybody."""
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()
