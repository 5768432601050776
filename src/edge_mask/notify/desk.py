"""From an alert, or a rule's wish, to the rows of the outbox: one for each target, one for each browser of web push.

alert ──▶ words ──┐                                ┌─▶ row of the outbox, in the transaction of the event
rule  ────────────┴─▶ quiet? rung before? cooling? ┴─▶ counted
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from edge_mask.ledger.outbox import NOTIFY_TOPIC
from edge_mask.ledger.rows import OutboxRow
from edge_mask.messages import Alert, Message, Priority
from edge_mask.notify import words
from edge_mask.notify.admission import CoolDown, is_quiet
from edge_mask.notify.notice import Notice, destination_of, field_of, one_line, several_lines
from edge_mask.notify.rung import Happening, Rung
from edge_mask.rules.effects import Notify
from edge_mask.rules.local import Local
from edge_mask.settings.notify import Language, Target
from edge_mask.units import Moment


@dataclass(slots=True)
class Told:
    """What became of one wish."""

    rows: list[OutboxRow] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    marks: dict[str, int] = field(default_factory=dict)


class NoticeDesk:
    """The recorder's thread uses it."""

    def __init__(
        self,
        targets: Iterable[Target],
        *,
        default: Sequence[str],
        language: Language,
        thing: str,
        zone: tzinfo,
        boot: str,
        sends_pictures: bool,
        marks: Mapping[str, int],
        new_id: Callable[[Moment], str],
        browsers: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        """`marks` are those of earlier runs; `browsers` returns the subscriptions of web push, at once."""
        self._targets = {target.name: target for target in targets}
        self._default = tuple(default)
        self._language = language
        self._thing = thing
        self._zone = zone
        self.local = Local(language, zone)
        """What templates of rules may say besides a message's own fields."""
        self._rung = Rung()
        self._boot = boot
        self._sends_pictures = sends_pictures
        self._cool_down = CoolDown(marks)
        self._new_id = new_id
        self._browsers = browsers

    def alert(self, alert: Alert, cause: Message, boot: str | None) -> Told:
        """Tell the default targets of an alert."""
        told = Told()
        if not self._default:
            return told
        payload = _fields(cause.payload)
        notice = Notice(
            title=one_line(words.title_of(alert, self._language)),
            text=several_lines(words.text_of(alert, self._thing, self._language)),
            priority=words.urgency_of(alert),
            kind=alert.kind,
            camera=alert.camera or alert.sensor or "",
            snapshot=alert.snapshot or "",
            about="" if (found := alert.deviation) is None else f"{found.quantity} {found.reason} {found.state}",
            **self._origin(cause, payload),
        )
        what = Happening.of(cause, payload, alert.at, is_alert=True)
        for name in self._default:
            self._tell(self._targets[name], notice, cause, alert.at, boot, told, what)
        return told

    def rule(self, wish: Notify, cause: Message, at: Moment, boot: str | None) -> Told:
        """Tell the targets that a rule names."""
        told = Told()
        payload = _fields(cause.payload)
        urgency = wish.priority or ("high" if cause.priority is Priority.URGENT else "normal")
        notice = Notice(
            title=one_line(wish.title) or self._thing,
            text=several_lines(wish.text),
            priority=urgency,
            kind=f"rule {wish.rule}",
            camera=one_line(field_of(payload, "camera") or field_of(payload, "sensor")),
            snapshot=field_of(payload, "snapshot"),
            **self._origin(cause, payload),
        )
        what = Happening.of(cause, payload, at, is_alert=False)
        for name in dict.fromkeys(wish.to):
            if (target := self._targets.get(name)) is None:
                told.counts["notify_no_target"] += 1
                continue
            self._tell(target, notice, cause, at, boot, told, what, rule=wish)
        return told

    def _origin(self, cause: Message, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "thing": self._thing,
            "event": cause.id or field_of(payload, "id"),
            "topic": cause.topic,
            "ts": field_of(payload, "ts"),
        }

    def _tell(
        self,
        target: Target,
        notice: Notice,
        cause: Message,
        at: Moment,
        boot: str | None,
        told: Told,
        what: Happening,
        rule: Notify | None = None,
    ) -> None:
        here = boot or self._boot
        if is_quiet(target, notice, at, self._zone):
            told.counts["notify_quiet"] += 1
        elif self._rung.has(target.name, notice, what):
            told.counts["notify_same_event"] += 1
        elif self._cool_down.holds(target, notice, at, here):
            told.counts["notify_cool_down"] += 1
        else:
            browsers = [""] if target.kind != "web-push" else self._browsers()
            if not browsers:
                told.counts["notify_nobody"] += 1
                return
            self._rung.note(target.name, notice, what)
            told.marks |= self._cool_down.note(target, notice, at, here)
            if not self._may_show(target, rule):
                notice = replace(notice, snapshot="")
            for browser in browsers:
                message = self._message(target, notice, cause, at, rule)
                told.rows.append(OutboxRow(destination_of(target.name, browser), message, at, boot))

    def _may_show(self, target: Target, rule: Notify | None) -> bool:
        """Whether the picture goes along: never by default."""
        if target.pictures is None:
            return rule is not None and rule.snapshot and self._sends_pictures
        return target.pictures and (rule is None or rule.snapshot)

    def _message(self, target: Target, notice: Notice, cause: Message, at: Moment, rule: Notify | None) -> Message:
        """The cause goes along: erasing it takes this away too, and a rule's error action needs it."""
        properties: dict[str, Any] = {"payload": cause.payload}
        if rule is not None:
            properties |= {"rule": rule.rule, "topic": cause.topic}
        return Message(
            topic=f"{NOTIFY_TOPIC}{target.name}",
            payload=notice.packed(),
            priority=min(cause.priority, Priority.TELEMETRY),
            qos=1,
            id=self._new_id(at),
            properties=properties,
        )


def _fields(payload: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
