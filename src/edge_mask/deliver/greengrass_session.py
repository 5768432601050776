"""One time in which the nucleus takes messages for AWS IoT Core: from the `status` that it took to its first no.

    nucleus connected ──▶ it is connected to AWS IoT Core ──▶ it takes `status` ──▶ one message after the other
                                                                    ▲                      │ ServiceError
                                                                    └── this message, or everything? ◀┘

An OK says that the nucleus took a message, and not that it arrived: while it says that AWS IoT Core is away, nothing is
handed over, since our outbox survives a power cut and its memory does not. Older ones say nothing of it, and a
ServiceError says no reason. So `status` is published once more: when that is taken, the message itself is at fault.
"""

import logging
import select
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.greengrass_core import CoreConnection
from edge_mask.deliver.packet import problem, quota_problem
from edge_mask.deliver.transport import Listener, Sending
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message, Outcome
from edge_mask.nucleus.errors import NoConnection
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.requests import publish_locally, publish_to_core
from edge_mask.runtime.clock import Clock

log = logging.getLogger(__name__)

_IN_FLIGHT = 1
"""One message at a time: the next one must not arrive before one that the nucleus did not take. The answers come from
this machine, so that costs nothing."""
_TURN = 1.0
_FIRST_WORD_WITHIN = 2.0
"""Seconds in which a nucleus that tells of its connection says how it is."""
_ASKED_EVERY = 60.0
"""Seconds: the classic nucleus drops a change that comes while it tells the first one."""
_CORE_IS_AWAY = "the nucleus has no connection to AWS IoT Core"


