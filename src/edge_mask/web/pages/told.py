"""Alerts, faults and parts in the language of the page: from kind, code and values, as notifications do it."""

from collections.abc import Mapping
from typing import Any

from edge_mask.ledger.seen import Table
from edge_mask.notify.words import sentence_of
from edge_mask.settings.notify import Language
from edge_mask.web.words import Words


def told(row: Mapping[str, Any], table: Table, words: Words) -> dict[str, Any]:
    """The row with `said`, the sentence for a reader, and `own`, what the program said where that is more."""
    text = str(row["text"])
    if table == "alerts":
        language: Language = "ko" if words.language == "ko" else "en"
        said = sentence_of(str(row["kind"]), text, language, streak=row["streak"], value=row["value"])
        return {**row, "said": said, "own": ""}
    named = {**row, "component": part_name(str(row["component"]), words)}
    if not words.knows("fault", row["code"]):
        return {**named, "said": text, "own": ""}
    return {**named, "said": words.word("fault", row["code"]), "own": text}


def part_name(name: str, words: Words) -> str:
    """`camera front` as `Camera front`: what it is, then its own name."""
    kind, _, own = name.partition(" ")
    return f"{words.word('part', kind)} {own}".rstrip() if words.knows("part", kind) else name


def part_state(state: str, text: str, words: Words) -> tuple[str, str]:
    """The state that is shown, and what is said beside it: a known state is shown in its place."""
    if state != "failed" and text == "ok":
        return state, ""
    return (text, "") if words.knows("state", text) else (state, text)
