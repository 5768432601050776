"""YAML as data that knows its lines."""

import pytest

from edge_mask import yaml_file
from edge_mask.yaml_file import read


def data(text: str) -> object:
    document = read(text, "f.yaml")
    assert document.problems == []
    return document.data


def problems(text: str) -> list[str]:
    return read(text, "f.yaml").problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("true", True),
        ("12:30", "12:30"),
        ("2026-11-20", "2026-11-20"),
        ("017", "017"),
        ("3.1.1", "3.1.1"),
        ("1_000", "1_000"),
        ("0x10", 16),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("null", None),
        ('"5"', "5"),
    ],
)
def test_plain_values_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    found = data(f"key: {text}")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_an_empty_text_is_nothing() -> None:
    assert data("") is None
    assert data("# only a comment\n") is None


def test_every_value_knows_its_line() -> None:
    document = read("a: 1\nb:\n  - c: 2\n\n  - d:\n      e: 3\n", "f.yaml")
    assert document.line(("a",)) == 1
    assert document.line(("b", 0, "c")) == 3
    assert document.line(("b", 1, "d", "e")) == 6


def test_a_key_given_twice_is_named_with_both_lines() -> None:
    assert problems("web:\n  port: 1\n  host: x\n  port: 2\n") == [
        "f.yaml:4: web.port: given twice, first on line 2; remove one"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: b: c\n", "f.yaml:1: not valid YAML: mapping values are not allowed here (column 5)"),
        ("a:\n\tb: 1\n", "indent with spaces, not tabs"),
        ("a: [1, 2\n", "f.yaml:2: not valid YAML: expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: not valid YAML: but found another document"),
        ("a: *missing\n", "f.yaml:1: not valid YAML: found undefined alias 'missing'"),
        ("a: \x01\n", "f.yaml: not valid YAML: unacceptable character #x0001"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1: a: the tag"),
        ("a: !!python/name:os.system x\n", "f.yaml:1: a: the tag"),
        ("a: !!bool maybe\n", "f.yaml:1: a: the tag"),
        ("a: !!int ''\n", "f.yaml:1: a: the tag"),
        ("a: !!timestamp 2026-11-20\n", "f.yaml:1: a: the tag"),
        ('a: "\\ud800"\n', "f.yaml:1: a: half a surrogate pair"),
        ('"\\ud800": 1\n', "half a surrogate pair"),
        ("a: &x [*x]\n", "f.yaml:1: a[0]: contains itself"),
        ("? [1, 2]\n: 3\n", "a key must be a word"),
    ],
)
def test_what_is_no_plain_yaml_gets_a_sentence(text: str, sentence: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_hundred_thousand_brackets_are_a_sentence_too() -> None:
    assert problems("a: " + "[" * 100_000) == ["f.yaml:1: not valid YAML: nested more than 50 deep (column 53)"]


def test_aliases_of_aliases_that_stand_for_billions_are_a_sentence_too() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)]
    found = problems("a0: &a0 [x, x]\n" + "".join(levels))
    assert found == ["f.yaml: its aliases stand for over 5000 values; use fewer aliases (*NAME)"]


@pytest.mark.parametrize(
    "text", ["[" + "1," * 30_000 + "]", "{a: &a 1, b: [" + "*a," * 20_000 + "]}"], ids=["values", "aliases"]
)
def test_a_wish_that_would_take_seconds_to_read_is_refused_at_its_first_thousands(text: str) -> None:
    [problem] = yaml_file.read(text, "wish", is_short=True).problems
    assert "not valid YAML: more than 4000 keys and values" in problem


def test_anchors_and_merges_work() -> None:
    found = data("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nsame: *b\n")
    assert found == {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}


def test_a_value_that_must_stay_text_is_not_read_as_a_number() -> None:
    document = read("version: 1.10\nother: 1.10\nmore: {version: 0x10}\n", "f.yaml", texts={("version",)})
    assert document.data == {"version": "1.10", "other": 1.1, "more": {"version": 16}}


def test_letters_that_json_writes_as_two_halves_are_one() -> None:
    assert data(r'{"a\ud83d\ude00": "\ud83d\ude00"}') == {"a\U0001f600": "\U0001f600"}


def test_a_problem_inside_a_text_is_found_where_it_stands_in_the_file() -> None:
    document = read("a: 'bcd'\nb: |\n  one\n  two\nc: one\n  two\n", "f.yaml", has_columns=True)
    document.complain_inside(("a",), "here", 1, 2)
    document.complain_inside(("b",), "here", 2, 1)
    document.complain_inside(("c",), "here", 2, 1)
    assert document.problems == [
        "f.yaml:1:6: a: here",
        "f.yaml:4:3: b: here",
        "f.yaml:5:4: c: (line 2, column 1 of this text) here",
    ]


def test_a_sentence_can_name_the_column_of_the_value() -> None:
    document = read("a:\n  b: 7\n", "f.yaml", has_columns=True)
    document.complain(("a", "b"), "no")
    document.complain(("a", "c", "d"), "missing")
    assert document.problems == ["f.yaml:2:6: a.b: no", "f.yaml:2:3: a.c.d: missing"]
