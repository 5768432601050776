"""One connection through the AWS SDK. Its callbacks come in the SDK's thread and only post what happened.

SDK's thread ──events──▶ doorbell ──▶ turn() in the link's thread: receipts, the end of the connection
"""

import itertools
import logging
import select
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from awscrt import io, mqtt5

from edge_mask.deliver import aws_iot_reasons as reasons
from edge_mask.deliver.aws_iot_client import (
    Callbacks,
    Endpoint,
    message_of,
    new_client,
    packet_of,
)
from edge_mask.deliver.aws_iot_diagnosis import Diagnosis
from edge_mask.deliver.aws_iot_identity import Identity, Renewal
from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.factory import AWS_IN_FLIGHT
from edge_mask.deliver.link import Again
from edge_mask.deliver.packet import (
    BrokerLimits,
    filter_problem,
    problem,
    properties_size,
    publish_size,
    quota_problem,
)
from edge_mask.deliver.transport import Listener, Sending
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.runtime.clock import Clock
from edge_mask.sql.topics import topic_matches
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_PATIENCE = 2.0
"""Seconds of silence after which the cause is looked for."""
_GIVE_UP_AFTER = 45.0
"""Seconds: the SDK tells of a broker that it does not trust after up to 30, of silence after 10."""
_GOODBYE_WITHIN = 1.0


