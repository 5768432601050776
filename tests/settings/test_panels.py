"""The section panels: what can stand in it, and the sentences for what cannot."""

from typing import Any

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings.load import parse

CAMERA = "cameras: [{name: front, source: 'images:.', role: gate}]\n"


def complaints(panel: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(f"{CAMERA}panels:\n  - {panel}\n", "x.yaml", {})
    return [each.partition(": ")[2] for each in caught.value.problems if "panels" in each]


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        ("{name: a, path: x}", "panels[0].url: is missing"),
        ("{name: a, url: 'file:///etc/passwd', path: x}", "begins with https:// or http://"),
        ("{name: a, url: 'https://', path: x}", "begins with https:// or http://"),
        ("{name: a, url: 'https://h:0/', path: x}", "begins with https:// or http://"),
        ("{name: a, url: 'https://kim:cherry@h/', path: x}", "holds a user or a password"),
        ("{name: a, url: 'https://h/'}", "needs one of path"),
        ("{name: a, url: 'https://h/', path: x, column: y}", "needs one of path"),
        ("{name: a, url: 'https://h/', column: y, value: x}", "value belongs to path"),
        ("{name: a, url: 'https://h/', path: 'a..b['}", "allowed: keys and positions"),
        ("{name: a, url: 'https://h/', path: x, at: '25:00'}", "a time from 00:00 to 23:59"),
        ("{name: a, url: 'https://h/', path: x, private: maybe}", "true or false"),
    ],
)
def test_what_cannot_be_is_a_sentence(panel: str, says: str) -> None:
    found = complaints(panel)
    assert any(says in each for each in found), found
    assert not any("cherry" in each for each in found)


def test_two_panels_of_one_name_are_told_apart_by_nobody() -> None:
    one = "{name: a, url: 'https://h/', path: x}"
    assert any('"a" is taken by panels[0]' in each for each in complaints(f"{one}\n  - {one}"))


def test_a_panel_is_read_at_ten_unless_it_says_otherwise() -> None:
    def of(**keys: Any) -> str:
        more = "".join(f", {key}: {value}" for key, value in keys.items())
        text = f"{CAMERA}panels: [{{name: a, url: 'https://h/', path: x{more}}}]\n"
        return parse(text, "x.yaml", {}).panels[0].hour.isoformat("minutes")

    assert (of(), of(at="07:30")) == ("10:00", "07:30")