class GreengrassSession:
    """Used by the link's thread only. The nucleus outlives it, and so do subscriptions."""

    def __init__(
        self,
        nucleus: Nucleus,
        core: CoreConnection,
        bell: Doorbell,
        clock: Clock,
        *,
        birth: Callable[[], Message] | None,
        is_local: Callable[[str], bool],
        say_once: Callable[[str], None],
        still_trying: Callable[[str], None],
    ) -> None:
        """`is_local` tells the topics of the local bus; `still_trying` hears why the nucleus is not there yet."""
        self._nucleus = nucleus
        self._core = core
        self._bell = bell
        self._clock = clock
        self._birth = birth
        self._is_local = is_local
        self._say_once = say_once
        self._still_trying = still_trying
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._in_flight: dict[int, Sending] = {}
        self._number = 0
        self._is_there = False
        self._where = ""
        self._asked: Future[None] | None = None
        self._doubted: tuple[Sending, str] | None = None
        self._is_serving = False
        self._leave: Callable[[], None] = lambda: None

    # -- what the link asks for ----------------------------------------------------------------------------

    def connect(self, should_stop: Callable[[], bool]) -> str:
        """Wait for the nucleus, for its connection, and until it takes `status`. Raises TryLater when it does not."""
        self._core.on_change = self._bell.ring
        self._leave = self._nucleus.watch(self._when_told)
        self._wait_while(lambda: not self._is_there, should_stop)
        self._wait_while(lambda: self._core.is_awaited, should_stop, _FIRST_WORD_WITHIN)
        while self._core.is_away:
            self._still_trying(_CORE_IS_AWAY)
            if self._wait_while(lambda: self._core.is_away, should_stop, _ASKED_EVERY):
                self._core.ask_again()
        self._ask()
        self._wait_while(lambda: self._asked is not None, should_stop)
        self._is_serving = True
        return self._where

    def _wait_while(
        self, condition: Callable[[], bool], should_stop: Callable[[], bool], at_most: float = float("inf")
    ) -> bool:
        """True when it still holds after `at_most` seconds. Raises TryLater at a stop."""
        began = self._clock.now().mono
        while condition():
            left = began + at_most - self._clock.now().mono
            if left <= 0:
                return True
            if should_stop():
                raise TryLater("closed")
            self.turn(min(left, _TURN))
        return False

    def publish(self, sending: Sending) -> None:
        if why := objection(sending.message, is_local=self._is_local(sending.message.topic)):
            sending.end(Outcome.REFUSED, f"cannot be published: {why}")
        elif self._asked is not None:
            sending.end(Outcome.UNKNOWN, "the nucleus did not take an earlier message")
        else:
            self._number += 1
            number = self._number
            self._in_flight[number] = sending
            self._hand_over(sending.message).add_done_callback(
                lambda answer: self._post(partial(self._when_answered, number, answer))
            )

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """The transport does: subscriptions stand while AWS IoT Core is away."""

    @property
    def has_room(self) -> bool:
        """While it is open whether anything is taken, everything is handed over, and ends undecided."""
        return self._asked is not None or len(self._in_flight) < _IN_FLIGHT

    @property
    def oldest(self) -> Sending | None:
        return next(iter(self._in_flight.values()), None) or (self._doubted and self._doubted[0])

    def turn(self, timeout: float) -> None:
        """Wait for news and take them. Raises TryLater when nothing is taken any more."""
        poll = select.poll()
        poll.register(self._bell.ear, select.POLLIN)
        if self._events.empty() and poll.poll(max(0.0, timeout) * 1000):
            self._bell.quiet()
        while True:
            try:
                event = self._events.get_nowait()
            except Empty:
                break
            event()
        if self._is_serving and self._core.is_away:
            raise TryLater(_CORE_IS_AWAY)

    def end(self, reason: str, *, politely: bool) -> None:
        """A message under way may be why the nucleus hung up; that AWS IoT Core is away is no message's fault."""
        self._leave()
        for sending in self._in_flight.values():
            sending.end(Outcome.UNKNOWN, reason, is_suspect=not (politely or bool(self._core.is_away)))
        self._in_flight.clear()
        self._end_doubted(is_suspect=False)

    # -- what the nucleus tells (posted from its threads, taken in turn) -----------------------------------

    def _post(self, event: Callable[[], None]) -> None:
        self._events.put(event)
        self._bell.ring()

    def _when_told(self, is_connected: bool, reason: str) -> None:
        self._post(partial(self._when_there if is_connected else self._when_away, reason))

    def _when_there(self, reason: str) -> None:
        self._is_there, self._where = True, reason

    def _when_away(self, reason: str) -> None:
        if self._is_there:
            raise TryLater(reason)
        self._still_trying(reason)

    def _when_answered(self, number: int, answer: "Future[None]") -> None:
        sending = self._in_flight.pop(number, None)
        error = answer.exception()
        if sending is None:
            return
        if error is None:
            sending.end(Outcome.DELIVERED, "the nucleus has it")
        elif isinstance(error, Refused):
            sending.end(Outcome.REFUSED, str(error))
        elif self._birth is None or isinstance(error, NoConnection):
            sending.end(Outcome.UNKNOWN, str(error), is_suspect=True)
        else:
            self._doubted = (sending, str(error))
            self._ask()

    # -- whether the nucleus takes anything ----------------------------------------------------------------

    def _ask(self) -> None:
        if self._birth is None:
            return
        birth = self._birth()
        self._asked = self._hand_over(birth)
        self._asked.add_done_callback(lambda answer: self._post(partial(self._when_told_of_core, answer, birth.topic)))

    def _when_told_of_core(self, answer: "Future[None]", topic: str) -> None:
        self._asked = None
        error = answer.exception()
        if isinstance(error, NoConnection):
            raise TryLater(str(error))
        if isinstance(error, Refused):  # also an answer, from a nucleus that works
            self._say_once(f"{topic} cannot be published, so nobody sees whether this device is online: {error}")
        elif error is not None:
            raise TryLater(f"the nucleus takes nothing for AWS IoT Core: it has no connection itself ({error})")
        self._end_doubted(is_suspect=True)

    def _end_doubted(self, *, is_suspect: bool) -> None:
        if self._doubted is not None:
            sending, reason = self._doubted
            self._doubted = None
            sending.end(Outcome.UNKNOWN, reason, is_suspect=is_suspect)

    def _hand_over(self, message: Message) -> "Future[None]":
        if self._is_local(message.topic):
            return self._nucleus.call(publish_locally(message.topic, message.payload))
        return self._nucleus.call(publish_to_core(message))


def objection(message: Message, *, is_local: bool) -> str:
    """Why it can never be published; empty when it can."""
    return problem(message, has_properties=True) or ("" if is_local else quota_problem(message))
