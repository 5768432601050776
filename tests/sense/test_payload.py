"""Payloads of other programs: Zigbee2MQTT, Home Assistant, Tasmota, Shelly, and plain numbers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import TryLater
from edge_mask.json_path import MISSING, find, parse
from edge_mask.sense.payload import UNAVAILABLE, is_online, value_of

ZIGBEE = b'{"battery":97,"humidity":45.1,"last_seen":"2026-11-29T02:44:37.000Z","linkquality":112,"temperature":21.56}'
TASMOTA = b'{"Time":"2026-11-29T02:44:37","DS18B20":{"Id":"0316A2795B1F","Temperature":20.6},"TempUnit":"C"}'
CONTACT = b'{"battery":100,"contact":false,"occupancy":true}'
STATE = b'{"state":"21.5","attributes":{"unit_of_measurement":"\xc2\xb0C"}}'


@pytest.mark.parametrize(
    ("payload", "path", "value"),
    [
        (ZIGBEE, "temperature", 21.56),
        (ZIGBEE, "$.humidity", 45.1),
        (TASMOTA, "DS18B20.Temperature", 20.6),
        (TASMOTA, '["DS18B20"]["Temperature"]', 20.6),
        (CONTACT, "occupancy", 1.0),
        (CONTACT, "contact", 0.0),
        (STATE, "state", 21.5),
        (b'[{"v":[1,2,3]}]', "[0].v[-1]", 3.0),
        (b"21.5", "$", 21.5),
        (b'{"state":"ON"}', "state", 1.0),
        (b"21.5", None, 21.5),
        (b" -4\n", None, -4.0),
        (b"ON", None, 1.0),
        (b"closed", None, 0.0),
        (b"true", None, 1.0),
    ],
)
def test_a_value_is_found(payload: bytes, path: str | None, value: float) -> None:
    assert value_of(payload, None if path is None else parse(path), is_state=True) == value


def test_a_name_in_latin_1_beside_the_value_is_a_sentence_and_no_failure_of_the_house() -> None:
    with pytest.raises(TryLater, match="is no JSON"):
        value_of('{"temperature": 21.5, "name": "Küche"}'.encode("latin-1"), parse("temperature"), is_state=False)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (b'{"temperature":true}', "temperature"),
        (b'{"temperature":false}', "temperature"),
        (b'{"temperature":"ON"}', "temperature"),
        (b"true", None),
        (b"open", None),
        (b"off", None),
        (b"no", None),
    ],
)
def test_a_word_of_a_state_is_no_measured_value(payload: bytes, path: str | None) -> None:
    with pytest.raises(TryLater, match="is not a number"):
        value_of(payload, None if path is None else parse(path), is_state=False)


@pytest.mark.parametrize(
    ("payload", "path"),
    [(b'{"linkquality":80}', "temperature"), (b'{"temperature":null}', "temperature"), (b"unknown", None), (b"", None)],
)
def test_a_message_without_the_value_says_nothing(payload: bytes, path: str | None) -> None:
    assert value_of(payload, None if path is None else parse(path), is_state=True) is None


@pytest.mark.parametrize(
    ("payload", "path"), [(b"unavailable", None), (b'{"state":"unavailable"}', "state"), (b"Offline", None)]
)
def test_a_sensor_that_is_unavailable_has_no_value(payload: bytes, path: str | None) -> None:
    assert value_of(payload, None if path is None else parse(path), is_state=True) is UNAVAILABLE


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        (b"21,5", None, "is not a number"),
        (b"nan", None, "is not a finite number"),
        (b"1e999", None, "is not a finite number"),
        (b"\xff\xfe", None, "is no text"),
        (b"{", "a", "is no JSON: '{'"),
        (b"\xff", "a", "is no JSON"),
        (b'{"a":1e999}', "a", "."),
        (b'{"a":{"b":1}}', "a", "holds '{\"b\": 1}' where the value should be"),
        (b'{"a":"warm"}', "a", "'warm' is not a number"),
        (b"[" * 100_000, "a", "is no JSON"),
        (b'{"a":' + b"9" * 500 + b"}", "a", "."),
    ],
)
def test_nonsense_never_becomes_a_number(payload: bytes, path: str | None, reason: str) -> None:
    with pytest.raises(TryLater, match=reason.replace("{", "\\{")):
        value_of(payload, None if path is None else parse(path), is_state=True)


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (b"online", True), (b"offline", False), (b"Online", True), (b'{"state":"online"}', True),
        (b'{"state":"offline","since":1}', False), (b"true", True), (b'{"state":false}', False), (b"", None),
        (b"{", None), (b'{"x":1}', None), (b"perhaps", None), (b'{"state":[1]}', None),
    ],
)  # fmt: skip
def test_availability_is_a_word_or_a_state(payload: bytes, state: bool | None) -> None:
    assert is_online(payload) is state


@given(st.binary(max_size=200), st.sampled_from([None, "a", "[0]", "a.b[1]"]))
def test_whatever_arrives_is_a_number_or_nothing_or_a_sentence(payload: bytes, path: str | None) -> None:
    try:
        found = value_of(payload, None if path is None else parse(path), is_state=True)
    except TryLater:
        return
    assert found is None or found is UNAVAILABLE or isinstance(found, float)


@pytest.mark.parametrize("text", ["a..b", "a.", "a[", "a b", "a[x]", "[1", "a]", '"a"', "a[1234567]"])
def test_what_is_no_path_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: keys and positions such as"):
        parse(text)


DOCUMENTS = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


@given(DOCUMENTS, st.lists(st.sampled_from(["a", "b", 0, -1, 2]), max_size=4))
def test_a_path_leads_to_what_python_finds_there(document: object, steps: list[str | int]) -> None:
    here: object = document
    try:
        for step in steps:
            here = here[step]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        here = MISSING
    assert find(document, tuple(steps)) == here
    text = "".join(f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step)}]" for step in steps)
    assert parse(text) == tuple(steps)
