"""`${VARIABLES}` of the environment in the configuration."""

import pytest

from edge_mask.settings.variables import read


def data(text: str, **environ: str) -> object:
    document = read(text, "f.yaml", environ)
    assert document.problems == []
    return document.data


def problems(text: str, **environ: str) -> list[str]:
    return read(text, "f.yaml", environ).problems


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
