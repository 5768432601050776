"""A Greengrass nucleus for tests: its socket, its two buses, its configuration; it can fail in each way that it knows.

component ──socket──▶ operations ──▶ AWS IoT Core (`published`, `say`), local bus, configuration, states
"""

import asyncio
import base64
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from tests.nucleus.frames import (
    ACCEPTED,
    APPLICATION,
    CONNECT,
    CONNECT_ACK,
    ERROR,
    PING,
    PING_RESPONSE,
    TERMINATE,
    Frame,
    encode,
    read,
)
from tests.waiting import PATIENCE

from edge_mask.nucleus.place import SOCKET, TOKEN
from edge_mask.sql.topics import topic_matches

COMPONENT = "com.example.edge_mask"
Kind = Literal["lite", "classic"]
_LITE_FRAME = 10_000
"""Bytes of the longest frame that nucleus lite takes; on a longer one it hangs up."""
_SPOOL = 2_500_000
"""Bytes that the classic nucleus keeps in memory while AWS IoT Core is away."""
_STATUS = "SubscribeToIoTCoreConnectionStatus"
_CLASSIC_ONLY = {
    "SubscribeToComponentUpdates",
    "DeferComponentUpdate",
    "SubscribeToValidateConfigurationUpdates",
    "SendConfigurationValidityReport",
    "PutComponentMetric",
    "GetThingShadow",
    "UpdateThingShadow",
    _STATUS,
    "GetSecretValue",
}


@dataclass(frozen=True, slots=True)
class Published:
    """What arrived at AWS IoT Core, or on the local bus."""

    topic: str
    payload: bytes
    is_local: bool = False
    qos: int = 0
    retain: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)
    """The whole request, with its MQTT 5 properties."""


class Refusal(Exception):
    """An error that the nucleus answers: its name in the model, and a message."""


@dataclass(eq=False, slots=True)
class _Client:
    """One connection of a component."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    streams: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Operation and topic filter of each open stream."""

    def write(self, frame: Frame) -> None:
        self.writer.write(encode(frame))


