"""The same event rings a target once, though an alert and rules tell of it."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from edge_mask.messages import Message
from edge_mask.notify.notice import Notice, field_of
from edge_mask.units import Moment

_MOST: Final = 256
"""Events that are remembered: those of one moment, and visits that wait for their passage."""
_SILENT: Final = "low"


@dataclass(frozen=True, slots=True)
class Happening:
    """What a message tells of: by its id; and an alert is of the visit or reading with its place, moment and value."""

    id: str
    is_alert: bool
    moment: tuple[str, float, object]

    @classmethod
    def of(cls, cause: Message, payload: Mapping[str, Any], at: Moment, *, is_alert: bool) -> Self:
        """From a message and its fields."""
        place = field_of(payload, "camera") or field_of(payload, "sensor")
        return cls(cause.id or field_of(payload, "id"), is_alert, (place, at.wall, _number(payload)))

    def told_as(self) -> Iterator[object]:
        """The names under which it is remembered."""
        yield self.id
        yield self.is_alert, self.moment

    def known_as(self) -> Iterator[object]:
        """Those under which it may have rung: two visits of one moment are two events, an alert is one of them."""
        yield self.id
        yield not self.is_alert, self.moment


class Rung:
    """One thread uses it. It forgets with a restart: an event is told in one transaction, or a moment later."""

    def __init__(self) -> None:
        self._rung: OrderedDict[tuple[str, object], bool] = OrderedDict()
        """(target, event) → whether it was heard: a silent one keeps only other silent ones back."""

    def has(self, target: str, notice: Notice, what: Happening) -> bool:
        """Whether the target has rung for it already."""
        heard = [self._rung[target, name] for name in what.known_as() if (target, name) in self._rung]
        return bool(heard) and (notice.priority == _SILENT or any(heard))

    def note(self, target: str, notice: Notice, what: Happening) -> None:
        """It rings now."""
        for name in what.told_as():
            self._rung[target, name] = notice.priority != _SILENT or self._rung.get((target, name), False)
            self._rung.move_to_end((target, name))
        while len(self._rung) > _MOST:
            self._rung.popitem(last=False)


def _number(payload: Mapping[str, Any]) -> object:
    """What was measured, to the digits of a visit: `value` of an alert, the field that a visit or reading has."""
    value = payload.get("value", payload.get("temperature"))
    return round(value, 2) if isinstance(value, int | float) else None
