"""The hand-offs between threads, and what each does when it is full.

live camera ──Latest──▶ Tray ──▶ vision      replaces what nobody took, and counts it
file, folder ──Line───▶                      waits until there is room
vision ──Mailbox──▶ recorder                 waits for room: nothing put into it is ever dropped
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from edge_mask.errors import EdgeMaskError

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Closed(EdgeMaskError):
    """The mailbox takes nothing more: its owner is stopping."""


class Tray(Generic[T]):
    """What one or several takers take from: one hand-off for each camera, the one that has waited longest first."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._filled, self._emptied = threading.Condition(lock), threading.Condition(lock)
        self._waiting: dict[str, deque[T]] = {}
        """By camera; a camera without anything is missing."""
        self._closed = False
        self.taken = 0
        self.replaced = 0
        """How many were dropped because a newer one came before anybody took them."""

    def take(self, timeout: float) -> tuple[int, T] | None:
        """The item whose turn it is, and how many were taken before it; None after `timeout` or when closed and empty.

        By these numbers several takers tell in which order they took.
        """
        with self._filled:
            self._filled.wait_for(lambda: self._waiting or self._closed, timeout)
            if not self._waiting:
                return None
            key = next(iter(self._waiting))
            items = self._waiting.pop(key)
            item = items.popleft()
            if items:
                self._waiting[key] = items  # behind the other cameras
            self._emptied.notify_all()
            self.taken += 1
            return self.taken - 1, item

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def given(self) -> int:
        """How many have been taken or wait."""
        with self._filled:
            return self.taken + sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Wake whoever waits."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()
            self._emptied.notify_all()

    def replace(self, key: str, item: T) -> None:
        """For `Latest`: what waits under this key makes room."""
        with self._filled:
            self.replaced += len(self._waiting.get(key, ()))
            self._waiting[key] = deque((item,))
            self._filled.notify()

    def append(self, key: str, item: T, room: int, timeout: float) -> bool:
        """For `Line`: wait until fewer than `room` wait under this key; False when `timeout` passed first."""
        with self._emptied:
            if not self._emptied.wait_for(lambda: len(self._waiting.get(key, ())) < room or self._closed, timeout):
                return False
            self._waiting.setdefault(key, deque()).append(item)
            self._filled.notify()
            return True


class HandOff(Protocol[T_contra]):
    """A camera's end of a tray."""

    def put(self, item: T_contra, timeout: float) -> bool:
        """Leave `item`; False when there was no room within `timeout` seconds."""
        ...


class Latest(Generic[T]):
    """For a live camera: the newest frame wins; one that nobody took is replaced and counted, not kept."""

    def __init__(self, tray: Tray[T], key: str = "") -> None:
        self._tray, self._key = tray, key

    def put(self, item: T, timeout: float = 0.0) -> bool:  # noqa: ARG002  one signature; there is always room
        """Leave `item` in the place of what still waits."""
        self._tray.replace(self._key, item)
        return True


class Line(Generic[T]):
    """For a file or folder: its sender waits, so that nobody loses a picture by reading faster than the model looks."""

    def __init__(self, tray: Tray[T], key: str = "", room: int = 1) -> None:
        self._tray, self._key, self._room = tray, key, room

    def put(self, item: T, timeout: float) -> bool:
        """Leave `item` behind the others; False when there was no room within `timeout` seconds."""
        return self._tray.append(self._key, item, self._room, timeout)


class Mailbox(Generic[T]):
    """A bounded queue that waits when full and can be closed; after `close`, what is inside can still be taken."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def put(self, item: T, timeout: float | None = None, *, wake: bool = True, spare: int = 0) -> bool:
        """Wait for room and leave `item`; False when `timeout` seconds passed first. Raises Closed.

        Without `wake` a taker that waits finds it when its own time is up: for what is not urgent, so that the
        sender is not interrupted by the receiver at once. `spare` places beyond the capacity are open to it.
        """
        capacity = self._capacity + spare
        with self._not_full:
            self._not_full.wait_for(lambda: self._closed or len(self._items) < capacity, timeout)
            if self._closed:
                raise Closed("the mailbox is closed")
            if len(self._items) >= capacity:
                return False
            self._items.append(item)
            if wake or len(self._items) >= self._capacity:
                self._not_empty.notify()
            return True

    def take_many(self, limit: int, timeout: float | None) -> list[T]:
        """Up to `limit` items, at once if any wait, else after at most `timeout` seconds; [] then or when closed."""
        with self._not_empty:
            self._not_empty.wait_for(lambda: self._items or self._closed, timeout)
            taken = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
            self._notify_senders(taken)
            return taken

    def take_only(self, which: Callable[[T], bool], timeout: float | None) -> list[T]:
        """As `take_many`, but past the items that are not wanted now: they keep their places."""
        with self._not_empty:
            self._not_empty.wait_for(lambda: self._closed or any(map(which, self._items)), timeout)
            taken = [item for item in self._items if which(item)]
            if taken:
                self._items = deque(item for item in self._items if not which(item))
            self._notify_senders(taken)
            return taken

    def _notify_senders(self, taken: Sequence[T]) -> None:
        if taken:  # all of them: some may use spare places and some may not, and one that may not would wake in vain
            self._not_full.notify_all()

    def close(self) -> None:
        """Take nothing more; wake everybody."""
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()
