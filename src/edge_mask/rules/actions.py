"""The actions that run on the device: their templates compiled once, an effect for each message."""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from edge_mask.messages import Message, Priority
from edge_mask.redact import redact
from edge_mask.rules.edge_actions import duration
from edge_mask.rules.effects import EdgeAction, Effect, HttpCall, Republish
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.message import Message as Seen
from edge_mask.sql.template import Template
from edge_mask.sql.topics import check_topic

MAX_PAYLOAD: Final = 128 * 1024
"""Bytes of one published message."""

MakeTemplate = Callable[[str], Template]
"""Compiles a text of an action, for the version and the variables of its rule."""

_FORMATS: Final = {"UNSPECIFIED_BYTES": 0, "UTF8_DATA": 1}
_MAX_EXPIRY: Final = 2**32 - 1


class DeviceAction(ABC):
    """One action of one rule. `name` and `resource` are what an error document calls it."""

    name: str

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self.cloud_functions = frozenset().union(*(template.cloud_functions for template in templates.values()))
        self.uses_shadow = any(template.uses_shadow for template in templates.values())

    @property
    @abstractmethod
    def resource(self) -> str:
        """What the action acts on, as the rule writes it."""

    @abstractmethod
    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:
        """The effect for one message; EvaluationError when there can be none."""


class RepublishAction(DeviceAction):
    """`republish`: the rule's result to another topic."""

    name = "RepublishAction"

    def __init__(self, fields: Mapping[str, Any], make: MakeTemplate) -> None:
        self._topic = make(fields["topic"])
        self._qos = 1 if fields.get("qos", 0) == 1 else 0
        self._retain = bool(fields.get("retain", False))
        headers = fields.get("headers", {})
        self._headers = {key: make(text) for key, text in headers.items() if key != "userProperties"}
        self._user = [(make(pair["key"]), make(pair["value"])) for pair in headers.get("userProperties", [])]
        users = {f"user{index}": text for index, pair in enumerate(self._user) for text in pair}
        keys = {f"key{index}": pair[0] for index, pair in enumerate(self._user)}
        super().__init__({"topic": self._topic, **self._headers, **users, **keys})

    @property
    def resource(self) -> str:
        """The topic."""
        return self._topic.text

    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:
        """A message of the class of the one that matched; from a live one live at QoS 0, telemetry at QoS 1."""
        if len(output) > MAX_PAYLOAD:
            raise EvaluationError(f"the result has {len(output)} bytes; at most {MAX_PAYLOAD} can be published")
        if priority is Priority.LIVE and self._qos == 1:
            priority = Priority.TELEMETRY
        message = Message(
            topic=self._topic_for(seen),
            payload=output,
            priority=priority,
            qos=1 if self._qos else 0,
            retain=self._retain,
            properties=self._properties(seen),
        )
        return Republish(rule=rule, message=message)

    def _topic_for(self, seen: Seen) -> str:
        topic = self._topic.render(seen)
        if topic.startswith("$$"):
            topic = topic[1:]
        elif topic.startswith("$"):
            raise EvaluationError(f"the topic {topic!r} is reserved: write $$ for $ to mean it")
        problem = check_topic(topic)
        if problem:
            raise EvaluationError(problem)
        return topic

    def _properties(self, seen: Seen) -> dict[str, Any]:
        texts = {key: template.render(seen) for key, template in self._headers.items()}
        properties: dict[str, Any] = {}
        if content_type := texts.get("contentType"):
            properties["content_type"] = content_type
        if response_topic := texts.get("responseTopic"):
            problem = check_topic(response_topic)
            if problem:
                raise EvaluationError(f"responseTopic: {problem}")
            properties["response_topic"] = response_topic
        if data := texts.get("correlationData"):
            properties["correlation_data"] = _decoded(data)
        if expiry := texts.get("messageExpiry"):
            properties["message_expiry_interval"] = _seconds(expiry)
        if indicator := texts.get("payloadFormatIndicator"):
            properties["payload_format_indicator"] = _format(indicator)
        if self._user:
            properties["user_properties"] = [(key.render(seen), value.render(seen)) for key, value in self._user]
        return properties


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError("correlationData is not base64") from None


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_EXPIRY):
        raise EvaluationError(f"messageExpiry is a number of seconds, not {text[:40]!r}")
    return int(text)


def _format(text: str) -> int:
    if text not in _FORMATS:
        raise EvaluationError(f"payloadFormatIndicator is one of {', '.join(_FORMATS)}, not {text[:40]!r}")
    return _FORMATS[text]


