"""The sentences that pages quote in their last table, "when something is wrong", are those that programs print."""

import re
from pathlib import Path

import pytest
from tests.docs.test_docs import ROOT, SPOKEN

SCRIPTS = "".join((ROOT / "scripts" / name).read_text(encoding="utf-8") for name in ("install", "prepare"))
TELLS = re.compile(r"^\| `([^`]*(?:…|: |;)[^`]*)` \|", re.MULTILINE)
"""A sentence in the first column; `…` stands for what varies."""
OF_OTHERS = ("status=", "mosquitto_sub")


def quoted(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").rpartition("\n## ")[2]
    return [found for found in TELLS.findall(text) if not found.startswith(OF_OTHERS)]


@pytest.mark.parametrize(
    ("page", "sentence"),
    [(page, sentence) for page in ("raspberry-pi.md", "home-assistant.md", "aws-iot.md") for sentence in quoted(page)],
)
def test_a_sentence_that_a_page_quotes_is_one_that_is_printed(page: str, sentence: str) -> None:
    varying = re.sub(r"\d+ MB|TOPIC|FILE|homeassistant\.enabled|sudo make install", "…", sentence)
    parts = [part.strip(" .;:,`") for part in re.split(r"…|: ", varying)]
    parts = [part for part in parts if len(part) > 8]
    assert parts
    assert [part for part in parts if part not in SPOKEN and part not in SCRIPTS] == []


def test_every_page_quotes_something() -> None:
    """What the test above relies on."""
    assert len(quoted("raspberry-pi.md")) >= 6
    assert len(quoted("home-assistant.md")) >= 3
    assert len(quoted("aws-iot.md")) >= 8
    assert Path(ROOT / "scripts/install").exists()
