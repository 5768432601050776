"""What a person is told, as it waits in the outbox: words, without any secret of where they go.

destination  notify:guard            one target, one courier
             notify:phones/3f9a…     one browser of a web-push target
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from edge_mask.errors import Refused
from edge_mask.kinds import Urgency
from edge_mask.ledger.outbox import NOTIFY

PREFIX: Final = NOTIFY
URGENCIES: Final[tuple[Urgency, ...]] = ("low", "normal", "high", "urgent")
LONGEST_TITLE: Final = 200
LONGEST_TEXT: Final = 4096
"""Characters that are kept; each target cuts further to what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification."""

    title: str
    text: str
    priority: Urgency
    kind: str
    """The kind of the alert; `rule NAME` for those of rules."""
    camera: str = ""
    """The camera or sensor that it is about."""
    thing: str = ""
    event: str = ""
    """The id of the message that caused it."""
    topic: str = ""
    """Where that was published."""
    ts: str = ""
    snapshot: str = ""
    """The file name of its picture, where one is wanted."""
    about: str = ""
    """What tells apart notifications of the same camera and kind, none of which makes the other needless."""

    def packed(self) -> bytes:
        """As the outbox keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()


def unpacked(payload: bytes) -> Notice:
    """Raises Refused for what is no notice."""
    try:
        found = json.loads(payload)
        return Notice(**{name: str(value) for name, value in found.items() if name in _FIELDS})  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refused("is no notification") from None


_FIELDS: Final = frozenset(Notice.__dataclass_fields__)


def one_line(text: str, most: int = LONGEST_TITLE) -> str:
    """A title: nothing in it can begin a new line or header."""
    return shortened(" ".join("".join(sign if sign.isprintable() else " " for sign in text).split()), most)


def several_lines(text: str, most: int = LONGEST_TEXT) -> str:
    """A text: line breaks stay, other control characters go."""
    return shortened("".join(sign for sign in text.replace("\r\n", "\n") if sign.isprintable() or sign in "\n\t"), most)


def shortened(text: str, most: int) -> str:
    """At most so many characters; an ellipsis says that something is missing."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def within_bytes(text: str, most: int, encoding: str = "utf-8") -> str:
    """At most so many bytes in an encoding; no character is cut in two."""
    if len(text.encode(encoding, "replace")) <= most:
        return text
    room = most - len("…".encode(encoding))
    return text.encode(encoding, "replace")[:room].decode(encoding, "ignore").rstrip() + "…"


def destination_of(target: str, browser: str = "") -> str:
    """The destination in the outbox."""
    return f"{PREFIX}{target}/{browser}" if browser else f"{PREFIX}{target}"


def parts_of(destination: str) -> tuple[str, str]:
    """Target and browser of a destination."""
    target, _, browser = destination.removeprefix(PREFIX).partition("/")
    return target, browser


def field_of(payload: Mapping[str, Any], name: str) -> str:
    """A text of a message; empty when it has none."""
    value = payload.get(name)
    return value if isinstance(value, str) else ""
