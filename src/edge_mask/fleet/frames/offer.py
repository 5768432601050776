"""Gives frames to peers while this device cannot look at them in time, or has no model that answers.

tray ──frame──▶ JPEG ──▶ the peer that answers soonest ──answer──▶ vision, in the order of the frames
                            ├─ busy: another peer, while the frame is fresh
                            └─ no answer in time: lost, counted, and the peer has a pause
"""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from edge_mask.deliver.transport import BrokerTransport, receipt_of
from edge_mask.detect.detector import Answer
from edge_mask.errors import Refused
from edge_mask.fleet.frames.answer import PeerAnswer, read_answer
from edge_mask.fleet.frames.frame import FRESH, JPEG, PEER
from edge_mask.fleet.frames.jpeg import Sent, as_jpeg
from edge_mask.fleet.frames.peers import DISTRUST, Peers
from edge_mask.fleet.frames.said import Said
from edge_mask.messages import Frame, Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Tray
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds
from edge_mask.wire.envelope import timestamp
from edge_mask.wire.topics import Topics

log = logging.getLogger(__name__)

PATIENCE: Final = Seconds(0.6)
"""For an answer."""
_AGAIN_WITHIN: Final = Seconds(0.3)
"""A frame that a peer was too busy for is given to another one, unless it is older than this."""
_IDLE: Final = 0.5
_MOST_HEARD: Final = 4096
"""Messages that were not read yet."""


class Judge(Protocol):
    """What vision does with frames that others look at."""

    def give(self, number: int, frame: Frame) -> None: ...
    def given_back(self, frame: Frame, answer: Answer | None, model: str = "") -> bool: ...
    def go_on(self) -> Seconds | None: ...
    def enter(self) -> None: ...
    def leave(self) -> None: ...
    def rest(self) -> None: ...


@dataclass(slots=True)
class Offered:
    """Frames of this device that others were given, so far."""

    offered: int = 0
    answered: int = 0
    lost: int = 0
    """No answer in time, no sensible one, or one that came after its turn."""


@dataclass(frozen=True, slots=True, eq=False)
class _Out:
    """A frame that a peer has."""

    frame: Frame
    sent: Sent
    peer: str
    since: Seconds


