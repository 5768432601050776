"""Alerts, faults and parts in the language of the page: from kind, code and values, as notifications do it."""

from collections.abc import Mapping
from typing import Any, Final

from edge_mask.ledger.deviations import deviation_of
from edge_mask.ledger.seen import Table
from edge_mask.messages import Alert
from edge_mask.notify.words import has_words, sentence_of
from edge_mask.settings.notify import Language
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.web.words import Words

_NO_TIME: Final = Moment(Seconds(0.0), Unix(0.0))


def told(row: Mapping[str, Any], table: Table, words: Words) -> dict[str, Any]:
    """The row with `title` and `place`, `said`, the sentence for a reader, and `own`, what the program said where that
    is more. `is_own`: the sentence is the program's own, which speaks English."""
    return _alert(row, words) if table == "alerts" else _fault(row, words)


def _alert(row: Mapping[str, Any], words: Words) -> dict[str, Any]:
    language: Language = "ko" if words.language == "ko" else "en"
    names: dict[str, Any] = {
        name: row[name] if isinstance(row[name], str) else None for name in ("camera", "sensor", "unit")
    }
    numbers: dict[str, Any] = {
        name: row[name] if isinstance(row[name], int | float) else None for name in ("value", "above")
    }
    streak = row["streak"] if isinstance(row["streak"], int) else None
    kind, text, deviation = str(row["kind"]), str(row["text"]), deviation_of(row.get("deviation"))
    alert = Alert(at=_NO_TIME, kind=kind, text=text, streak=streak, deviation=deviation, **names, **numbers)
    place = alert.camera or alert.sensor or ""
    said = sentence_of(alert, language)
    # A kind that only a rule can have made speaks the language of whoever wrote the rule.
    is_own = not has_words(alert, language) and words.knows("alert", alert.kind)
    return {
        **row,
        "title": words.word("alert", alert.kind),
        "place": place,
        "said": said.removeprefix(f"{place}: ") if place else said,
        "is_own": is_own,
        "own": "",
    }


def _fault(row: Mapping[str, Any], words: Words) -> dict[str, Any]:
    component, text = str(row["component"]), str(row["text"])
    own = text.removeprefix(f"{component}: ")
    head = {**row, "title": part_name(component, words), "place": ""}
    code = _code(component, str(row["code"]), words)
    if not words.knows("fault", code):
        return {**head, "said": own, "is_own": True, "own": ""}
    return {**head, "said": words.word("fault", code), "is_own": False, "own": own}


def _code(component: str, code: str, words: Words) -> str:
    """With its kind of part before it, where the same code means something else there."""
    precise = f"{component.partition(' ')[0]}.{code}"
    return precise if words.knows("fault", precise) else code


def part_name(name: str, words: Words) -> str:
    """`camera front` as `Camera front`: what it is, then its own name."""
    kind, _, own = name.partition(" ")
    return f"{words.word('part', kind)} {own}".rstrip() if words.knows("part", kind) else name


def part_state(state: str, text: str, words: Words) -> tuple[str, str]:
    """The state that is shown, and what is said beside it: a known state is shown in its place."""
    if state != "failed" and text == "ok":
        return state, ""
    return (text, "") if words.knows("state", text) else (state, text)
