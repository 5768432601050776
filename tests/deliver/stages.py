"""A transport together with the far end it talks to: what one suite needs to try every driver."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from tests.broker import HOST, Mosquitto, ServerTls, Subscriber, Wire
from tests.deliver.web_server import Answer, Asked, WebServer
from tests.nucleus.fake import FakeNucleus
from tests.papers import Papers
from tests.waiting import PATIENCE

from edge_mask.deliver.aws_iot import AwsIotTransport
from edge_mask.deliver.aws_iot_identity import Identity
from edge_mask.deliver.greengrass import GreengrassTransport
from edge_mask.deliver.http import HttpTransport
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.deliver.paho import PahoTransport
from edge_mask.deliver.paho_client import Version
from edge_mask.deliver.tls import TlsFiles
from edge_mask.deliver.transport import BrokerTransport, Transport
from edge_mask.messages import Message, Priority
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.place import place_of_component
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

FORBIDDEN = "forbidden/topic"
VISITS = "edge-mask/gate-01/visits"
STATUS = "edge-mask/gate-01/status"
WILL = Message(topic=STATUS, payload=b'{"state":"offline"}', priority=Priority.LIVE, qos=1, retain=True)
BIRTH = Message(topic=STATUS, payload=b'{"state":"online"}', priority=Priority.LIVE, qos=1, retain=True)


def note(payload: bytes | str = b"{}", topic: str = VISITS) -> Message:
    """A message worth keeping."""
    body = payload.encode() if isinstance(payload, str) else payload
    return Message(topic=topic, payload=body, priority=Priority.EVIDENCE, qos=1)


class States:
    """What a transport said about its connection, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[bool, str]] = []
        self._changed = threading.Condition()

    def __call__(self, is_connected: bool, reason: str) -> None:
        with self._changed:
            self.told.append((is_connected, reason))
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[list[tuple[bool, str]]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: predicate(self.told), PATIENCE), f"told: {self.told}"

    def wait_until(self, is_connected: bool, after: int = 0) -> str:
        """Wait until it said so (ignoring the first `after` reports), and give the reason."""
        self.wait_for(lambda told: any(state is is_connected for state, _ in told[after:]))
        return next(reason for state, reason in self.told[after:] if state is is_connected)


