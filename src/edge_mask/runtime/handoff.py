"""The hand-offs between threads; each drops or waits when full, in its own way.

live camera ──Latest──▶ Tray ──▶ vision      replaces what nobody took, and counts it
file, folder ──Line───▶                      waits until there is room
vision ──Mailbox──▶ recorder                 waits for room: nothing put into it is ever dropped
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from edge_mask.errors import EdgeMaskError

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Closed(EdgeMaskError):
    """The mailbox takes nothing more: its owner is stopping."""


class Tray(Generic[T]):
    """Frames of all cameras for one or several takers; the camera whose last turn is longest ago comes first.

    Not the frame that waits longest: with several takers, a camera that is always a moment ahead would get more turns.
    """

    def __init__(self) -> None:
        lock = threading.Lock()
        self._filled, self._emptied = threading.Condition(lock), threading.Condition(lock)
        self._waiting: dict[str, deque[T]] = {}
        """By camera, without the cameras that have no frame."""
        self._turns: dict[str, int] = {}
        """The running number of each camera's last turn."""
        self._closed = False
        self._idle = 0
        """Takers that wait for anything."""
        self.taken = 0
        self.waited = 0.0
        """Seconds that all takers together have waited."""
        self.on_left: Callable[[], object] | None = None
        """Called when something is left that `take_away` may be meant for; it holds the lock, and returns at once."""
        self.replaced_by_camera: dict[str, int] = {}
        """How many frames a newer one replaced before they were taken."""

    def take(self, timeout: float) -> tuple[int, T] | None:
        """The next item and its running number; None after `timeout` or when closed and empty.

        Parallel takers restore the order by these numbers.
        """
        with self._filled:
            began = time.monotonic()
            self._idle += 1
            self._filled.wait_for(lambda: self._waiting or self._closed, timeout)
            self._idle -= 1
            self.waited += time.monotonic() - began
            if not self._waiting:
                return None
            number, item = self._pop(self._waiting)
            if self._waiting:
                self._something_is_left()
            return number, item

    def take_away(self, which: Callable[[str], bool]) -> tuple[int, T] | None:
        """The same for somebody who helps out: never waits, takes of the wanted keys only, and leaves the others what
        they wait for."""
        with self._filled:
            wanted = [key for key in self._waiting if which(key)]
            return self._pop(wanted) if wanted and len(self._waiting) > self._idle else None

    def _pop(self, keys: Iterable[str]) -> tuple[int, T]:
        key = min(keys, key=lambda each: self._turns.get(each, -1))
        items = self._waiting[key]
        item = items.popleft()
        if not items:
            del self._waiting[key]
        self._emptied.notify_all()
        self._turns[key] = self.taken
        self.taken += 1
        return self._turns[key], item

    def _something_is_left(self) -> None:
        if self.on_left is not None:
            self.on_left()

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def replaced(self) -> int:
        """How many frames of all cameras a newer one replaced before they were taken."""
        return sum(dict(self.replaced_by_camera).values())

    @property
    def given(self) -> int:
        """How many were taken, plus those that wait."""
        with self._filled:
            return self.taken + sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Wake all waiting threads."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()
            self._emptied.notify_all()

    def replace(self, key: str, item: T) -> None:
        """For `Latest`: replace the waiting item of this key."""
        with self._filled:
            if left := len(self._waiting.get(key, ())):
                self.replaced_by_camera[key] = self.replaced_by_camera.get(key, 0) + left
            self._waiting[key] = deque((item,))
            self._filled.notify()
            self._something_is_left()

    def append(self, key: str, item: T, room: int, timeout: float) -> bool:
        """For `Line`: wait until fewer than `room` items wait under this key; False after `timeout`."""
        with self._emptied:
            if not self._emptied.wait_for(lambda: len(self._waiting.get(key, ())) < room or self._closed, timeout):
                return False
            self._waiting.setdefault(key, deque()).append(item)
            self._filled.notify()
            self._something_is_left()
            return True


class HandOff(Protocol[T_contra]):
    """A camera's end of a tray."""

    def put(self, item: T_contra, timeout: float) -> bool:
        """Leave `item`; False when there was no room within `timeout` seconds."""
        ...


class Latest(Generic[T]):
    """For a live camera: a new frame replaces the one that was not taken; the replaced one is counted."""

    def __init__(self, tray: Tray[T], key: str = "") -> None:
        self._tray, self._key = tray, key

    def put(self, item: T, timeout: float = 0.0) -> bool:  # noqa: ARG002  one signature; there is always room
        """Put `item` in the place of the one that still waits."""
        self._tray.replace(self._key, item)
        return True


class Line(Generic[T]):
    """For a file or folder: the sender waits, so every frame is analysed however fast it is read."""

    def __init__(self, tray: Tray[T], key: str = "", room: int = 1) -> None:
        self._tray, self._key, self._room = tray, key, room

    def put(self, item: T, timeout: float) -> bool:
        """Put `item` behind the others; False when there was no room within `timeout` seconds."""
        return self._tray.append(self._key, item, self._room, timeout)


class Mailbox(Generic[T]):
    """A bounded queue that waits when full and can be closed; after `close`, its items can still be taken."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)
        self._closed = False
        self._is_deep = False
        """The taker sleeps until any item arrives."""
        self._is_poked = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def put(self, item: T, timeout: float | None = None, *, wake: bool = True, spare: int = 0) -> bool:
        """Wait for room and put `item`; False after `timeout` seconds. Raises Closed.

        Without `wake` the taker finds the item when its own timeout ends. That saves a thread switch for each item that
        is not urgent. `spare` allows so many places beyond the capacity.
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
        """End the taker's wait: it has work elsewhere."""
        with self._lock:
            self._is_poked = True
            self._not_empty.notify()

    def take_many(self, limit: int, timeout: float | None, *, is_deep: bool = False) -> list[T]:
        """Up to `limit` items, at once if any wait, else after at most `timeout` seconds; [] then or when closed.

        With `is_deep` any item ends the wait, also one put without `wake`."""
        with self._not_empty:
            self._sleep(lambda: bool(self._items), timeout, is_deep=is_deep)
            taken = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
            self._notify_senders(taken)
            return taken

    def take_only(self, which: Callable[[T], bool], timeout: float | None, *, is_deep: bool = False) -> list[T]:
        """Like `take_many`, but only the wanted items; the others keep their places."""
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
        if taken:  # wake all senders: not each of them may use the free places
            self._not_full.notify_all()

    def close(self) -> None:
        """Take nothing more; wake everybody."""
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()
