"""Units convert there and back; limits are the configured ones or the physical ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import Refused, TryLater
from edge_mask.sense.scale import convert, number, physical_range


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (37.5, "C", "F", 99.5),
        (-40.0, "F", "C", -40.0),
        (0.0, "C", "K", 273.15),
        (1013.25, "hPa", "kPa", 101.325),
        (1.0, "bar", "Pa", 1e5),
        (3.0, "m", "m", 3.0),
    ],
)
def test_units_are_converted(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == pytest.approx(expected)


@given(st.floats(-500, 500), st.sampled_from(["C", "F", "K"]), st.sampled_from(["C", "F", "K"]))
def test_converting_back_gives_the_same(value: float, unit: str, to: str) -> None:
    assert convert(convert(value, unit, to), to, unit) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("unit", "to"), [("C", "%"), ("C", "celsius"), ("m", "C")])
def test_foreign_units_are_refused(unit: str, to: str) -> None:
    with pytest.raises(Refused, match="cannot be given as"):
        convert(1.0, unit, to)


def test_limits_are_physical_unless_they_are_configured() -> None:
    assert -56.0 not in physical_range("temperature", "C")
    assert 125.0 in physical_range("temperature", "C")
    assert 257.0 in physical_range("temperature", "F")
    forehead = physical_range("temperature", "C", low=30.0, high=45.0)
    assert 36.6 in forehead
    assert 29.9 not in forehead
    assert 1e9 in physical_range("flow", "l/min")
    assert -1.0 not in physical_range("humidity", "%")
    assert -1.0 in physical_range("humidity", "g/m3"), "another quantity by the same name"


@pytest.mark.parametrize("text", ["", "warm", "1,5", "nan", "inf", "-inf", "0x10"])
def test_what_is_no_finite_number_is_a_sentence(text: str) -> None:
    with pytest.raises(TryLater, match=r"forehead: .* is not a"):
        number(text, "forehead")
