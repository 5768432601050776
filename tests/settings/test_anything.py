"""Whatever stands in the file: a configuration or sentences, never a traceback."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Overlay, parse, schema

SECTIONS = [schema(), *schema()["$defs"].values()]
KEYS = sorted({key for section in SECTIONS for key in section.get("properties", {})})
VALUES = [
    *(
        "usb:0",
        "5m",
        "256MB",
        "${HOME}",
        "${",
        "rtsp://[::1",
        "{thing}",
        "{",
        "replay",
        "off",
        "a/b",
        "config/*.yaml",
        "[",
        "\x00",
    ),
    *(None, True, -1, 0, 1, 0.5, 65536, 10**400, float("nan"), float("-inf")),
]

leaves = st.sampled_from(VALUES) | st.text(max_size=8)
keys = st.sampled_from(KEYS) | st.text(max_size=5)
trees: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)


def outcome(text: str) -> None:
    """Fails by any other exception."""
    problems = ["any.yaml"]
    try:
        parse(text, "any.yaml", {"HOME": "/home/pi"})
    except ConfigurationError as error:
        problems = error.problems
    assert problems
    assert all(problem.startswith("any.yaml") for problem in problems)


@given(st.dictionaries(keys, trees, max_size=6))
def test_any_mapping_of_our_keys_is_understood_or_answered(tree: dict[str, Any]) -> None:
    outcome(yaml.safe_dump(tree, allow_unicode=True))


@given(st.text())
def test_any_text_is_understood_or_answered(text: str) -> None:
    outcome(text)


@given(st.text(alphabet="ab:- \n\t[]{}&*!|>'\"#%@`?,<=~0123.e"))
def test_any_text_that_looks_like_yaml_is_understood_or_answered(text: str) -> None:
    outcome("cameras: [{name: a, source: 'usb:0'}]\n" + text)
    outcome("device:\n  labels:\n    " + text)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(schema()["properties"], trees)))
def test_any_section_with_anything_in_it_is_understood_or_answered(tree: dict[str, Any]) -> None:
    outcome(yaml.safe_dump({"cameras": [{"name": "a", "source": "usb:0"}], **tree}, allow_unicode=True))


@given(st.dictionaries(keys, trees, max_size=6))
def test_any_overlay_is_understood_or_answered(tree: dict[str, Any]) -> None:
    problems = ["any"]
    try:
        parse("cameras: [{name: a, source: 'usb:0'}]", "any.yaml", {}, Overlay({}).changed(tree, "any overlay"))
    except ConfigurationError as error:
        problems = error.problems
    assert all(problem.startswith("any") for problem in problems)
