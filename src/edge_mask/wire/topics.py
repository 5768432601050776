"""Which topic each kind of message goes to, and which texts MQTT can carry as topic, header or user property."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Topics:
    """`{thing}` is replaced in the root and in each renamed topic."""

    root: str
    thing: str
    renames: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> str:
        """The topic of a kind of message by its name, or of a quantity such as `humidity`."""
        return self.renames.get(kind, f"{self.root}/{kind}").replace("{thing}", self.thing)

    @property
    def commands(self) -> str:
        """The filter that hears every command, also one that nobody knows."""
        return self.command("+")

    def command(self, name: str) -> str:
        """Where the command `name` is asked for."""
        return f"{self.of('commands')}/{name}"

    def answer(self, name: str) -> str:
        """Where it is answered, unless the request names another topic."""
        return f"{self.command(name)}/response"

    @property
    def second_looks(self) -> str:
        """Where analysers answer to the second looks that this device asks for."""
        return f"{self.command('infer')}/second_look"

    @property
    def infer_answers(self) -> str:
        """Where this device hears what others see in its frames."""
        return f"{self.command('infer')}/answers"


MODEL_DESIRED: Final = "model/desired"
"""Below the root: which model is wished, retained."""
MODEL_REPORTED: Final = "model/reported"
"""Below the root: what became of that, retained."""

LONGEST: Final = 65_535
"""Bytes of one text or of correlation data: MQTT writes their length into two bytes."""

_PLANES = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
_FORBIDDEN = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef{_PLANES}]")
"""MQTT forbids NUL and advises against control characters and non-characters; mosquitto hangs up on each of them."""


def text_problem(name: str, text: object) -> str:
    """Why no packet can carry this text; empty when one can. The sentence calls it `name`."""
    if not isinstance(text, str):
        return f"{name} is no text"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return f"{name} holds half a surrogate pair, which is no character"
    if size > LONGEST:
        return f"{name} takes {size} bytes; MQTT carries at most {LONGEST}"
    if (found := _FORBIDDEN.search(text)) is not None:
        return f"{name} holds the character U+{ord(found[0]):04X}, on which brokers end the connection"
    return ""


WISHES: Final = "edge-mask"
"""The named shadow through which the cloud wishes; the one without a name says what the device saw."""


@dataclass(frozen=True)
class ShadowTopics:
    """The topics of one shadow of a thing (AWS IoT Core Developer Guide, "Device Shadow MQTT topics")."""

    thing: str
    name: str | None = None

    @property
    def _base(self) -> str:
        return f"$aws/things/{self.thing}/shadow" + (f"/name/{self.name}" if self.name else "")

    @property
    def get(self) -> str:
        return f"{self._base}/get"

    @property
    def update(self) -> str:
        return f"{self._base}/update"

    @property
    def documents(self) -> str:
        """The whole shadow, after each change."""
        return f"{self._base}/update/documents"

    @property
    def update_rejected(self) -> str:
        return f"{self._base}/update/rejected"

    @property
    def got(self) -> str:
        return f"{self._base}/get/accepted"

    @property
    def get_rejected(self) -> str:
        return f"{self._base}/get/rejected"

    @property
    def deleted(self) -> str:
        return f"{self._base}/delete/accepted"

    @property
    def heard(self) -> tuple[str, ...]:
        """What the device subscribes to: of the shadow without a name, only why it was not taken."""
        if self.name is None:
            return (self.update_rejected,)
        return self.documents, self.update_rejected, self.got, self.get_rejected, self.deleted

    @property
    def said(self) -> tuple[str, ...]:
        """What the device publishes to."""
        return (self.update,) if self.name is None else (self.get, self.update)


@dataclass(frozen=True)
class JobTopics:
    """The topics of a thing's jobs (AWS IoT Core Developer Guide, "Jobs device MQTT API operations")."""

    thing: str

    @property
    def _base(self) -> str:
        return f"$aws/things/{self.thing}/jobs"

    @property
    def notify_next(self) -> str:
        return f"{self._base}/notify-next"

    @property
    def start_next(self) -> str:
        return f"{self._base}/start-next"

    def update(self, job: str) -> str:
        """Where the state of one job is reported; `+` means all of them."""
        return f"{self._base}/{job}/update"

    @property
    def heard(self) -> tuple[str, ...]:
        """What the device subscribes to."""
        asked = (self.start_next, self.update("+"))
        return self.notify_next, *(f"{topic}/{end}" for topic in asked for end in ("accepted", "rejected"))

    @property
    def said(self) -> tuple[str, ...]:
        """What the device publishes to; `+` stands for the id of a job."""
        return self.start_next, self.update("+")