class FakeNucleus:
    """Runs in a thread of its own. The component's side of it is `environment`."""

    def __init__(
        self,
        kind: Kind = "lite",
        *,
        configuration: Mapping[str, Any] | None = None,
        token: str = "a token",
    ) -> None:
        """Lite (2.6): no spooler, no component updates, and a recipe's scalars are texts."""
        self.is_lite = kind == "lite"
        self.token = token
        self.published: list[Published] = []
        self.states: list[str] = []
        self.deferrals: list[Mapping[str, Any]] = []
        self.judgements: list[Mapping[str, Any]] = []
        self.asked: list[str] = []
        """The name of each operation, in order."""
        self.fails: dict[str, str] = dict.fromkeys(_CLASSIC_ONLY, "") if self.is_lite else {}
        """Operations that end in a ServiceError, with its message."""
        self.connections = 0
        self.halfway: list[dict[str, Any]] = []
        """What the next question is answered, in the middle of a deployment that changes another key at that moment."""
        self.ended_by_component = 0
        """Streams that the component ended."""
        self.configuration: dict[str, Any] = dict(configuration or {})
        if self.is_lite:
            self.configuration = _as_texts(self.configuration)
        self._folder = Path(tempfile.mkdtemp(prefix="nucleus-"))  # short: a socket's path has 107 bytes
        self.socket = self._folder / "ipc.socket"
        self._denied: list[str] = []
        self._failures = 0
        self._unanswered = 0
        self._is_core_there = True
        self._spool: list[Published] = []
        self.lost_with_spooler: list[Published] = []
        """What it had said OK to, and forgot when it stopped."""
        self._is_cut = False
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._clients: list[_Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-nucleus", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What the nucleus gives to a component."""
        return {TOKEN: self.token, SOCKET: str(self.socket), "AWS_IOT_THING_NAME": "gate-01", "AWS_REGION": "eu-west-1"}

    def know_core(self, *, knows: bool) -> None:
        """Whether it tells of its connection to AWS IoT Core (lite since 2.7)."""
        self.fails.pop(_STATUS, None)
        if not knows:
            self.fails[_STATUS] = ""

    # -- what a test can order ---------------------------------------------------------------------------

    def start(self) -> None:
        """Listen; under the same path after a stop."""
        self._do(self._listen)

    def stop(self) -> None:
        """End: connections are lost, the socket goes away, and so does what the spooler holds in memory."""
        self._do(self._end)

    def freeze(self) -> None:
        """Take nothing and answer nothing. Connections stay, new ones are never accepted by the protocol."""
        self._do(self._freeze)

    def thaw(self) -> None:
        self._do(self._thaw)

    def cut(self) -> None:
        """Lose every connection, and each new one."""
        self._do(self._cut)

    def mend(self) -> None:
        self._is_cut = False

    def deny(self, topic_filter: str) -> None:
        """The component's accessControl does not name these topics."""
        self._denied.append(topic_filter)

    def allow_all(self) -> None:
        self._denied.clear()

    def fail(self, times: int) -> None:
        """The next publications end in a ServiceError without a message."""
        self._failures = times

    def lose_answers(self, times: int) -> None:
        """The next publications arrive, and their answers are lost."""
        self._unanswered = times

    def lose_core(self) -> None:
        """AWS IoT Core is away: lite fails each publication, classic says OK and keeps it in memory."""
        self._do(self._lose_core)

    def find_core(self, *, tells: bool = True) -> None:
        """It is back; `tells` those who follow the connection."""
        self._do(self._find_core, tells)

    def say(self, topic: str, payload: bytes, **properties: Any) -> None:
        """Somebody publishes at AWS IoT Core; properties in the model's spelling (`responseTopic`)."""
        text = base64.b64encode(payload).decode()
        event = {"message": {"topicName": topic, "payload": text, **properties}}
        self._do(self._tell, "SubscribeToIoTCore", topic, "IoTCoreMessage", event)

    def say_locally(self, topic: str, message: bytes | Mapping[str, Any]) -> None:
        """Another component of the device publishes."""
        self._do(self._tell, "SubscribeToTopic", topic, "SubscriptionResponseMessage", _local_event(topic, message))

    def configure(self, configuration: Mapping[str, Any], changed: list[str]) -> None:
        """A deployment has changed the configuration; `changed` is the key path."""
        self.configuration = dict(configuration)
        self._do(self._tell, "SubscribeToConfigurationUpdate", "", "ConfigurationUpdateEvents", _changed(changed))

    def propose(self, deployment: str, configuration: Mapping[str, Any]) -> None:
        """A deployment asks whether a configuration is right (classic)."""
        body = {"configuration": configuration, "deploymentId": deployment}
        event = {"validateConfigurationUpdateEvent": body}
        name = "ValidateConfigurationUpdateEvents"
        self._do(self._tell, "SubscribeToValidateConfigurationUpdates", "", name, event)

    def announce_update(self, deployment: str, *, is_over: bool = False) -> None:
        """A deployment is about to restart components, or has (classic)."""
        before = {"preUpdateEvent": {"deploymentId": deployment, "isGgcRestarting": False}}
        event = {"postUpdateEvent": {"deploymentId": deployment}} if is_over else before
        self._do(self._tell, "SubscribeToComponentUpdates", "", "ComponentUpdatePolicyEvents", event)

    # -- what a test can see -----------------------------------------------------------------------------

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until `predicate` holds; it is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(predicate, PATIENCE), f"asked: {self.asked[-30:]}"

    def on(self, topic: str) -> list[Published]:
        """What was published on one topic, in order."""
        return [each for each in list(self.published) if each.topic == topic]

    def wait_for_count(self, topic: str, count: int) -> list[Published]:
        """Wait for at least `count` publications on one topic, and give those."""
        self.wait_for(lambda: len(self.on(topic)) >= count)
        return self.on(topic)

    def retained(self, topic: str) -> Published:
        """What a newcomer at AWS IoT Core is told about a topic."""
        return [each for each in self.on(topic) if each.retain][-1]

    # -- in the loop's thread ----------------------------------------------------------------------------

    def _do(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        asyncio.run_coroutine_threadsafe(work(*args), self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, self.socket)

    async def _end(self) -> None:
        self.lost_with_spooler += self._spool
        self._spool.clear()
        if self._server is not None:
            self._server.close()
            self._server = None
        self.socket.unlink(missing_ok=True)
        self._drop_clients()
        self._goes_on.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _freeze(self) -> None:
        self._goes_on.clear()

    async def _thaw(self) -> None:
        self._goes_on.set()

    async def _cut(self) -> None:
        self._is_cut = True
        self._drop_clients()

    def _drop_clients(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()

    async def _lose_core(self) -> None:
        self._is_core_there = False
        self._send(_STATUS, "", "IoTCoreConnectionStatusEvent", self._status())

    def _status(self) -> dict[str, Any]:
        return {"connectionStatusEvent": {"status": "CONNECTED" if self._is_core_there else "DISCONNECTED"}}

    async def _find_core(self, tells: bool) -> None:
        self._is_core_there = True
        if tells:
            self._send(_STATUS, "", "IoTCoreConnectionStatusEvent", self._status())
        spooled, self._spool = self._spool, []
        self._arrived(*spooled)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        client = _Client(reader, writer)
        self._clients.append(client)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            await self._serve(client)
        self._clients.remove(client)
        self._tasks.discard(task)
        writer.close()

    async def _serve(self, client: _Client) -> None:
        longest = _LITE_FRAME if self.is_lite else 2**24
        while True:
            frame = await read(client.reader, longest)
            await self._goes_on.wait()
            match frame.kind:
                case _ if frame.kind == CONNECT:
                    accepted = frame.headers[":version"] == "0.1.0" and frame.json().get("authToken") == self.token
                    self.connections += accepted  # before the answer: who hears it may look at once
                    client.write(_frame(CONNECT_ACK, ACCEPTED if accepted else 0, 0))
                    if not accepted:
                        return
                case _ if frame.kind == PING:
                    client.write(_frame(PING_RESPONSE, 0, 0))
                case _ if frame.flags & TERMINATE:
                    client.streams.pop(frame.stream, None)
                    self.ended_by_component += 1
                case _:
                    self._answer(client, frame)
            with self._changed:
                self._changed.notify_all()
            await client.writer.drain()

    def _answer(self, client: _Client, frame: Frame) -> None:
        name = str(frame.headers["operation"]).removeprefix("aws.greengrass#")
        self.asked.append(name)
        stays = name.startswith("SubscribeTo")
        try:
            if name in self.fails:
                raise Refusal("ServiceError", self.fails[name])
            response = self._perform(client, frame.stream, name, frame.json())
        except Refusal as refusal:
            client.write(self._error(frame.stream, *refusal.args))
            return
        if response is not None:
            flags = 0 if stays or self.is_lite else TERMINATE
            client.write(_frame(APPLICATION, flags, frame.stream, f"{name}Response", response))
        if name == _STATUS:
            client.write(_frame(APPLICATION, 0, frame.stream, "IoTCoreConnectionStatusEvent", self._status()))

    def _error(self, stream: int, name: str, message: str) -> Frame:
        """The SDK reads `message`; lite sends `_message` only."""
        body = {"_message": message, "_errorCode": name}
        return _frame(ERROR, TERMINATE, stream, name, body if self.is_lite else {"message": message, **body})

    def _perform(self, client: _Client, stream: int, name: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The response; None when it is lost."""
        match name:
            case "PublishToIoTCore":
                self._require_right(asked["topicName"])
                return self._publish(asked)
            case "PublishToTopic":
                self._require_right(asked["topic"])
                self._publish_locally(asked)
            case "SubscribeToIoTCore" | "SubscribeToTopic":
                topic_filter = asked.get("topicName") or asked["topic"]
                self._require_right(topic_filter)
                client.streams[stream] = (name, topic_filter)
            case "GetConfiguration" if self.halfway:
                self._send("SubscribeToConfigurationUpdate", "", "ConfigurationUpdateEvents", _changed([]))
                return {"componentName": COMPONENT, "value": self.halfway.pop()}
            case "GetConfiguration":
                return {"componentName": COMPONENT, "value": self._part(asked.get("keyPath") or [])}
            case "UpdateConfiguration":
                part = self._part(asked.get("keyPath") or [])
                part.update(asked["valueToMerge"])
            case "UpdateState":
                self.states.append(asked["state"])
            case "DeferComponentUpdate":
                self.deferrals.append(asked)
            case "SendConfigurationValidityReport":
                self.judgements.append(asked["configurationValidityReport"])
            case _:
                client.streams[stream] = (name, "#")
        return {}

    def _require_right(self, topic: str) -> None:
        if any(topic_matches(denied, topic) or denied == topic for denied in self._denied):
            raise Refusal("UnauthorizedError", "IPC Operation not authorized.")

    def _publish(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        if self._failures:
            self._failures -= 1
            raise Refusal("ServiceError", "")
        payload = base64.b64decode(asked.get("payload", ""))
        made = Published(
            asked["topicName"], payload, False, int(asked.get("qos", 0)), bool(asked.get("retain", False)), asked
        )
        if self._is_core_there:
            self._arrived(made)
        elif self.is_lite or sum(len(each.payload) for each in self._spool) + len(payload) > _SPOOL:
            raise Refusal("ServiceError", "")
        else:
            self._spool.append(made)
        if self._unanswered:
            self._unanswered -= 1
            return None
        return {}

    def _arrived(self, *published: Published) -> None:
        """Messages reach AWS IoT Core, which sends them to who subscribed."""
        for each in published:
            self.published.append(each)
            event = {"message": {"topicName": each.topic, "payload": each.request.get("payload", "")}}
            self._send("SubscribeToIoTCore", each.topic, "IoTCoreMessage", event)

    def _publish_locally(self, asked: dict[str, Any]) -> None:
        body = asked["publishMessage"]
        kind = next(iter(body))
        message = body[kind]["message"]
        payload = base64.b64decode(message) if kind == "binaryMessage" else message
        event = _local_event(asked["topic"], payload)
        text = payload if isinstance(payload, bytes) else b""
        self.published.append(Published(asked["topic"], text, True, request=asked))
        self._send("SubscribeToTopic", asked["topic"], "SubscriptionResponseMessage", event)

    def _part(self, key_path: list[str]) -> Any:
        part: Any = self.configuration
        for key in key_path:
            if not isinstance(part, dict) or key not in part:
                raise Refusal("ResourceNotFoundError", "Key not found")
            part = part[key]
        return part

    async def _tell(self, operation: str, topic: str, model: str, event: dict[str, Any]) -> None:
        await self._goes_on.wait()
        self._send(operation, topic, model, event)

    def _send(self, operation: str, topic: str, model: str, event: dict[str, Any]) -> None:
        """An event on each stream that wants it."""
        for client in self._clients:
            for stream, (name, topic_filter) in client.streams.items():
                if name == operation and (not topic or topic_matches(topic_filter, topic)):
                    client.write(_frame(APPLICATION, 0, stream, model, event))


def _frame(kind: int, flags: int, stream: int, model: str = "", body: Mapping[str, Any] | None = None) -> Frame:
    headers: dict[str, Any] = {":message-type": kind, ":message-flags": flags, ":stream-id": stream}
    if not model:
        return Frame(headers)
    headers |= {":content-type": "application/json", "service-model-type": f"aws.greengrass#{model}"}
    return Frame(headers, json.dumps(body, separators=(",", ":")).encode())


def _local_event(topic: str, message: bytes | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(message, bytes):
        return {"binaryMessage": {"message": base64.b64encode(message).decode(), "context": {"topic": topic}}}
    return {"jsonMessage": {"message": message, "context": {"topic": topic}}}


def _as_texts(value: Any) -> Any:
    """As nucleus lite reads a recipe in YAML: each scalar is a text."""
    if isinstance(value, Mapping):
        return {key: _as_texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_texts(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(key_path: list[str]) -> dict[str, Any]:
    return {"configurationUpdateEvent": {"componentName": COMPONENT, "keyPath": key_path}}
