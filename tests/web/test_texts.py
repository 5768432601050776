"""The texts of the pages: the same keys in every language, each used, and none missing."""

import re
from datetime import UTC, date
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from edge_mask.web import texts as room
from edge_mask.web.texts import LANGUAGES, preferred, texts
from edge_mask.web.words import Words

_WEB = Path(room.__file__).parent.parent
_SOURCES = [*_WEB.rglob("*.py"), *_WEB.rglob("*.html")]
_CALL = re.compile(r"""\b(t|many|word|knows)\(\s*['"]([a-z_0-9.]+)['"](\s*~|\s*,|\))""")
_BRANCH = re.compile(r"""['"]((?:%s)\.[a-z_0-9.]+)['"]""")
_AS_FIELD = re.compile(r"""\bt\(f['"]([a-z_]+\.[a-z_]*)\{""")


def used() -> tuple[set[str], set[str], set[str]]:
    """Keys that are asked for, keys that stand there as words, and beginnings of keys that are put together."""
    sections = "|".join(sorted({key.partition(".")[0] for key in texts("en")}))
    asked, named, begun = set[str](), set[str](), set[str]()
    for path in _SOURCES:
        content = path.read_text(encoding="utf-8")
        for call, key, after in _CALL.findall(content):
            if call in ("word", "knows"):
                begun.add(f"{key}.")
            elif "~" in after:
                begun.add(key)
            else:
                asked |= {f"{key}.one", f"{key}.other"} if call == "many" else {key}
        begun |= set(_AS_FIELD.findall(content))
        named |= set(re.findall(_BRANCH.pattern % sections, content))
    return asked, named, begun


def test_every_language_has_the_same_keys() -> None:
    keys = {language: list(texts(language)) for language in LANGUAGES}
    assert all(found == keys["en"] for found in keys.values())


@pytest.mark.parametrize("key", sorted(texts("en")))
def test_a_text_has_the_same_places_in_every_language(key: str) -> None:
    places = [{name for _, name, _, _ in Formatter().parse(texts(each)[key]) if name} for each in LANGUAGES]
    assert places[0] == places[1], key
    assert all(texts(each)[key].strip() for each in LANGUAGES)


def test_every_key_that_is_used_exists() -> None:
    asked, _, begun = used()
    assert not asked - set(texts("en"))
    assert all(any(key.startswith(each) for key in texts("en")) for each in begun)


def test_every_text_is_used() -> None:
    asked, named, begun = used()
    groups = ("span.", "weekday.", "month.")
    assert not [key for key in texts("en") if key not in asked | named and not key.startswith((*begun, *groups))]


def test_korean_is_korean() -> None:
    assert not [key for key, text in texts("ko").items() if re.search("[a-z]{3}", _without_places(text))]


def _without_places(text: str) -> str:
    return re.sub(r"\{\w+\}|edge_mask", "", text)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr, en;q=0.5, ko;q=0.7", "ko"),
        ("de", "en"),
        ("", "en"),
        (";;q=x,,ko;q=z", "en"),
    ],
)
def test_the_browser_says_which_language(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_numbers_and_times_as_a_reader_writes_them() -> None:
    at = 1_795_950_185.0  # 2026-11-29T11:03:05Z
    english, korean = (Words(language, ZoneInfo("Asia/Seoul")) for language in ("en", "ko"))
    assert english.moment(at) == "Sun 29 Nov 2026 20:03:05"
    assert korean.moment(at) == "2026년 11월 29일 (일) 20:03:05"
    assert english.day(date(2026, 11, 2)) == "Mon 2 Nov 2026"
    assert english.number(1234567) == "1,234,567"
    assert english.measure(36.54, "C") == "36.5 °C"
    assert english.size(8_300) == "8.3 kB"
    assert (english.lasting(59), korean.lasting(7300)) == ("59 s", "2시간")
    assert english.iso(at) == "2026-11-29T11:03:05Z"


@pytest.mark.parametrize("value", [None, "bytes 00 ff", float("nan"), True])
def test_what_is_no_number_is_shown_as_none(value: object) -> None:
    words = Words("en", UTC)
    assert words.number(value) == words.measure(value, "C") == words.size(value) == words.lasting(value) == "–"
