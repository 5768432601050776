"""The couriers of all HTTP destinations in one thread: one for each origin with messages to send.

recorder ──poke──▶ look: which `http:` destinations wait? ──▶ a courier for each, made on demand
                                                                 turn · turn · turn · none of them waits
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from edge_mask.deliver.answers import Answers
from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Destination, HttpServer
from edge_mask.deliver.http import TIMEOUT, HttpTransport
from edge_mask.deliver.http_request import PREFIX
from edge_mask.deliver.transport import OnState
from edge_mask.errors import DatabaseError
from edge_mask.ledger.outbox import Destinations, Outbox
from edge_mask.ledger.rows import Settlement
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

MOST = 64
"""Most couriers at a time; further origins wait until one is done."""
_WITHOUT_COURIERS = 5.0
_LOOK_AGAIN_AFTER = 1.0
_LOOK_FOR_ROOM_EVERY = 5.0
_AWAY_LONG = 60.0


class _Shared(TypedDict):
    backoff: Backoff
    wake: threading.Event


@dataclass(slots=True)
class _Hired:
    courier: Courier
    idle_since: Seconds | None = None


class HttpCouriers(Job):
    """`poke`, `is_idle` and `away_for` may be called from any thread."""

    name = "couriers-http"
    prefix = PREFIX
    """What the destinations of these couriers begin with."""
    patience = Seconds(60.0)

    def __init__(
        self,
        path: Path,
        settle: Callable[[list[Settlement]], "Future[None]"],
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        boot: str,
        drain_rate: float = 100.0,
        timeout: Seconds = TIMEOUT,
        idle_after: Seconds = Seconds(60.0),
        backoff: Callable[[], Backoff] = lambda: Backoff(base=0.5, cap=30.0, settled_after=0.0),
        on_damage: Callable[[], None] = lambda: None,
        answers: Answers | None = None,
    ) -> None:
        """`path` is the database; `drain_rate` applies per origin; a courier is closed after `idle_after` without work.
        Each origin that is away is reported once, until it is back. `answers` remembers what servers say."""
        self._path = path
        self._settle = settle
        self._report = report
        self.clock = clock
        self.boot = boot
        self._drain_rate = drain_rate
        self.timeout = timeout
        self._idle_after = idle_after
        self._backoff = backoff
        self._on_damage = on_damage
        self._answers = answers
        self._destinations = Destinations(path, self.prefix)
        self._posts: dict[str, _Hired] = {}
        self._wake = threading.Event()
        self._has_news = True  # an earlier run may have left messages
        self._is_looking = False
        self._look_again_at = float("-inf")
        self._is_full = False
        self._look_for_room_at = float("-inf")
        self._were_away: set[str] = set()
        """Origins whose couriers were closed during an outage, which is already reported."""

    def poke(self) -> None:
        """There may be new rows."""
        self._has_news = True
        self._wake.set()

    def read_again(self) -> None:
        """See Courier."""
        for post in self._all():
            post.courier.read_again()

    @property
    def is_idle(self) -> bool:
        """True when no origin has messages to send."""
        return not (self._has_news or self._is_looking) and all(post.courier.is_idle for post in self._all())

    def away_for(self, now: float) -> Seconds:
        """For how long all origins with messages have been away; 0 while one of them is there."""
        busy = [post.courier.away_for(now) for post in self._all() if not post.courier.is_idle]
        return Seconds(0.0) if self._has_news or self._is_looking else min(busy, default=Seconds(0.0))

    # -- the worker --------------------------------------------------------------------------------------

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(self._pause())
        self._wake.clear()
        if stop.is_set():
            return
        now = self.clock.now().mono
        if (self._has_news and now >= self._look_again_at) or (self._is_full and now >= self._look_for_room_at):
            self._look(now)
        for post in self._all():
            post.courier.turn(stop)
            if not post.courier.is_idle:
                post.idle_since = None
            elif post.idle_since is None:
                post.idle_since = now
        self._let_go(now)
        if self._answers is not None:
            self._answers.keep()

    def interrupt(self) -> None:
        for post in self._all():
            post.courier.interrupt()
        self._wake.set()

    def end(self) -> None:
        """Give all requests in flight a moment together; the rest stays in the outbox."""
        deadline = self.clock.now().mono + 1.0
        posts = self._all()
        while any(post.courier.has_in_flight for post in posts) and self.clock.now().mono < deadline:
            self._wake.wait(0.05)
            self._wake.clear()
            for post in posts:
                post.courier.collect()
        for post in posts:
            post.courier.hang_up(Seconds(0.0))
        self._destinations.close()
        if self._answers is not None:
            self._answers.keep(at_the_end=True)

    # -- one turn ----------------------------------------------------------------------------------------

    def _all(self) -> list[_Hired]:
        return list(self._posts.values())

    def _pause(self) -> float:
        until_look = max(0.0, self._look_again_at - self.clock.now().mono) if self._has_news else _WITHOUT_COURIERS
        return min([until_look, *(post.courier.pause() for post in self._all())])

    def _look(self, now: float) -> None:
        """Find the origins with messages, and give each a courier that knows."""
        self._is_looking = True  # set before the flag is cleared: no thread may see an idle moment between
        self._has_news = False
        for destination in self._waiting(now):
            if destination not in self._posts and not self._hire(destination, now):
                continue
            self._posts[destination].courier.poke()
        self._is_looking = False

    def _waiting(self, now: float) -> list[str]:
        """The destinations with messages; none while the file cannot be read (a new one follows soon)."""
        try:
            return self._destinations.waiting()
        except DatabaseError as error:
            log.debug("http: the outbox cannot be read now: %s", error)
            self._has_news = True
            self._look_again_at = now + _LOOK_AGAIN_AFTER
            return []

    def _hire(self, destination: str, now: float) -> bool:
        """Make a courier for one origin; False when there are too many."""
        if len(self._posts) >= MOST and not self._make_room(now):
            if not self._is_full:
                log.warning("http: more than %d addresses have messages waiting; the others come later", MOST)
            self._is_full, self._look_for_room_at = True, now + _LOOK_FOR_ROOM_EVERY
            return False

        def tell(is_there: bool, reason: str) -> None:
            courier.state_changed(is_there, reason)

        report = _to_nobody if destination in self._were_away else self._report
        server, transport = self.server_for(destination, tell)
        courier = Courier(
            server, transport, Outbox(self._path, destination, self._on_damage), self._settle, report, self.clock
        )
        self._were_away.discard(destination)
        courier.begin()
        self._posts[destination] = _Hired(courier)
        return True

    def server_for(self, destination: str, tell: OnState) -> tuple[Destination, HttpTransport]:
        """A destination and its transport; `tell` is told whether it is there."""
        origin = destination.removeprefix(self.prefix)
        server = HttpServer(name=origin, boot=self.boot, drain_rate=self._drain_rate, **self.shared())
        heard = None if self._answers is None else self._answers.tell
        transport = HttpTransport(origin, self.clock, on_state=tell, timeout=self.timeout, on_answer=heard)
        return server, transport

    def shared(self) -> _Shared:
        """What the destinations of one thread have in common."""
        return {"backoff": self._backoff(), "wake": self._wake}

    def _make_room(self, now: float) -> bool:
        """Close the courier whose origin has been away longest: dead origins must not block the others for ever."""
        away = {name: post.courier.away_for(now) for name, post in self._posts.items()}
        name = max(away, key=away.__getitem__)
        if away[name] < _AWAY_LONG:
            return False
        self._posts.pop(name).courier.hang_up(Seconds(0.0))
        self._were_away.add(name)
        self._is_full, self._look_for_room_at = True, now + _LOOK_FOR_ROOM_EVERY
        return True

    def _let_go(self, now: float) -> None:
        """Close couriers that are idle for long, unless one of their receipts is not on disk yet."""
        idle = [name for name, post in self._posts.items() if _is_long_idle(post, now, self._idle_after)]
        if not idle:
            return
        waiting = set(self._waiting(now))
        if self._has_news:  # the file may have been unreadable: then we do not know who is idle
            return
        for name in idle:
            if name in waiting:
                self._posts[name].idle_since = None
                continue
            self._posts.pop(name).courier.hang_up(Seconds(0.0))
        if self._is_full and len(self._posts) < MOST:
            self._is_full = False
            self.poke()


def _is_long_idle(post: _Hired, now: float, idle_after: float) -> bool:
    return post.idle_since is not None and now - post.idle_since >= idle_after


def _to_nobody(_fault: Fault) -> None:
    """Discards a report that was made before."""