class AwsIotSession:
    """One client of the SDK from its start to its stop; the link makes a new one for the next connection."""

    def __init__(
        self,
        endpoint: Endpoint,
        identity: Identity,
        diagnosis: Diagnosis,
        renewal: Renewal,
        bootstrap: io.ClientBootstrap,
        bell: Doorbell,
        clock: Clock,
        *,
        will: Message | None,
        say_once: Callable[[str], None],
        still_trying: Callable[[str], None],
    ) -> None:
        """`say_once` logs what should be logged once and not on each connection; `still_trying` tells of a connection
        that takes long."""
        self._endpoint = endpoint
        self._identity = identity
        self._bootstrap = bootstrap
        self._bell = bell
        self._clock = clock
        self._will = will
        self._diagnosis = diagnosis
        self._renewal = renewal
        self._say_once = say_once
        self._still_trying = still_trying
        self._client: mqtt5.Client | None = None
        self._has_stopped = Event()
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._numbers = itertools.count()
        self._in_flight: dict[int, Sending] = {}
        self._listeners: dict[str, Listener] = {}
        self._limits = BrokerLimits()
        self._is_accepted = False
        self._accepted_at = Seconds(0.0)
        self._ending: TryLater | Refused | None = None
        self._failure: mqtt5.LifecycleConnectFailureData | None = None

    # ── what the link asks for ──────────────────────────────────────────────────────────────────────────

    def connect(self, should_stop: Callable[[], bool]) -> str:
        callbacks = Callbacks(
            on_success=lambda data: self._post(lambda: self._when_accepted(data)),
            on_failure=lambda data: self._post(lambda: self._when_failed(data)),
            on_lost=lambda data: self._post(lambda: self._when_lost(data)),
            on_stopped=lambda _data: self._has_stopped.set(),
            on_message=self._when_arrived,
        )
        client = new_client(self._endpoint, self._bootstrap, self._identity.context(), self._will, callbacks)
        self._client = client
        client.start()
        if not self._is_answered_within(min(_PATIENCE, self._endpoint.connect_timeout), should_stop):
            if (why := self._diagnosis.of_silence()) is not None:
                raise why
            self._still_trying(f"{self._endpoint} does not answer yet; still trying")
            if not self._is_answered_within(_GIVE_UP_AFTER, should_stop):
                raise TryLater(f"{self._endpoint} does not answer")
        if self._failure is not None:
            raise self._diagnosis.of_failure(self._failure)
        return f"connected to {self._endpoint}"

    def publish(self, sending: Sending) -> None:
        message = sending.message
        objection = quota_problem(message) or problem(message, has_properties=True)
        objection = objection or self._limits.objection(message, publish_size(message, properties_size(message)))
        if objection:
            sending.end(Outcome.REFUSED, f"cannot be published: {objection}")
            return
        if self._client is None:
            sending.end(Outcome.UNKNOWN, "no connection")
            return
        number = next(self._numbers)
        future: Future[Any] = self._client.publish(packet_of(message))
        self._in_flight[number] = sending
        future.add_done_callback(lambda done: self._post(lambda: self._when_acknowledged(number, done)))

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        if topic_filter in self._listeners or self._client is None:
            return
        self._listeners = {**self._listeners, topic_filter: listener}  # the SDK's thread reads it
        if why := filter_problem(topic_filter):
            self._say_once(f"cannot subscribe to {topic_filter!r}: {why}")
            return
        wanted = [mqtt5.Subscription(topic_filter=topic_filter, qos=mqtt5.QoS.AT_LEAST_ONCE)]
        try:
            future: Future[Any] = self._client.subscribe(mqtt5.SubscribePacket(subscriptions=wanted))
        except Exception as error:  # noqa: BLE001 (the SDK raises many types on a filter that it does not like)
            self._say_once(f"cannot subscribe to {topic_filter}: {reasons.text_of(error)}")
            return
        future.add_done_callback(lambda done: self._post(lambda: self._when_subscribed(topic_filter, done)))

    @property
    def has_room(self) -> bool:
        return len(self._in_flight) < self._limits.receive_maximum and not self._renewal.is_due

    @property
    def oldest(self) -> Sending | None:
        return next(iter(self._in_flight.values()), None)

    def turn(self, timeout: float) -> None:
        poll = select.poll()
        poll.register(self._bell.ear, select.POLLIN)
        timeout = min(timeout, self._renewal.next_look())
        if poll.poll(max(0.0, timeout) * 1000):
            self._bell.quiet()
        while True:
            try:
                self._events.get_nowait()()
            except Empty:
                break
        if self._ending is not None:
            raise self._ending
        self._renewal.look()
        if self._renewal.is_due and not self._in_flight:
            raise Again("there are new certificate files: connecting again with them")

    def end(self, reason: str, *, politely: bool) -> None:
        client, self._client = self._client, None
        if client is not None:
            is_said = politely and self._is_accepted
            client.stop(mqtt5.DisconnectPacket() if is_said else None)
            if is_said:
                self._has_stopped.wait(_GOODBYE_WITHIN)
        for sending in self._in_flight.values():
            sending.end(Outcome.UNKNOWN, reason)
        self._in_flight.clear()
        self._ending = self._failure = (
            None  # an exception holds the frames, and those the client: its thread would stay
        )

    # ── what the SDK tells (in its own thread) ──────────────────────────────────────────────────────────

    def _post(self, event: Callable[[], None]) -> None:
        if self._client is not None:
            self._events.put(event)
            self._bell.ring()

    def _when_arrived(self, data: mqtt5.PublishReceivedData) -> None:
        topic = data.publish_packet.topic
        try:
            for topic_filter, listener in self._listeners.items():
                if topic_matches(topic_filter, topic):
                    listener(message_of(data.publish_packet))
        except Exception:  # an exception in the SDK's callback would only be printed
            log.exception("mqtt: a listener failed on a message at %s", topic)

    # ── what that means (in the link's thread, from inside turn) ────────────────────────────────────────

    def _when_accepted(self, data: mqtt5.LifecycleConnectSuccessData) -> None:
        self._is_accepted = True
        self._accepted_at = self._clock.now().mono
        self._renewal.begin()
        given = data.negotiated_settings
        self._limits = BrokerLimits(
            receive_maximum=min(AWS_IN_FLIGHT, given.receive_maximum_from_server),
            packet_size=given.maximum_packet_size_to_server,
            qos=int(given.maximum_qos),
            retain=given.retain_available,
        )

    def _when_failed(self, data: mqtt5.LifecycleConnectFailureData) -> None:
        self._failure = data

    def _when_lost(self, data: mqtt5.LifecycleDisconnectData) -> None:
        self._ending = self._diagnosis.of_loss(data, Seconds(self._clock.now().mono - self._accepted_at))

    def _when_acknowledged(self, number: int, done: "Future[Any]") -> None:
        sending = self._in_flight.pop(number, None)
        if sending is None:
            return
        receipt = reasons.receipt_of(done, qos=sending.message.qos)
        if receipt.outcome is Outcome.REFUSED and sending.message.priority is Priority.LIVE:
            self._say_once(f"{sending.message.topic}: {receipt.reason}")  # nobody sets a live message aside
        sending.end(receipt.outcome, receipt.reason, is_suspect=receipt.is_suspect)

    def _when_subscribed(self, topic_filter: str, done: "Future[Any]") -> None:
        if done.exception() is not None:  # the connection ended first
            return
        for code in done.result().reason_codes:
            if why := reasons.subscription_problem(topic_filter, code):
                self._say_once(why)

    # ── small parts ─────────────────────────────────────────────────────────────────────────────────────

    def _is_answered_within(self, seconds: float, should_stop: Callable[[], bool]) -> bool:
        """Whether the broker accepted, or the SDK gave up."""
        deadline = self._clock.now().mono + seconds
        while not self._is_accepted and self._failure is None:
            left = deadline - self._clock.now().mono
            if should_stop():
                raise TryLater("stopped while connecting")
            if left <= 0:
                return False
            self.turn(left)
        return True
