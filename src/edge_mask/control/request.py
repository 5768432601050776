"""One request as it arrived: read strictly, or rejected with a word for programs and a sentence for people.

  commands/NAME ──▶ Request(name, fields, id, reply) ──▶ a command
       └─ too large, no JSON object, unknown name or key ──▶ Rejected(code, text)

The answer goes to the response topic of the request (MQTT 5), with its correlation data, or to
`commands/NAME/response`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Message
from edge_mask.suggest import did_you_mean
from edge_mask.wire.reply import objection_to
from edge_mask.wire.topics import Topics

Code = Literal["bad_request", "unknown_command", "not_allowed", "busy", "too_large", "failed"]

MOST_BYTES: Final = 128 * 1024
"""Of a request and of an answer: what AWS IoT carries."""
LONGEST_ID: Final = 128
MAX_DEPTH: Final = 50

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "infer": ("camera", "picture"),
    "snapshot": ("camera", "reason"),
    "status": (),
    "reload": (),
    "configure": ("set", "config_version"),
    "model": ("action", "name", "version"),
    "erase": ("visit", "before"),
    "picture": ("visit", "put"),
    "history": ("topic", "from_seq", "to_seq"),
}
"""The commands, and what may stand in their requests beside `request_id`."""


class Rejected(EdgeMaskError):
    """A request that is not carried out, or could not be."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code: Code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """Where an answer goes."""

    topic: str
    correlation_data: bytes | None = None
    problem: str = ""
    """Why it is not the topic that the request named."""
    hand: Callable[[Mapping[str, Any]], object] | None = None
    """Takes the answer where nobody waits at a topic, but in this process; returns at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request that can be carried out."""

    name: str
    reply: Reply
    fields: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    picture: bytes | None = None
    """The payload of an `infer` that is a picture itself."""

    def text(self, name: str) -> str | None:
        """A field that is a text; None when it is absent or null. Raises Rejected."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise Rejected("bad_request", f"{name}: found {shown(value)}; allowed: a text")
        return value


def name_of(message: Message) -> str:
    """The command: the last part of the topic."""
    return message.topic.rpartition("/")[2]


def reply_to(message: Message, topics: Topics) -> Reply:
    """Never raises: a response topic that would do harm is not used."""
    default = topics.answer(name_of(message))
    wanted = message.properties.get("response_topic")
    correlation = message.properties.get("correlation_data")
    problem = "" if wanted is None else objection_to(wanted, default, topics)
    topic = default if problem or not isinstance(wanted, str) else wanted
    return Reply(topic, correlation if isinstance(correlation, bytes) else None, problem)


def request_id(payload: bytes) -> str | None:
    """The id in a request that is too odd to be read whole, where it can be found at little cost."""
    try:
        found = json.loads(payload) if len(payload) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return None
    given = found.get("request_id") if isinstance(found, dict) else None
    return given if isinstance(given, str) and len(given) <= LONGEST_ID else None


def read(message: Message, topics: Topics) -> Request:
    """The request in `message`. Raises Rejected."""
    name, reply = name_of(message), reply_to(message, topics)
    return read_asked(name, message.payload, reply, str(message.properties.get("content_type", "")))


def read_asked(name: str, payload: bytes, reply: Reply, content_type: str = "", *, under: str | None = None) -> Request:
    """The request in `payload`, however it came. With `under` the whole of it is the value of that key.

    Raises Rejected.
    """
    if name not in FIELDS:
        raise Rejected("unknown_command", f'there is no command "{name[:64]}"{did_you_mean(name[:64], FIELDS)}')
    if len(payload) > MOST_BYTES:
        text = f"the request takes {len(payload)} bytes; allowed: at most {MOST_BYTES}"
        raise Rejected("too_large", text)
    if reply.problem:
        raise Rejected("bad_request", reply.problem)
    if name == "infer" and content_type.startswith("image/"):
        return Request(name, reply, picture=payload)
    fields = _object(payload)
    if under is not None:
        return Request(name, reply, {under: fields})
    given = fields.pop("request_id", None)
    if given is not None and (not isinstance(given, str) or not 0 < len(given) <= LONGEST_ID):
        raise Rejected("bad_request", f"request_id: allowed is a text of 1 to {LONGEST_ID} characters")
    for key in fields:
        if key not in FIELDS[name]:
            allowed = ", ".join((*FIELDS[name], "request_id"))
            hint = did_you_mean(key[:64], FIELDS[name]) or f"; allowed: {allowed}"
            raise Rejected("bad_request", f'unknown key "{key[:64]}"{hint}')
    return Request(name, reply, fields, given)


def _object(payload: bytes) -> dict[str, Any]:
    """A JSON object, as RFC 8259 has it and no looser: no key twice, no NaN. Nothing at all is an empty one."""
    if not payload:
        return {}
    try:
        found = json.loads(payload.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Rejected("bad_request", f"the request is not UTF-8 text (byte {error.start + 1})") from error
    except RecursionError as error:
        raise Rejected("bad_request", f"the request is nested more than {MAX_DEPTH} deep") from error
    except json.JSONDecodeError as error:
        text = f"the request is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise Rejected("bad_request", text) from error
    except ValueError as error:  # a number with more digits than Python reads
        raise Rejected("bad_request", f"the request holds a number with too many digits ({error})") from error
    if not isinstance(found, dict):
        raise Rejected("bad_request", f"the request is {shown(found)}; allowed: a JSON object")
    if _is_deeper(found, MAX_DEPTH):
        raise Rejected("bad_request", f"the request is nested more than {MAX_DEPTH} deep")
    return found


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Rejected("bad_request", f'the request holds the key "{key[:64]}" twice')
        made[key] = value
    return made


def _no_number(word: str) -> Any:
    raise Rejected("bad_request", f"the request holds {word}, which is no number in JSON")


def _is_deeper(value: Any, most: int) -> bool:
    """Without recursion: the value may be deeper than Python's own limit allows."""
    level = [value]
    for _ in range(most):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def shown(value: Any) -> str:
    """A value in a sentence, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
