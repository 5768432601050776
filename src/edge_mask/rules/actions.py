"""The actions that send: their templates are compiled once and make an effect of each message."""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from edge_mask.messages import Message, Priority
from edge_mask.redact import redact
from edge_mask.rules.effects import Effect, HttpCall, Republish
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.template import Template
from edge_mask.sql.topics import check_topic
from edge_mask.wire.topics import LONGEST, text_problem

MAX_PAYLOAD: Final = 128 * 1024
"""Bytes of one published message."""

MAX_HEADERS: Final = 128 * 1024
"""Bytes of all headers of one message."""

MAX_URL: Final = 8000
"""Characters of an address, and of one header of an HTTP call."""

Fields = Mapping[str, Any]
"""The checked fields of an action, each text compiled to a Template."""

_FORMATS: Final = {"UNSPECIFIED_BYTES": 0, "UTF8_DATA": 1}
_MAX_EXPIRY: Final = 2**32 - 1


class CompiledAction(ABC):
    """One action of one rule. Error documents show `name` and `resource`."""

    name: str

    def __init__(self, fields: Fields) -> None:
        templates = list(_templates(fields))
        self.cloud_functions = frozenset().union(*(template.cloud_functions for template in templates))
        self.uses_shadow = any(template.uses_shadow for template in templates)

    @property
    @abstractmethod
    def resource(self) -> str:
        """The target of the action, as the rule file has it."""

    @abstractmethod
    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:
        """The effect for one message. Raises EvaluationError when there is none."""


def _templates(value: Any) -> Iterator[Template]:
    if isinstance(value, Template):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in inner:
        yield from _templates(item)


class RepublishAction(CompiledAction):
    """`republish`: the rule's result to another topic."""

    name = "RepublishAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        headers: Fields = fields.get("headers", {})
        self.topic: Template = fields["topic"]
        self.retain: bool = fields.get("retain", False)
        self._qos: Literal[0, 1] = 1 if fields.get("qos", 0) == 1 else 0
        self._headers: dict[str, Template] = {key: text for key, text in headers.items() if key != "userProperties"}
        self._user: list[tuple[Template, Template]] = [
            (pair["key"], pair["value"]) for pair in headers.get("userProperties", [])
        ]

    @property
    def resource(self) -> str:
        """The topic."""
        return self.topic.text

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:
        """A message with the priority of its cause; a live cause gives live at QoS 0, telemetry at QoS 1."""
        if len(output) > MAX_PAYLOAD:
            raise EvaluationError(f"the result has {len(output)} bytes; at most {MAX_PAYLOAD} can be published")
        if priority is Priority.LIVE and self._qos == 1:
            priority = Priority.TELEMETRY
        message = Message(
            topic=self._topic_for(seen),
            payload=output,
            priority=priority,
            qos=self._qos,
            retain=self.retain,
            properties=self._properties(seen),
        )
        return Republish(rule=rule, message=message)

    def _topic_for(self, seen: RuleInput) -> str:
        topic = self.topic.render(seen)
        if topic.startswith("$$"):
            topic = topic[1:]
        elif topic.startswith("$"):
            raise EvaluationError(f"the topic {topic[:80]!r} is reserved: write $$ for $ to mean it")
        _refuse(check_topic(topic) or text_problem("the topic", topic))
        return topic

    def _properties(self, seen: RuleInput) -> dict[str, Any]:
        texts = {key: template.render(seen) for key, template in self._headers.items()}
        properties: dict[str, Any] = {}
        if content_type := texts.get("contentType"):
            _refuse(text_problem("contentType", content_type))
            properties["content_type"] = content_type
        if response_topic := texts.get("responseTopic"):
            _refuse((problem := check_topic(response_topic)) and f"responseTopic: {problem}")
            _refuse(text_problem("responseTopic", response_topic))
            properties["response_topic"] = response_topic
        if data := texts.get("correlationData"):
            properties["correlation_data"] = _decoded(data)
        if expiry := texts.get("messageExpiry"):
            properties["message_expiry_interval"] = _seconds(expiry)
        if indicator := texts.get("payloadFormatIndicator"):
            properties["payload_format_indicator"] = _format(indicator)
        if self._user:
            properties["user_properties"] = self._user_properties(seen)
        return properties

    def _user_properties(self, seen: RuleInput) -> list[tuple[str, str]]:
        pairs = [(key.render(seen), value.render(seen)) for key, value in self._user]
        for key, value in pairs:
            _refuse(
                text_problem("the key of a user property", key) or text_problem(f"userProperties: {key!r:.40}", value)
            )
        if sum(len(text) for pair in pairs for text in pair) > MAX_HEADERS:
            raise EvaluationError(f"the user properties together have more than {MAX_HEADERS} characters")
        return pairs


def _refuse(problem: str | None) -> None:
    if problem:
        raise EvaluationError(problem)


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError("correlationData is not base64") from None
    if len(data) > LONGEST:
        raise EvaluationError(f"correlationData has {len(data)} bytes; MQTT carries at most {LONGEST}")
    return data


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_EXPIRY):
        raise EvaluationError(f"messageExpiry is a number of seconds, not {text[:40]!r}")
    return int(text)


def _format(text: str) -> int:
    if text not in _FORMATS:
        raise EvaluationError(f"payloadFormatIndicator is one of {', '.join(_FORMATS)}, not {text[:40]!r}")
    return _FORMATS[text]


class HttpAction(CompiledAction):
    """`http`: the rule's result as the body of a POST."""

    name = "HttpAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self._url: Template = fields["url"]
        self._headers: list[tuple[str, Template]] = [
            (pair["key"].text, pair["value"]) for pair in fields.get("headers", [])
        ]

    @property
    def resource(self) -> str:
        """The address."""
        return self._url.text

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:
        """A call with the priority of its cause."""
        if len(output) > MAX_PAYLOAD:
            raise EvaluationError(f"the result has {len(output)} bytes; at most {MAX_PAYLOAD} can be sent")
        url = self._url.render(seen)
        if len(url) > MAX_URL:
            raise EvaluationError(f"the address has {len(url)} characters; at most {MAX_URL} are allowed")
        if not _is_address(url):
            raise EvaluationError(f"{redact(url)[:80]!r} is not an http or https address")
        headers = tuple((key, text.render(seen)) for key, text in self._headers)
        for key, text in headers:
            _refuse(_header_problem(key, text))
        return HttpCall(rule=rule, url=url, headers=headers, body=output, priority=priority)


def _header_problem(key: str, text: str) -> str:
    """Why HTTP cannot carry this header; empty when it can."""
    if len(text) > MAX_URL:
        return f"the header {key!r} would have {len(text)} characters; at most {MAX_URL} are allowed"
    if not (key + text).isprintable():
        return f"the header {key!r} would contain a control character"
    if not all(sign <= "\xff" for sign in key + text):
        return f"the header {key!r} would contain a character that is not in Latin-1"
    return ""


def _is_address(url: str) -> bool:
    """Whether it is an HTTP address with a host; a template may produce any text."""
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port of 99999, half an IPv6 address
        return False
    return has_place and url.startswith(("http://", "https://")) and url.isprintable() and " " not in url