class HttpAction(DeviceAction):
    """`http`: the rule's result as the body of a POST."""

    name = "HttpAction"

    def __init__(self, fields: Mapping[str, Any], make: MakeTemplate) -> None:
        self._url = make(fields["url"])
        self._headers = [(pair["key"], make(pair["value"])) for pair in fields.get("headers", [])]
        super().__init__({"": self._url, **{f"{index}": text for index, (_key, text) in enumerate(self._headers)}})

    @property
    def resource(self) -> str:
        """The address."""
        return self._url.text

    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:
        """A call of the class of the message that matched."""
        if len(output) > MAX_PAYLOAD:
            raise EvaluationError(f"the result has {len(output)} bytes; at most {MAX_PAYLOAD} can be sent")
        url = self._url.render(seen)
        if not _is_address(url):
            raise EvaluationError(f"{redact(url)[:80]!r} is not an http or https address")
        headers = tuple((key, text.render(seen)) for key, text in self._headers)
        for key, text in headers:
            if not (key + text).isprintable():
                raise EvaluationError(f"the header {key!r} would contain a control character")
        return HttpCall(rule=rule, url=url, headers=headers, body=output, priority=priority)


def _is_address(url: str) -> bool:
    """Whether somebody can be asked there; a template may have made anything of it."""
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port of 99999, half an IPv6 address
        return False
    return has_place and url.startswith(("http://", "https://")) and url.isprintable() and " " not in url


class LogAction(DeviceAction):
    """`edgeMask: {log: …}`."""

    name = "LogAction"

    def __init__(self, fields: Mapping[str, Any], make: MakeTemplate) -> None:
        self._text = make(fields["text"])
        self._level = fields.get("level", "info")
        super().__init__({"text": self._text})

    @property
    def resource(self) -> str:
        """The text."""
        return self._text.text

    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """One log line."""
        text = "".join(sign if sign.isprintable() else " " for sign in self._text.render(seen))
        return EdgeAction(rule=rule, kind="log", arguments={"level": self._level, "text": text[:1000]})


class SnapshotAction(DeviceAction):
    """`edgeMask: {snapshot: …}`: keep the next picture of a camera."""

    name = "SnapshotAction"

    def __init__(self, fields: Mapping[str, Any], make: MakeTemplate) -> None:
        self._camera = make(fields["camera"])
        self._reason = make(fields.get("reason", ""))
        super().__init__({"camera": self._camera, "reason": self._reason})

    @property
    def resource(self) -> str:
        """The camera."""
        return self._camera.text

    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """The camera's name and why."""
        camera = self._camera.render(seen)
        if not camera:
            raise EvaluationError("the name of the camera is empty")
        arguments = {"camera": camera, "reason": self._reason.render(seen) or f"rule {rule}"}
        return EdgeAction(rule=rule, kind="snapshot", arguments=arguments)


class OutputAction(DeviceAction):
    """`edgeMask: {output: …}`: a GPIO line for a gate, a lamp or a buzzer."""

    name = "OutputAction"

    def __init__(self, fields: Mapping[str, Any], make: MakeTemplate) -> None:
        self._line = make(str(fields["line"]))
        pulse = duration(fields["pulse"]) if "pulse" in fields else None
        self._change: Mapping[str, Any] = {"value": fields["value"]} if pulse is None else {"pulse": pulse}
        super().__init__({"line": self._line})

    @property
    def resource(self) -> str:
        """The line."""
        return self._line.text

    def perform(self, rule: str, output: bytes, seen: Seen, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """The line and what to do with it."""
        line = self._line.render(seen)
        if not line:
            raise EvaluationError("the name of the output line is empty")
        return EdgeAction(rule=rule, kind="output", arguments={"line": line, **self._change})


def device_action(kind: str, fields: Mapping[str, Any], make: MakeTemplate) -> DeviceAction | None:
    """The action, or None when it runs in AWS; RuleError for a faulty template. The fields are known to be right."""
    if kind == "edgeMask":
        inner, arguments = next(iter(fields.items()))
        if inner == "log":
            return LogAction(arguments, make)
        return (SnapshotAction if inner == "snapshot" else OutputAction)(arguments, make)
    if kind == "republish":
        return RepublishAction(fields, make)
    if kind == "http" and "auth" not in fields:
        return HttpAction(fields, make)
    return None