class Stage(Protocol):
    """The transport under test and the orders a test may give to the world around it."""

    states: States

    @property
    def transport(self) -> Transport: ...

    def message(self, payload: bytes | str = b"{}", topic: str = VISITS) -> Message:
        """One that this transport can carry; `topic` is what `arrived` calls it."""

    def cut(self) -> None:
        """Break the connection; the far end lives on and cannot be reached."""

    def mend(self) -> None: ...

    def stop_broker(self) -> None: ...

    def start_broker(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def let_time_pass(self) -> None:
        """Longer than an acknowledgement may take."""

    def wait_until(self, is_connected: bool, after: int = 0) -> None:
        """Until the transport said so, where it says so without being asked to send (ignoring `after` reports)."""

    def arrived(self, topic: str, count: int) -> list[bytes]:
        """Wait for `count` payloads on a topic, and give all of that topic in order."""

    def end(self) -> None: ...


class BrokerStage(Stage, Protocol):
    """A far end that is a broker: it has wills, retained messages and other clients."""

    @property
    def transport(self) -> BrokerTransport: ...

    def say(self, topic: str, payload: bytes) -> None:
        """Another client publishes."""

    def retained(self, topic: str) -> bytes:
        """What a newcomer is told about a topic."""


class _OnMqtt:
    """What both stages with a broker have."""

    states: States

    def message(self, payload: bytes | str = b"{}", topic: str = VISITS) -> Message:
        return note(payload, topic)

    def wait_until(self, is_connected: bool, after: int = 0) -> None:
        self.states.wait_until(is_connected, after)


class MemoryStage(_OnMqtt):
    """The in-memory transport is its own far end."""

    def __init__(self) -> None:
        self.states = States()
        self._memory = MemoryTransport(will=WILL, birth=BIRTH, on_state=self.states)
        self._memory.refuse(lambda message: "not allowed" if message.topic == FORBIDDEN else "")

    @property
    def transport(self) -> BrokerTransport:
        return self._memory

    def cut(self) -> None:
        self._memory.go_away()

    def mend(self) -> None:
        self._memory.come_back()

    def stop_broker(self) -> None:
        self._memory.go_away()

    def start_broker(self) -> None:
        self._memory.come_back()

    def freeze(self) -> None:
        self._memory.freeze()

    def thaw(self) -> None:
        self._memory.come_back()

    def let_time_pass(self) -> None:
        self._memory.time_out()

    def arrived(self, topic: str, count: int) -> list[bytes]:
        got = [message.payload for message in self._memory.delivered if message.topic == topic]
        assert len(got) >= count
        return got

    def say(self, topic: str, payload: bytes) -> None:
        self._memory.arrive(note(payload, topic))

    def retained(self, topic: str) -> bytes:
        return self._memory.retained[topic].payload

    def end(self) -> None:
        self._memory.close(Seconds(1.0))


class MosquittoStage(_OnMqtt):
    """A real mosquitto, a wire to it that can be cut, and a subscriber beside the wire. The kinds differ in the
    transport."""

    transport: BrokerTransport

    def __init__(self, folder: Path, tls: ServerTls | None = None) -> None:
        self._resources = ExitStack()
        self.states = States()
        # `pattern` rather than `topic`: mosquitto applies the latter to no session that it restored from its file.
        acl = f"topic deny {FORBIDDEN}\npattern readwrite #\n"
        self._broker = self._resources.enter_context(Mosquitto(folder, acl=acl, tls=tls))
        self._wire = self._resources.enter_context(Wire(self._broker.port))
        self._subscriber = self._resources.enter_context(Subscriber(self._broker.plain_port))

    def cut(self) -> None:
        self._wire.cut()

    def mend(self) -> None:
        self._wire.mend()

    def stop_broker(self) -> None:
        self._broker.stop()

    def start_broker(self) -> None:
        self._broker.start()

    def freeze(self) -> None:
        self._broker.freeze()

    def thaw(self) -> None:
        self._broker.thaw()

    def let_time_pass(self) -> None:
        """It passes by itself: the stage's acknowledgement timeout is two seconds."""

    def arrived(self, topic: str, count: int) -> list[bytes]:
        return [message.payload for message in self._subscriber.wait_for_count(topic, count)]

    def say(self, topic: str, payload: bytes) -> None:
        self._subscriber.publish(topic, payload)

    def retained(self, topic: str) -> bytes:
        with Subscriber(self._broker.plain_port, topic) as newcomer:
            return newcomer.wait_for_count(topic, 1)[0].payload

    def end(self) -> None:
        self.transport.close(Seconds(2.0))
        self._resources.close()


class PahoStage(MosquittoStage):
    """The paho transport."""

    def __init__(self, folder: Path, version: Version) -> None:
        super().__init__(folder)
        self.transport = PahoTransport(
            host=HOST,
            port=self._wire.port,
            client_id="gate-01",
            version=version,
            will=WILL,
            birth=BIRTH,
            on_state=self.states,
            ack_timeout=2.0,
            connect_timeout=1.0,
            backoff=Backoff(base=0.02, cap=0.1),
        )


class AwsIotStage(MosquittoStage):
    """The transport through the AWS SDK; the broker asks for a certificate."""

    def __init__(self, folder: Path, papers: Papers) -> None:
        super().__init__(folder, papers.server)
        self.transport = AwsIotTransport(
            host=HOST,
            port=self._wire.port,
            client_id="gate-01",
            identity=Identity(TlsFiles(ca=papers.ca, cert=papers.device.cert, key=papers.device.key)),
            will=WILL,
            birth=BIRTH,
            on_state=self.states,
            ack_timeout=2.0,
            connect_timeout=1.0,
            backoff=Backoff(base=0.02, cap=0.1),
        )


class GreengrassStage(_OnMqtt):
    """The transport through a nucleus; what the nucleus takes arrives at its AWS IoT Core."""

    def __init__(self) -> None:
        self._resources = ExitStack()
        self.states = States()
        self.fake = self._resources.enter_context(FakeNucleus("classic"))
        self.fake.deny(FORBIDDEN)
        self.transport: BrokerTransport = greengrass_transport(self.fake, self.states)

    def cut(self) -> None:
        self.fake.cut()

    def mend(self) -> None:
        self.fake.mend()

    def stop_broker(self) -> None:
        self.fake.stop()

    def start_broker(self) -> None:
        self.fake.start()

    def freeze(self) -> None:
        self.fake.freeze()

    def thaw(self) -> None:
        self.fake.thaw()

    def let_time_pass(self) -> None:
        """It passes by itself: the nucleus must answer within a second."""

    def arrived(self, topic: str, count: int) -> list[bytes]:
        return [each.payload for each in self.fake.wait_for_count(topic, count)]

    def say(self, topic: str, payload: bytes) -> None:
        self.fake.say(topic, payload)

    def retained(self, topic: str) -> bytes:
        return self.fake.retained(topic).payload

    def end(self) -> None:
        self.transport.close(Seconds(2.0))
        self._resources.close()


def greengrass_transport(fake: FakeNucleus, states: States, local: Sequence[str] = ()) -> GreengrassTransport:
    """With a connection of its own and short timeouts."""
    nucleus = Nucleus(
        lambda: place_of_component(fake.environment),
        answer_within=Seconds(1.0),
        backoff=Backoff(base=0.02, cap=0.1),
    )

    def borrow() -> Nucleus:
        nucleus.open()
        return nucleus

    return GreengrassTransport(
        local=local,
        will=WILL,
        birth=BIRTH,
        on_state=states,
        borrow=borrow,
        give_back=nucleus.close,
        backoff=Backoff(base=0.02, cap=0.1),
    )


class HttpStage:
    """The HTTP transport, a wire that can be cut, and a web server. It finds out what is there when it sends."""

    def __init__(self) -> None:
        self._resources = ExitStack()
        self.states = States()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._server = WebServer(self._answer)
        self._server.start()
        self._resources.callback(self._server.stop)
        self._wire = self._resources.enter_context(Wire(self._server.port))
        self.transport: Transport = HttpTransport("http", SystemClock(), on_state=self.states, timeout=Seconds(2.0))

    def _answer(self, asked: Asked) -> Answer:
        self._goes_on.wait(PATIENCE)
        return Answer(403 if asked.path == f"/{FORBIDDEN}" else 200)

    def message(self, payload: bytes | str = b"{}", topic: str = VISITS) -> Message:
        return note(payload, f"http://{HOST}:{self._wire.port}/{topic}")

    def cut(self) -> None:
        self._wire.cut()

    def mend(self) -> None:
        self._wire.mend()

    def stop_broker(self) -> None:
        self._server.stop()

    def start_broker(self) -> None:
        self._server.start()

    def freeze(self) -> None:
        self._goes_on.clear()

    def thaw(self) -> None:
        self._goes_on.set()

    def let_time_pass(self) -> None:
        """It passes by itself: the stage's timeout is two seconds."""

    def wait_until(self, is_connected: bool, after: int = 0) -> None:
        """Only sending shows what is there."""

    def arrived(self, topic: str, count: int) -> list[bytes]:
        asked = self._server.wait_for(count)
        return [each.body for each in asked if each.path == f"/{topic}"]

    def end(self) -> None:
        self._goes_on.set()
        self.transport.close(Seconds(2.0))
        self._resources.close()