class Offer(Job):
    """`wanted` says at any moment whose frames are given away: `None` for nobody's."""

    name = "offers"
    group = "vision"
    patience = Seconds(60.0)

    def __init__(
        self,
        topics: Topics,
        transport: BrokerTransport,
        peers: Peers,
        frames: Tray[Frame],
        vision: Judge,
        clock: Clock,
        *,
        wanted: Callable[[], Callable[[str], bool] | None],
        is_alone: bool = False,
    ) -> None:
        """`is_alone`: there are no lanes, so that nobody else notices that visitors have gone."""
        self._topics = topics
        self._transport = transport
        self._peers = peers
        self._frames = frames
        self._vision = vision
        self._clock = clock
        self._wanted = wanted
        self._is_alone = is_alone
        self._wake = threading.Event()
        self._heard: deque[Callable[[], None]] = deque(maxlen=_MOST_HEARD)
        self._out: dict[bytes, _Out] = {}
        self._is_lost = False
        self.counted = Offered()
        said = Said(topics, peers, clock, on_gone=self._gone)
        for topic_filter, take in {topics.infer_answers: self._take_answer, **said.listeners()}.items():
            transport.subscribe(topic_filter, partial(self._hear, take))

    # -- from other threads ------------------------------------------------------------------------------

    def wake(self) -> None:
        """There may be a frame to give away."""
        self._wake.set()

    def connected(self, is_connected: bool) -> None:
        """The connection to the broker came or went."""
        if not is_connected:
            self._is_lost = True
            self._wake.set()

    def _something_is_left(self) -> None:
        if self._wanted() is not None:
            self._wake.set()

    def _hear(self, take: Callable[[Message], None], message: Message) -> None:
        self._heard.append(partial(take, message))
        self._wake.set()

    def _sent(self, correlation: bytes, sent: "Future[Receipt]") -> None:
        receipt = receipt_of(sent)
        if receipt.outcome is not Outcome.DELIVERED:
            self._heard.append(partial(self._not_sent, correlation, receipt.reason))
            self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._vision.enter()
        self._frames.on_left = self._something_is_left

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(self._pause())
        self._wake.clear()
        if self._is_lost:
            self._is_lost = False
            self._peers.away()
            self._give_up(lambda _out: True)
        while self._heard:
            self._heard.popleft()()
        now = self._clock.now().mono
        self._give_up(lambda out: now - out.since >= PATIENCE)
        self._vision.go_on()
        while not stop.is_set() and self._give_one():
            pass
        if self._is_alone and not self._out:
            self._vision.rest()

    def interrupt(self) -> None:
        self._frames.close()
        self._wake.set()

    def end(self) -> None:
        self._frames.on_left = None
        self._give_up(lambda _out: True)
        self._vision.leave()

    def _pause(self) -> float:
        now = self._clock.now().mono
        due = [out.since + PATIENCE for out in self._out.values()]
        if (overdue := self._vision.go_on()) is not None:
            due.append(overdue)
        return max(0.0, min([now + _IDLE, *due]) - now)

    # -- frames go out -----------------------------------------------------------------------------------

    def _give_one(self) -> bool:
        """Whether a frame was given away."""
        which = self._wanted() if self._transport.is_connected else None
        now = self._clock.now().mono
        peer = None if which is None else self._peers.pick(now)
        if which is None or peer is None or (taken := self._frames.take_away(which)) is None:
            return False
        number, frame = taken
        self._vision.give(number, frame)
        self.counted.offered += 1
        sent = as_jpeg(frame.image)
        if sent is None:
            self._lose(frame)
        else:
            self._send(frame, sent, peer)
        return True

    def _send(self, frame: Frame, sent: Sent, peer: str) -> None:
        correlation = secrets.token_bytes(16)  # nobody can answer who was not asked
        self._out[correlation] = _Out(frame, sent, peer, self._clock.now().mono)
        self._peers.asked(peer)
        words = {"camera": frame.camera, "frame": str(frame.number), "ts": timestamp(frame.at.wall), "purpose": PEER}
        properties: Mapping[str, Any] = {
            "content_type": JPEG,
            "response_topic": self._topics.infer_answers,
            "correlation_data": correlation,
            "message_expiry_interval": round(FRESH),
            "user_properties": words,
        }
        topic = replace(self._topics, thing=peer).command("infer")
        message = Message(topic=topic, payload=sent.data, priority=Priority.LIVE, qos=0, properties=properties)
        self._transport.send(message).add_done_callback(partial(self._sent, correlation))

    def _not_sent(self, correlation: bytes, reason: str) -> None:
        if (out := self._out.pop(correlation, None)) is not None:
            log.warning("peers: a frame for %s could not be sent: %s", out.peer, reason)
            self._peers.lost(out.peer, self._clock.now().mono)
            self._lose(out.frame)

    # -- answers come in ---------------------------------------------------------------------------------

    def _take_answer(self, message: Message) -> None:
        correlation: bytes = message.properties.get("correlation_data", b"")
        out = self._out.get(correlation)
        if out is None or message.retain:
            return  # too late, the second one, or to somebody else's question
        now = self._clock.now().mono
        try:
            answer = read_answer(message.payload, out.sent.width, out.sent.height)
            if answer.by != out.peer:
                return  # it was not asked; whoever was may still answer
        except Refused as error:
            log.warning("peers: what %s says of a frame is not believed: %s", out.peer, error)
            del self._out[correlation]
            self._peers.lost(out.peer, now, DISTRUST)
            self._lose(out.frame)
            return
        del self._out[correlation]
        if answer.error:
            self._not_looked_at(out, answer, now)
            return
        self._peers.answered(out.peer, answer.free, now, Seconds(now - out.since))
        faces = [out.sent.in_frame(face, out.frame.image) for face in answer.faces]
        self._settle(out.frame, Answer(faces, answer.inference_ms), answer.model or out.peer)

    def _not_looked_at(self, out: _Out, answer: PeerAnswer, now: Seconds) -> None:
        if answer.error == "busy":
            self._peers.answered(out.peer, 0, now)
        else:
            self._peers.lost(out.peer, now)
        other = self._peers.pick(now, but=out.peer) if now - out.frame.at.mono <= _AGAIN_WITHIN else None
        if other is None:
            self._lose(out.frame)
        else:
            self._send(out.frame, out.sent, other)

    def _give_up(self, which: Callable[[_Out], bool]) -> None:
        now = self._clock.now().mono
        for correlation, out in list(self._out.items()):
            if which(out):
                del self._out[correlation]
                self._peers.lost(out.peer, now)
                self._lose(out.frame)

    def _gone(self, thing: str) -> None:
        self._give_up(lambda out: out.peer == thing)

    def _lose(self, frame: Frame) -> None:
        self._settle(frame, None, "")

    def _settle(self, frame: Frame, answer: Answer | None, model: str) -> None:
        if self._vision.given_back(frame, answer, model):
            self.counted.answered += 1
        else:
            self.counted.lost += 1
