"""The worker between the tables of shadow and jobs and the world: the connection, the wishes, the local shadow.

 transport ──heard──▶ ┌───────┐ ──▶ tables: WishShadow, SeenShadow, Jobs ──▶ Say ──▶ transport
 futures ───ended───▶ │ queue │                                        ──▶ Configure, Activate, Do ──▶ wishes
 recorder ──found───▶ └───────┘                                        ──▶ Look ──▶ recorder

It belongs to one house; the two tables that ask for another one belong to the process (Tables).
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, Full, Queue, SimpleQueue
from typing import Any, Final

from edge_mask.control.cloud import doing
from edge_mask.control.cloud.hang_ups import Denials, HangUps
from edge_mask.control.cloud.jobs import Do
from edge_mask.control.cloud.json_in import LARGEST
from edge_mask.control.cloud.orders import Activate, Configure, Order, Say
from edge_mask.control.cloud.seen import Look, SeenShadow
from edge_mask.control.cloud.tables import Event, Tables
from edge_mask.control.cloud.taking_over import ORIGIN
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.transport import BrokerTransport, receipt_of
from edge_mask.messages import Fault, Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_MOST_HEARD: Final = 64
"""Messages that wait for the worker. More are not kept: it asks for the newest state anew."""
_BETWEEN_ASKING_ANEW: Final = 5.0
_MOST_TURNS: Final = 100
_IDLE: Final = 10.0


class Cloud(Job):
    """`state_changed` and `recorded` may be called from any thread."""

    name = "cloud"
    patience = Seconds(60.0)

    def __init__(
        self,
        tables: Tables,
        seen: SeenShadow | None,
        transport: BrokerTransport,
        wishes: Wishes,
        folder: Path,
        look: "Callable[[], Future[Mapping[str, Any] | None]]",
        report: Callable[[Fault], None],
        clock: Clock,
    ) -> None:
        """`folder` may hold a fetched package for a while; `look` asks for the state that is reported locally."""
        self._tables = tables
        self._seen = seen
        self._transport = transport
        self._wishes = wishes
        self._folder = folder
        self._look = look
        self._clock = clock
        self._wake = threading.Event()
        self._events: Queue[Event] = Queue(_MOST_HEARD)
        self._own: SimpleQueue[Event] = SimpleQueue()
        """What this house itself set going; never more than was set going."""
        self._hang_ups = HangUps()
        self._denials = Denials(report, clock)
        self._states: SimpleQueue[bool] = SimpleQueue()
        self._has_missed = self._is_there = self._is_quiet = False
        self._ask_anew_at = float("-inf")
        for table in (tables.wish, seen, tables.jobs):
            for topic in () if table is None else table.topics.heard:
                transport.subscribe(topic, self._heard)  # before it opens: the answers to what is asked first are heard

    # -- from other threads ------------------------------------------------------------------------------

    def state_changed(self, connected: bool) -> None:
        """The connection came or went."""
        self._states.put(connected)
        self._wake.set()

    def recorded(self) -> None:
        """Something was written, perhaps to the local shadow."""
        if self._seen is not None and self._seen.changed():
            self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def _heard(self, message: Message) -> None:
        """In the driver's thread. The service keeps nothing: what is retained is an old answer, or somebody else's."""
        topic, payload = message.topic, message.payload
        if len(payload) <= LARGEST and not message.retain:
            try:
                self._events.put_nowait(lambda now: self._tell(topic, payload, now))
            except Full:
                self._has_missed = True
            self._wake.set()

    def _happened(self, event: Event) -> None:
        self._own.put(event)
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._tables.ring = self._wake.set

    def step(self, stop: threading.Event) -> None:
        now = self._clock.now().mono
        self._clock.wait(self._wake, Seconds(max(0.0, min(_IDLE, self._due(now) - now))))
        self._wake.clear()
        if not stop.is_set():
            self.turn()

    def turn(self) -> None:
        """Take in what happened and do what can be done, without waiting."""
        self._notice_states()
        self._take_all(self._tables.ends)
        self._take_all(self._own)
        self._take_all(self._events)
        now = self._clock.now().mono
        if self._has_missed and now >= self._ask_anew_at:
            self._has_missed = False
            self._ask_anew_at = now + _BETWEEN_ASKING_ANEW
            self._connection(is_there=self._is_there)
        if self._is_quiet and now >= self._hang_ups.quiet_until:
            self._is_quiet = False
            self._connection(is_there=self._is_there)
        for _ in range(_MOST_TURNS):
            orders = self._orders()
            for order in orders:
                self._carry_out(order)
            self._take_all(self._tables.ends)
            if not orders:
                return

    def end(self) -> None:
        """What ended with the house is noted; the rest is told to the next one."""
        self._connection(is_there=False)
        self._take_all(self._tables.ends)

    def _due(self, now: float) -> float:
        wish, seen, jobs = self._tables.wish, self._seen, self._tables.jobs
        due = [
            self._ask_anew_at if self._has_missed else float("inf"),
            self._hang_ups.quiet_until if self._is_quiet else float("inf"),
            float("inf") if wish is None else wish.due(now),
            float("inf") if seen is None else seen.due,
            float("inf") if jobs is None else jobs.due(now),
        ]
        return min(due)

    # -- what happened -----------------------------------------------------------------------------------

    def _notice_states(self) -> None:
        while not self._states.empty():
            self._is_there = self._states.get_nowait()
            if self._is_there:
                self._hang_ups.connected()
            elif self._hang_ups.lost(self._clock.now().mono):
                if not self._is_quiet:
                    log.warning(
                        "cloud: the connection ends whenever shadows or jobs are asked for; they are left alone for a"
                        " while. Does the policy allow their topics? `edge-mask aws policy` prints one that does"
                    )
                self._is_quiet = True
            self._connection(is_there=self._is_there)

    def _connection(self, *, is_there: bool) -> None:
        now = self._clock.now().mono
        if is_there and self._is_quiet:
            return
        if self._tables.wish is not None:
            self._tables.wish.connected(now) if is_there else self._tables.wish.lost()
        if self._seen is not None:
            self._seen.connected() if is_there else self._seen.lost()
        if self._tables.jobs is not None:
            self._tables.jobs.connected() if is_there else self._tables.jobs.lost()

    def _take_all(self, events: "Queue[Event] | SimpleQueue[Event]") -> None:
        while True:
            try:
                event = events.get_nowait()
            except Empty:
                return
            event(self._clock.now().mono)

    def _tell(self, topic: str, payload: bytes, now: float) -> None:
        self._hang_ups.heard()
        wish, seen, jobs = self._tables.wish, self._seen, self._tables.jobs
        if wish is not None and topic in wish.topics.heard:
            wish.hear(topic, payload, now)
        elif seen is not None and topic in seen.topics.heard:
            seen.hear(payload, now)
        elif jobs is not None:
            jobs.hear(topic, payload, now)

    # -- what to do --------------------------------------------------------------------------------------

    def _orders(self) -> list[Order | Do | Look]:
        now = self._clock.now().mono
        orders: list[Order | Do | Look] = []
        if self._tables.wish is not None:
            orders += self._tables.wish.turn(now)
        if self._seen is not None:
            orders += self._seen.turn(now)
        if self._tables.jobs is not None:
            orders += self._tables.jobs.turn(now)
        return orders

    def _carry_out(self, order: Order | Do | Look) -> None:
        match order:
            case Say():
                self._say(order)
            case Look():
                self._look().add_done_callback(self._looked)
            case Configure(part=part):
                self._wishes.configure(part, ORIGIN).add_done_callback(self._wish_ended)
            case Activate(name=name, version=version):
                doing.activate(name, version, self._wishes).add_done_callback(self._wish_ended)
            case Do(number=number, operation=operation):
                future = doing.do(operation, self._wishes, self._folder, self._clock)
                future.add_done_callback(lambda future: self._job_ended(number, future))

    def _say(self, said: Say) -> None:
        message = Message(topic=said.topic, payload=said.payload, priority=Priority.LIVE, qos=1)
        self._hang_ups.said()
        self._transport.send(message).add_done_callback(lambda sent: self._was_said(said.topic, receipt_of(sent)))

    def _was_said(self, topic: str, receipt: Receipt) -> None:
        """In the driver's thread."""
        seen = self._seen
        if receipt.outcome is Outcome.REFUSED:
            self._happened(lambda now: self._refused(topic, receipt.reason, now))
        elif receipt.outcome is Outcome.UNKNOWN and seen is not None and topic == seen.topics.update:
            self._happened(lambda _now: seen.not_sent())

    def _refused(self, topic: str, reason: str, now: float) -> None:
        self._denials.refused(topic, reason)
        wish, seen = self._tables.wish, self._seen
        if wish is not None and topic == wish.topics.update:
            wish.refused(now)
        elif seen is not None and topic == seen.topics.update:
            seen.refused(now)

    def _looked(self, answer: "Future[Mapping[str, Any] | None]") -> None:
        """In the recorder's thread."""
        reported = None if answer.cancelled() or answer.exception() is not None else answer.result() or {}
        self._happened(lambda now: self._show(reported, now))

    def _show(self, reported: Mapping[str, Any] | None, now: float) -> None:
        if self._seen is not None:
            for said in self._seen.found(reported, now):
                self._say(said)

    def _wish_ended(self, future: "Future[Any]") -> None:
        """In the main thread, when the house may be another one already."""
        wish, error = self._tables.wish, future.exception()
        if wish is not None:
            self._tables.end(lambda now: wish.ended(error, now))

    def _job_ended(self, number: int, future: "Future[doing.Details]") -> None:
        jobs, error = self._tables.jobs, future.exception()
        details = {} if error is not None else future.result()
        if jobs is not None:
            self._tables.end(lambda now: jobs.ended(number, error, details, now))
