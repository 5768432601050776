"""The shadow without a name: what the device saw last. The device writes it, nobody wishes there.

It is a state and no event: what could not be sent is not kept, the newest is sent at the next connection. The state
itself is the local shadow in the database, which rules read as well.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.control import difference
from edge_mask.control.cloud.json_in import Nonsense, read_object, text_at
from edge_mask.control.cloud.orders import Say
from edge_mask.redact import redact
from edge_mask.sql.json import to_json
from edge_mask.wire.topics import ShadowTopics

log = logging.getLogger(__name__)

_EVERY: Final = 10.0
_ONLY_UPLOADED_EVERY: Final = 60.0
"""Seconds between two reports; each is paid for, and `uploaded_at` alone changes all the time."""
_LOOKS_AGAIN_AFTER: Final = 1.0
_REFUSED_FOR: Final = 300.0
_UPLOADED = "uploaded_at"
_NOT_NOW = (408, 409, 429, *range(500, 600))


_ERASED: Final = {
    "cameras": ("visit", "look"),
    "sensors": ("temperature", "unit", "quality", "at", "highest"),
}
"""What `erase` may take out of each part."""


@dataclass(frozen=True, slots=True)
class Look:
    """Read the local shadow, and tell it with `found`."""


class SeenShadow:
    """`turn` says when to look; `found` says what to send."""

    def __init__(self, topics: ShadowTopics) -> None:
        self.topics = topics
        self._is_online = False
        self._known: Mapping[str, Any] | None = None
        """What the cloud has; None when everything is to be sent."""
        self._has_changed = True
        self._is_looking = False
        self._next_at = self._said_at = float("-inf")
        self._token = 0
        self._said: set[str] = set()

    def connected(self) -> None:
        """Send everything: others may have changed it meanwhile."""
        self._is_online = self._has_changed = True
        self._known = None

    def lost(self) -> None:
        """The connection is gone."""
        self._is_online = False

    def changed(self) -> bool:
        """The local shadow may hold something new; from any thread. True when that was not known yet."""
        was_known, self._has_changed = self._has_changed, True
        return not was_known

    def turn(self, now: float) -> list[Look]:
        """What to do now."""
        if not self._is_online or not self._has_changed or self._is_looking or now < self._next_at:
            return []
        self._has_changed = False
        self._is_looking = True
        return [Look()]

    def found(self, reported: Mapping[str, Any] | None, now: float) -> list[Say]:
        """The local state as it is now; None when it could not be read."""
        self._is_looking = False
        self._next_at = now + _EVERY
        if reported is None or not self._is_online:
            self._has_changed = True
            return []
        change = whole(reported) if self._known is None else difference.patch(self._known, reported)
        if not change:  # as after the very first start
            self._next_at = now + _LOOKS_AGAIN_AFTER
            return []
        if change.keys() == {_UPLOADED} and now < self._said_at + _ONLY_UPLOADED_EVERY:
            self._has_changed = True
            self._next_at = self._said_at + _ONLY_UPLOADED_EVERY
            return []
        self._known, self._said_at = reported, now
        self._token += 1
        content = {"state": {"reported": change}, "clientToken": f"seen-{self._token}"}
        return [Say(self.topics.update, to_json(content))]

    def not_sent(self) -> None:
        """What was said last did not arrive."""
        self._known, self._has_changed = None, True

    def refused(self, now: float) -> None:
        """The connection did not take it: a policy does not allow it."""
        self.not_sent()
        self._next_at = now + _REFUSED_FOR

    def hear(self, payload: bytes, now: float) -> None:
        """An update was rejected: perhaps ours."""
        try:
            found = read_object(payload)
            is_ours = text_at(found, "clientToken") == f"seen-{self._token}"
        except Nonsense:
            return
        if not is_ours:
            return
        if found.get("code") in _NOT_NOW:
            self.not_sent()
            self._next_at = now + _ONLY_UPLOADED_EVERY
            return
        sentence = f"AWS does not take what was seen: {found.get('code')} {redact(str(found.get('message', '')))[:500]}"
        if sentence not in self._said and len(self._said) < 100:
            self._said.add(sentence)
            log.warning("shadow: %s", sentence)

    @property
    def due(self) -> float:
        """When there is something to do even if nothing happens."""
        return self._next_at if self._is_online and self._has_changed and not self._is_looking else float("inf")


def whole(reported: Mapping[str, Any]) -> dict[str, Any]:
    """The state, with a null for what was erased here: while nobody was connected, the cloud's copy kept it."""
    if not reported:
        return {}
    found = {"alert": None, **reported}
    for key, parts in _ERASED.items():
        if isinstance(below := reported.get(key), Mapping):
            found[key] = {
                name: {**dict.fromkeys(parts), **each} if isinstance(each, Mapping) else each
                for name, each in below.items()
            }
    if isinstance(highest := reported.get("highest"), Mapping):
        found["highest"] = {"temperature": None, **highest}
    return found
