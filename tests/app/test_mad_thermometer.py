"""A thermometer that says of people what no person can have: they are not measured, and it is told of once."""

import logging

import pytest
from tests.decide.scenes import sight, track, visits, watched

from edge_mask.app.thermometer import Suspicion, thermometer_of, with_thermometer
from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.record import decide_again, differences, unpack
from edge_mask.messages import MASK, Event, Fault, Visit
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.load import parse
from edge_mask.settings.model import Settings

AIR, SKIN = 3.0, 36.4
CAMERA = "cameras: [{name: front, source: 'usb:0'}]\n"


def settings(gate: str = "", unit: str = "C") -> Settings:
    sensor = f"sensors: [{{name: forehead, kind: w1, unit: {unit}}}]\n"
    return parse(f"{CAMERA}{sensor}gate: {{temperature_sensor: forehead{gate}}}\n", "gate.yaml", {})


def policy(gate: str = "", unit: str = "C") -> GatePolicy:
    found = settings(gate, unit)
    return with_thermometer(GatePolicy(still="ignore"), found, thermometer_of(found, found.cameras[0]))


class Gate:
    """One gate, and what its thermometer's suspicion reports."""

    def __init__(self, gate: str = "") -> None:
        self.faults: list[Fault] = []
        judged = policy(gate)
        suspicion = Suspicion("forehead", judged, self.faults.append, ManualClock())
        self.watch = GateWatch("front", judged, on_measured=suspicion.note)
        self.now = 0.0
        self.visitors = 0

    def visit(self, *measured: float) -> Visit:
        """The next person stands there for six seconds, and leaves."""
        self.visitors += 1
        events: list[Event] = []
        for look in range(30):
            events += self.look(measured[look % len(measured)], is_there=True)
        for _ in range(20):
            events += self.look(measured[0], is_there=False)
        (said,) = visits(events)
        return said

    def look(self, measured: float, *, is_there: bool) -> list[Event]:
        self.now = round(self.now + 0.2, 3)
        tracks = [track(MASK, self.visitors)] if is_there else []
        return self.watch.observe(sight(tracks, self.now, measured))


@pytest.mark.parametrize("mad", [-40.0, AIR, 22.0, 27.9, 43.1, 85.0, 124.0])
def test_a_mad_thermometer_measures_nobody_and_is_told_of_once(mad: float, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    gate = Gate()
    for _ in range(5):
        said = gate.visit(mad)
        assert (said.verdict, said.reasons, said.temperature) == ("no_pass", ("temperature_missing",), None)
        assert said.record is not None
        record = unpack(said.record)
        assert not differences(vars_of(said), decide_again(record))
    assert [(fault.component, fault.code) for fault in gate.faults] == [("sensor forehead", "sensor_out_of_range")]
    assert f"said {mad:g} C of the last of 3 visitors in a row, outside of 28 to 43 C" in gate.faults[0].text
    assert gate.visit(SKIN).verdict == "pass"
    assert gate.visit(SKIN).verdict == "pass"
    assert len(gate.faults) == 1
    assert sum("back after" in line for line in caplog.messages) == 1


def vars_of(visit: Visit) -> dict[str, object]:
    """As it is stored."""
    names = ("verdict", "mask", "mask_score", "temperature", "time_to_verdict_ms")
    return {name: getattr(visit, name) for name in names} | {"reasons": list(visit.reasons)}


def test_the_air_at_night_is_no_trouble() -> None:
    gate = Gate()
    for _ in range(2000):
        assert gate.look(AIR, is_there=False) == []
    assert gate.faults == []
    assert gate.visit(SKIN).verdict == "pass"


def test_a_glimpse_of_the_wall_does_not_move_the_temperature_of_a_person() -> None:
    gate = Gate()
    assert [gate.visit(AIR, SKIN, AIR).temperature for _ in range(5)] == [SKIN] * 5
    assert gate.faults == []


def test_two_who_look_away_are_no_trouble_when_others_are_measured() -> None:
    gate = Gate()
    said = [gate.visit(value).verdict for value in (AIR, AIR, SKIN, AIR, AIR, SKIN)]
    assert said == ["no_pass", "no_pass", "pass"] * 2
    assert gate.faults == []


def test_where_temperatures_may_be_missing_a_mad_thermometer_is_told_of_all_the_same() -> None:
    gate = Gate(", without_temperature: ignore")
    assert [gate.visit(AIR).temperature for _ in range(4)] == [None] * 4
    assert len(gate.faults) == 1


@pytest.mark.parametrize(
    ("gate", "unit", "believed"),
    [
        ("", "C", (28.0, 43.0)),
        (", fever_above: 30", "C", (25.0, 43.0)),
        (", fever_above: 45", "C", (28.0, 50.0)),
        (", fever_above: 99.5", "F", (82.4, 109.4)),
        (", fever_above: 310.65", "K", (301.15, 316.15)),
        (", temperature_range: [20, 40]", "C", (20.0, 40.0)),
    ],
)
def test_what_is_believed_fits_to_the_unit_and_the_limit(gate: str, unit: str, believed: tuple[float, float]) -> None:
    found = policy(gate, unit)
    assert (found.coldest, found.hottest) == believed


def test_a_policy_of_an_older_record_believes_all() -> None:
    (said,) = visits(watched(GateWatch("front", GatePolicy(fever_above=37.5)), "M" * 12, temperatures=[AIR]))
    assert said.temperature == AIR
