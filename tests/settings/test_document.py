"""YAML as data that knows its lines."""

import pytest

from edge_mask.settings.document import read


def data(text: str, **environ: str) -> object:
    document = read(text, "f.yaml", environ)
    assert document.problems == []
    return document.data


def problems(text: str, **environ: str) -> list[str]:
    return read(text, "f.yaml", environ).problems


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
    document = read("a: 1\nb:\n  - c: 2\n\n  - d:\n      e: 3\n", "f.yaml", {})
    assert document.lines[("a",)] == 1
    assert document.lines[("b", 0, "c")] == 3
    assert document.lines[("b", 1, "d", "e")] == 6


def test_a_key_given_twice_is_named_with_both_lines() -> None:
    assert problems("web:\n  port: 1\n  host: x\n  port: 2\n") == [
        "f.yaml:4: web.port: given twice, first on line 2; remove one"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: b: c\n", "f.yaml:1: not YAML: mapping values are not allowed here (column 5)"),
        ("a:\n\tb: 1\n", "indent with spaces, not tabs"),
        ("a: [1, 2\n", "f.yaml:2: not YAML: expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: not YAML: but found another document"),
        ("a: *missing\n", "f.yaml:1: not YAML: found undefined alias 'missing'"),
        ("a: \x01\n", "f.yaml: not YAML: unacceptable character #x0001"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1: a: the tag"),
        ("a: !!python/name:os.system x\n", "f.yaml:1: a: the tag"),
        ("a: &x [*x]\n", "f.yaml:1: a[0]: contains itself"),
        ("? [1, 2]\n: 3\n", "a key must be a word"),
    ],
)
def test_what_is_no_plain_yaml_gets_a_sentence(text: str, sentence: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_hundred_thousand_brackets_are_a_sentence_too() -> None:
    assert problems("a: " + "[" * 100_000) == ["f.yaml: nested too deeply"]


def test_aliases_of_aliases_that_stand_for_billions_are_a_sentence_too() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)]
    found = problems("a0: &a0 [x, x]\n" + "".join(levels))
    assert found == ["f.yaml: stands for over 100000 values; use fewer aliases (*NAME)"]


def test_anchors_and_merges_work() -> None:
    found = data("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nsame: *b\n")
    assert found == {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}


def test_variables_are_replaced_inside_texts() -> None:
    found = data('a: "x-${ONE}-${TWO:-second}-$${ONE}-$ONE"\nb: ${ONE}\n', ONE="1")
    assert found == {"a": "x-1-second-${ONE}-$ONE", "b": "1"}


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert data("a: ${ONE}", ONE="${TWO} [x] #y: z") == {"a": "${TWO} [x] #y: z"}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("rtsp://viewer:${PW}@h/x", "rtsp://viewer:a%2Fb%23c%3Fd%25e%40f:g%20@h/x"),
        ("rtsp://${USER}:${PW}@h/x", "rtsp://u%2F1:a%2Fb%23c%3Fd%25e%40f:g%20@h/x"),
        ("rtsp://${NONE:-a/b}:1@h/x", "rtsp://a%2Fb:1@h/x"),
        ("http://h/live?user=u&pwd=${PW}&ch=1", "http://h/live?user=u&pwd=a%2Fb%23c%3Fd%25e%40f:g%20&ch=1"),
        ("http://h/live?pwd=${USER}", "http://h/live?pwd=u%2F1"),
        ("rtsp://viewer:p@${HOST}/${PATH}", "rtsp://viewer:p@cam:554/a/b?c=d"),
        ("rtsp://${HOST}/x@y", "rtsp://cam:554/x@y"),
        ("http://h/live?${QUERY}", "http://h/live?a=b&c=d"),
        ("${URL}", "rtsp://viewer:a%23@h/x"),
        ("${PW}", "a/b#c?d%e@f:g "),
    ],
)
def test_what_a_variable_puts_into_user_password_or_query_of_an_address_is_encoded(written: str, read_as: str) -> None:
    environ = {
        "PW": "a/b#c?d%e@f:g ", "USER": "u/1", "HOST": "cam:554", "PATH": "a/b?c=d", "QUERY": "a=b&c=d",
        "URL": "rtsp://viewer:a%23@h/x",
    }  # fmt: skip
    assert data(f"key: '{written}'", **environ) == {"key": read_as}


def test_a_missing_variable_is_named_with_its_place() -> None:
    assert problems("mqtt:\n  host: ${BROKER}\n") == [
        "f.yaml:2: mqtt.host: the environment variable BROKER is not set; set it, or give a default: ${BROKER:-…}"
    ]
    assert "BROKER is empty" in problems("mqtt: {host: '${BROKER}'}\n", BROKER="")[0]


def test_an_empty_default_is_a_default() -> None:
    assert data("a: 'x${NAME:-}'") == {"a": "x"}
