"""Through the Greengrass nucleus: messages for AWS IoT Core, and topics of the local bus; see docs/greengrass.md."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.greengrass_core import CoreConnection
from edge_mask.deliver.greengrass_session import GreengrassSession
from edge_mask.deliver.link import Link
from edge_mask.deliver.transport import Listener, OnState
from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Message, Receipt
from edge_mask.nucleus import shared
from edge_mask.nucleus.errors import NoConnection, NotAllowed
from edge_mask.nucleus.nucleus import ANSWER_WITHIN, Follow, Nucleus
from edge_mask.nucleus.requests import Request, from_components, from_core
from edge_mask.runtime.clock import Clock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.sql.topics import filters_overlap, topic_matches
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_MOST_SAID = 64
"""Most sentences that are remembered as said: rules can make any number of topics."""


class _Subscription:
    """One filter on one bus, and whether the nucleus has granted it."""

    def __init__(
        self,
        request: Request[Message],
        listener: Listener,
        say_once: Callable[[str], None],
        not_yet: Callable[[EdgeMaskError], None],
    ) -> None:
        self.request = request
        self.listener = listener
        self.follow: Follow | None = None
        self.must_ask_again = False
        self._say_once = say_once
        self._not_yet = not_yet

    def answered(self, error: EdgeMaskError | None) -> None:
        """A right that is missing stays so until the next deployment; what fails now is asked for again."""
        self.must_ask_again = error is not None and not isinstance(error, NotAllowed)
        if isinstance(error, NotAllowed):
            self._say_once(str(error))
        elif error is not None:
            self._not_yet(error)


class GreengrassTransport:
    """A Transport over the nucleus's interface. It has no last will: `status` says offline on a clean close only."""

    def __init__(
        self,
        *,
        local: Sequence[str] = (),
        will: Message | None = None,
        birth: Message | Callable[[], Message] | None = None,
        on_state: OnState = lambda _connected, _reason: None,
        borrow: Callable[[], Nucleus] = shared.borrow,
        give_back: Callable[[Seconds], None] = shared.give_back,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`local` are the filters of the topics that go to the local bus instead. `birth` also shows, on each
        connection and after a failure, whether AWS IoT Core is there."""
        self._local = tuple(local)
        self._birth = (lambda: birth) if isinstance(birth, Message) else birth
        self._on_state = on_state
        self._clock = clock or SystemClock()
        self._borrow = borrow
        self._give_back = give_back
        self._nucleus: Nucleus | None = None
        self._lock = threading.Lock()
        self._subscriptions: list[_Subscription] = []
        self._said: set[str] = set()
        self._told_of_subscriptions = False
        self._core = CoreConnection()
        self._link = Link(
            self._new_session,
            will=will,
            birth=None,
            ack_timeout=2 * ANSWER_WITHIN,  # the nucleus's own timeout comes first
            backoff=backoff or Backoff(cap=30.0),
            refused_backoff=Backoff(base=60.0, cap=60.0),
            on_state=self._tell,
            clock=self._clock,
        )

    def open(self) -> None:
        """Start connecting; returns at once. Raises Refused outside of Greengrass, or without the AWS libraries."""
        self._nucleus = self._borrow()
        self._core.begin(self._nucleus)
        with self._lock:
            for each in self._subscriptions:  # first: whoever sees the device online may count on being heard
                self._ask_for(each)
        self._link.start()

    @property
    def is_connected(self) -> bool:
        """Whether the nucleus takes messages for AWS IoT Core."""
        return self._link.is_connected

    def send(self, message: Message) -> "Future[Receipt]":
        return self._link.send(message)

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """At AWS IoT Core, and on the local bus where the filter meets a local topic. `listener` is called in the
        library's thread."""
        requests = [from_core(topic_filter)]
        if any(filters_overlap(topic_filter, local) for local in self._local):
            requests.append(from_components(topic_filter))
        with self._lock:
            for request in requests:
                made = _Subscription(request, listener, self._say_once, self._not_subscribed)
                self._subscriptions.append(made)
                self._ask_for(made)

    def close(self, within: Seconds) -> None:
        self._link.stop(within)
        nucleus, self._nucleus = self._nucleus, None
        if nucleus is None:
            return
        self._core.end()
        with self._lock:
            for each in self._subscriptions:
                if each.follow is not None:
                    nucleus.leave(each.follow)
        self._give_back(within)

    def _ask_for(self, subscription: _Subscription) -> None:
        if self._nucleus is not None:
            subscription.follow = self._nucleus.follow(
                subscription.request, subscription.listener, subscription.answered
            )

    def _new_session(self, bell: Doorbell) -> GreengrassSession:
        assert self._nucleus is not None, "opened before"
        return GreengrassSession(
            self._nucleus,
            self._core,
            bell,
            self._clock,
            birth=self._birth,
            is_local=self._is_local,
            say_once=self._say_once,
            still_trying=lambda reason: self._on_state(False, reason),
        )

    def _is_local(self, topic: str) -> bool:
        return any(topic_matches(each, topic) for each in self._local)

    def _tell(self, is_connected: bool, reason: str) -> None:
        with self._lock:
            for each in self._subscriptions if is_connected else ():
                if each.must_ask_again and each.follow is not None and self._nucleus is not None:
                    self._nucleus.renew(each.follow)
        self._on_state(is_connected, reason)

    def _not_subscribed(self, error: EdgeMaskError) -> None:
        """A nucleus says no to all of them together, so the first one is told."""
        log.debug("greengrass: %s", error)
        if not isinstance(error, NoConnection) and not self._told_of_subscriptions:
            self._told_of_subscriptions = True
            log.warning("greengrass: nothing is heard there until the nucleus agrees, and it is asked again: %s", error)

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(sentence)
            log.warning("greengrass: %s", sentence)
