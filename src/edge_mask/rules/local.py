"""What notifications may say besides a message's fields, as people read it: `${local.time}`, `${local.verdict}` …"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from edge_mask.sql.ast import Attribute, Member, Node, Subquery, children
from edge_mask.sql.errors import RuleError
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.template import Template
from edge_mask.sql.values import Value
from edge_mask.suggest import did_you_mean

LOCAL: Final = "local"
"""The object that holds them; a message's own field of that name goes before."""

FIELDS: Final = ("time", "date", "verdict", "mask", "reasons")
"""What it has."""
SPOKEN: Final = {("notify", "title"), ("notify", "text")}
"""The fields of actions that may say it."""
_UNKNOWN_TIME: Final = "--:--"
_WORDS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "en": {
        "verdict": {"pass": "passed", "no_pass": "refused"},
        "mask": {"mask": "mask", "no_mask": "no mask", "incorrect": "mask worn wrongly"},
        "reasons": {
            "no_mask": "no mask", "incorrect": "mask worn wrongly", "unsure": "not sure", "still": "does not move",
            "fever": "fever", "temperature_missing": "no temperature",
        },
    },
    "ko": {
        "verdict": {"pass": "통과", "no_pass": "거부"},
        "mask": {"mask": "마스크 착용", "no_mask": "마스크 없음", "incorrect": "마스크를 잘못 씀"},
        "reasons": {
            "no_mask": "마스크 없음", "incorrect": "마스크를 잘못 씀", "unsure": "판단 불확실", "still": "움직임 없음",
            "fever": "발열", "temperature_missing": "체온 없음",
        },
    },
}  # fmt: skip


class Local:
    """The words of a site: its language and its zone."""

    def __init__(self, language: Literal["en", "ko"], zone: tzinfo) -> None:
        self._words = _WORDS[language]
        self._zone = zone

    def __call__(self, seen: RuleInput) -> Mapping[str, Value]:
        """For one message: when its event was, and its verdict in words; empty texts for what it does not have."""
        fields = seen.json(2)
        fields = fields if isinstance(fields, Mapping) else {}
        day, time = self._when(seen.context.timestamp, fields)
        reasons = fields.get("reasons")
        return {
            "time": time,
            "date": day,
            "verdict": self._word("verdict", fields.get("verdict")),
            "mask": self._word("mask", fields.get("mask")),
            "reasons": ", ".join(
                self._word("reasons", each) for each in (reasons if isinstance(reasons, list | tuple) else ())
            ),
        }

    def _when(self, milliseconds: int, fields: Mapping[str, Value]) -> tuple[str, str]:
        """Nobody knows them while the clock is not set."""
        if fields.get("clock_ok") is False:
            return "", _UNKNOWN_TIME
        at = datetime.fromtimestamp(milliseconds / 1000, self._zone)
        return f"{at:%Y-%m-%d}", f"{at:%H:%M}"

    def _word(self, group: str, value: Value) -> str:
        """A word of another program stays as it is."""
        return self._words[group].get(value, value) if isinstance(value, str) else ""


def refuse_unknown(template: Template, *, is_notification: bool) -> None:
    """Raises RuleError for what would say nothing: a word that is not there, or any of them in another action."""
    for node in template.nodes:
        _look(node, template.text, is_notification=is_notification)


def _look(node: Node, text: str, *, is_notification: bool) -> None:
    """Keys inside a nested SELECT are those of its elements."""
    match node:
        case Subquery():
            return
        case Member(Attribute(name, at), word, _) if name.lower() == LOCAL:
            if is_notification and name == LOCAL and word in FIELDS:
                return
            found = f"{name}.{word}"
        case Attribute(found, at) if found.lower() == LOCAL:
            pass
        case _:
            for each in children(node):
                _look(each, text, is_notification=is_notification)
            return
    known = [f"{LOCAL}.{each}" for each in FIELDS]
    own = f"; a message's own field of this name is get(*, '{found.partition('.')[0]}')"
    if not is_notification:
        raise RuleError(f"{found} is known in the title and text of notify alone{own}", text, at)
    near = did_you_mean(found, known) if "." in found else ""
    raise RuleError(f"there is no {found}{near}; there are {', '.join(known)}{own}", text, at)


ANYWHERE: Final = Local("en", UTC)
"""Where no site is known: rules that are only tried."""
