"""The control worker of a house: it takes requests from the broker, has them carried out, and sends the answers.

  broker ──arrived──▶ Desk: unread ──▶ read ──▶ waiting ──▶ a thread per command, four at once
     ▲                                  Mouth ────▲           │
     └──────── transport ◀── Afterwards ◀──── answer ─────────┴──▶ the future of who asked at the Mouth

The thread of a command ends with it: a house that nobody asks has this one thread, which sleeps.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from edge_mask.control.afterwards import Owed
from edge_mask.control.desk import Desk
from edge_mask.control.request import Rejected, Request, name_of, read, reply_to, request_id
from edge_mask.deliver.transport import BrokerTransport, receipt_of
from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Fault, Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job
from edge_mask.wire.topics import Topics

log = logging.getLogger(__name__)

Answer = Mapping[str, Any]
Command = Callable[[Request], "Answer | Future[Answer]"]
"""Carries out a request: at once, in a thread of its own, or later. Raises Rejected or another EdgeMaskError."""

_IDLE: Final = 10.0
_AGAIN_AFTER: Final = 0.5
"""Seconds until an answer that was not acknowledged is sent again."""
_LAST_MOMENT: Final = 1.0


class Clerk(Job):
    """`connected` may be called from any thread."""

    name = "control"

    def __init__(
        self,
        desk: Desk,
        topics: Topics,
        transport: BrokerTransport | None,
        commands: Mapping[str, Command],
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        clean: Callable[[str], str] = str,
        first: Callable[[Message], bool] = lambda _message: False,
    ) -> None:
        """`clean` takes secrets out of a text. Without a transport nobody asks over a broker. `first` sees each message
        before the desk, and says whether it has dealt with it; it returns at once."""
        self._desk = desk
        self._topics = topics
        self._transport = transport
        self._commands = commands
        self._outages = {name: Outage(f"command {name}", log, report, clock) for name in commands}
        self._clock = clock
        self._clean = clean
        self._first = first
        self._wake = threading.Event()
        self._again_at = float("-inf")
        self._threads: list[threading.Thread] = []
        if transport is not None:  # before it opens: who sees the device online may ask at once
            transport.subscribe(topics.commands, self._arrived)

    # -- from other threads ------------------------------------------------------------------------------

    def connected(self, is_connected: bool) -> None:
        """The connection came or went."""
        if is_connected:
            self._again_at = float("-inf")
            self._wake.set()

    def _arrived(self, message: Message) -> None:
        if not self._first(message):
            self._desk.arrived(message)

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._desk.served_by(self._wake.set)

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(self._pause())
        self._wake.clear()
        self._take_in()
        if not stop.is_set():
            self._begin_commands()
        self._send()

    def interrupt(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """Give commands a moment to end; those that wait are for the next house, if one comes."""
        deadline = self._clock.now().mono + _LAST_MOMENT
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.now().mono))
        self._again_at = float("-inf")
        self._send()

    def _pause(self) -> float:
        if not len(self._desk.afterwards) or self._transport is None or not self._transport.is_connected:
            return _IDLE
        return min(_IDLE, max(0.0, self._again_at - self._clock.now().mono))

    # -- what comes in -----------------------------------------------------------------------------------

    def _take_in(self) -> None:
        while (message := self._desk.unread()) is not None:
            self._take(message)
        if dropped := self._desk.take_dropped():
            log.warning("control: %d requests were not read: too many at once", dropped)

    def _take(self, message: Message) -> None:
        name, now = name_of(message), self._clock.now().mono
        try:
            if message.retain and not self._desk.repeats.is_first_sight(message):
                return
            request = self._read(message)
            if not self._desk.repeats.is_new(name, request.id, now):
                log.info("command %s: %s came again and is not carried out again", name, request.id)
                return
            try:
                self._desk.admit(request)
            except Rejected:
                self._desk.repeats.forget(name, request.id)
                raise
        except Rejected as error:
            log.info("command %.64s: %s: %s", name, error.code, error)
            self._desk.reject(reply_to(message, self._topics), request_id(message.payload), error, now)

    def _read(self, message: Message) -> Request:
        if message.retain:
            text = "it was kept by the broker (retained), and would come with each connection; publish it without that"
            raise Rejected("bad_request", text)
        return read(message, self._topics)

    # -- what is done ------------------------------------------------------------------------------------

    def _begin_commands(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        while (request := self._desk.next()) is not None:
            thread = threading.Thread(
                target=self._carry_out, args=(request,), name=f"command {request.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _carry_out(self, request: Request) -> None:
        try:
            answer = self._commands[request.name](request)
            if isinstance(answer, Future):
                if not answer.done():
                    answer.add_done_callback(partial(self._ended, request))
                    return
                answer = answer.result()
        except Exception as error:  # noqa: BLE001 (no request may take the house down)
            self._failed(request, error)
        else:
            self._done(request, answer)

    def _ended(self, request: Request, later: "Future[Answer]") -> None:
        """Perhaps in the main thread, and after this house has stopped."""
        error = later.exception()
        if error is None:
            self._done(request, later.result())
        else:
            self._failed(request, error, is_told=True)

    def _done(self, request: Request, answer: Answer) -> None:
        log.info("command %s: done", request.name)
        self._desk.answered(request, answer, self._clock.now().mono)
        self._outages[request.name].end()

    def _failed(self, request: Request, error: BaseException, *, is_told: bool = False) -> None:
        """`is_told`: whoever tried has reported it."""
        rejected = self._as_rejected(request, error)
        if rejected.code == "busy":  # nothing was done: the same request may come again
            self._desk.repeats.forget(request.name, request.id)
        self._desk.failed(request, rejected, self._clock.now().mono)
        if rejected.code == "failed" and not is_told:
            self._outages[request.name].begin("command_failed", str(rejected))
        else:
            log.info("command %s: %s: %s", request.name, rejected.code, rejected)

    def _as_rejected(self, request: Request, error: BaseException) -> Rejected:
        if isinstance(error, Rejected):
            return Rejected(error.code, self._clean(str(error)))
        if isinstance(error, EdgeMaskError):
            return Rejected("failed", self._clean(str(error)))
        log.error("command %s: a fault of our own", request.name, exc_info=error)
        return Rejected("failed", self._clean(f"internal fault: {type(error).__name__}: {error}"))

    # -- what goes out -----------------------------------------------------------------------------------

    def _send(self) -> None:
        now, transport = self._clock.now().mono, self._transport
        if transport is None or not transport.is_connected or now < self._again_at:
            return
        for owed in self._desk.afterwards.take(now):
            transport.send(owed.message).add_done_callback(partial(self._sent, owed))

    def _sent(self, owed: Owed, sent: "Future[Receipt]") -> None:
        receipt = receipt_of(sent)
        if receipt.outcome is Outcome.REFUSED:
            log.warning("control: an answer to %s was refused: %s", owed.message.topic, receipt.reason)
        elif receipt.outcome is Outcome.UNKNOWN:
            self._again_at = self._clock.now().mono + _AGAIN_AFTER
            self._desk.afterwards.put_back(owed)
