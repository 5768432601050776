"""Corrections: offset and scale, two points, and the emissivity of a surface."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sense.trees import YES, write

from edge_mask.app.sensors import sensor_of
from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.sense.correction import Correction
from edge_mask.sense.scale import convert
from edge_mask.settings import parse
from edge_mask.settings.sensors import KernelSensor, ReplaySensor

SKIN = Correction(emissivity=0.98, surroundings=22.0)


def test_without_a_correction_a_value_stays_as_it_is_to_the_last_bit() -> None:
    assert Correction().of(0.1 + 0.2, "C") == 0.1 + 0.2


def test_scale_comes_before_offset() -> None:
    assert Correction(scale=2.0, offset=0.5).of(36.1, "C") == 72.7


@given(st.floats(-100, 100), st.floats(1, 100), st.floats(-100, 100), st.floats(1, 100), st.sampled_from([1.0, -1.0]))
def test_two_points_are_met(said: float, apart: float, true: float, rise: float, sign: float) -> None:
    first, second = (said, true), (said + apart, true + sign * rise)
    line = Correction.through(first, second)
    for at, expected in (first, second):
        assert line.of(at, "C") == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("unit", ["C", "F", "K"])
def test_a_surface_that_radiates_less_is_warmer_than_it_looks(unit: str) -> None:
    """The sensor sees 0.98 of 310.15 K and 0.02 of 295.15 K: 309.89 K, which it takes for all of it."""
    seen = (0.98 * 310.15**4 + 0.02 * 295.15**4) ** 0.25
    assert Correction(emissivity=0.98, surroundings=convert(295.15, "K", unit)).of(
        convert(seen, "K", unit), unit
    ) == pytest.approx(convert(310.15, "K", unit), abs=1e-6)


def test_a_surface_as_warm_as_what_it_reflects_looks_as_it_is() -> None:
    assert SKIN.of(22.0, "C") == pytest.approx(22.0, abs=1e-9)


def test_a_surface_colder_than_any_reflection_allows_gives_no_number() -> None:
    with pytest.raises(TryLater, match="check surroundings"):
        Correction(emissivity=0.1, surroundings=60.0).of(-100.0, "C")


@pytest.mark.parametrize(
    ("calibration", "value"),
    [
        ("{offset: -0.5}", 36.0),
        ("{scale: 2}", 73.0),
        ("{points: [[0, 1], [73, 75]]}", 38.0),
        ("{emissivity: 1, surroundings: 20}", 36.5),
        ("{}", 36.5),
    ],
)
@pytest.mark.parametrize("kind", ["w1", "replay"])
def test_it_is_applied_to_every_kind(tmp_path: Path, kind: str, calibration: str, value: float) -> None:
    write(tmp_path, {"bus/w1/devices/28-01/w1_slave": YES.format("36500"), "r.csv": "seconds,value\n0,36.5\n"})
    path = f"path: {tmp_path / 'r.csv'}, " if kind == "replay" else ""
    text = f"sensors: [{{name: s, kind: {kind}, {path}calibration: {calibration}}}]\n"
    sensor = parse(text, "f", {}).sensors[0]
    assert isinstance(sensor, KernelSensor | ReplaySensor)
    reading = sensor_of(sensor, ManualClock(), tmp_path).read()
    assert isinstance(reading, Reading)
    assert reading.value == pytest.approx(value, abs=1e-9)
