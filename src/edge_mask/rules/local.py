"""What notifications may say besides a message's fields, as people read it: `${local.time}`, `${local.verdict}` …"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.values import Value

LOCAL: Final = "local"
"""The object that holds them; a message's own field of that name goes before."""

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


ANYWHERE: Final = Local("en", UTC)
"""Where no site is known: rules that are only tried."""
