"""Named lines over time: held, pulsed, pulsed again, and off in the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.act.trees import brightness, led

from edge_mask.act.line import line_for
from edge_mask.act.outputs import Outputs
from edge_mask.errors import Refused, TryLater
from edge_mask.units import Seconds


@pytest.fixture
def lamp(tmp_path: Path) -> Path:
    return led(tmp_path, "lamp", brightest=1)


@pytest.fixture
def outputs(lamp: Path, tmp_path: Path) -> Outputs:
    made = Outputs({"lamp": line_for("led", path="lamp", sysfs=tmp_path)})
    assert made.open() == {}
    return made


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_a_pulse_ends_by_itself(outputs: Outputs, lamp: Path) -> None:
    outputs.pulse("lamp", at(10), at(2))
    assert brightness(lamp) == "1"
    assert outputs.next_change(at(10.5)) == 1.5
    outputs.turn(at(11.9))
    assert brightness(lamp) == "1"
    outputs.turn(at(12))
    assert brightness(lamp) == "0"
    assert outputs.next_change(at(12)) is None


def test_overlapping_pulses_make_one_longer_pulse(outputs: Outputs, lamp: Path) -> None:
    outputs.pulse("lamp", at(0), at(5))
    outputs.pulse("lamp", at(1), at(1))
    outputs.turn(at(4))
    assert brightness(lamp) == "1"
    outputs.pulse("lamp", at(4), at(5))
    outputs.turn(at(5))
    assert brightness(lamp) == "1"
    outputs.turn(at(9))
    assert brightness(lamp) == "0"


def test_off_ends_a_pulse_at_once(outputs: Outputs, lamp: Path) -> None:
    outputs.pulse("lamp", at(0), at(5))
    outputs.hold("lamp", at(1), on=False)
    assert brightness(lamp) == "0"
    assert outputs.next_change(at(1)) is None


def test_a_line_that_is_held_stays_on_after_a_pulse(outputs: Outputs, lamp: Path) -> None:
    outputs.hold("lamp", at(0), on=True)
    outputs.pulse("lamp", at(1), at(1))
    outputs.turn(at(3))
    assert brightness(lamp) == "1"
    outputs.hold("lamp", at(4), on=False)
    assert brightness(lamp) == "0"


def test_closing_in_the_middle_of_a_pulse_switches_off(outputs: Outputs, lamp: Path) -> None:
    outputs.pulse("lamp", at(0), at(60))
    outputs.close()
    assert brightness(lamp) == "0"
    assert outputs.next_change(at(1)) is None


def test_opening_switches_off_what_a_killed_daemon_left_on(lamp: Path, tmp_path: Path) -> None:
    (lamp / "brightness").write_text("1")
    Outputs({"lamp": line_for("led", path="lamp", sysfs=tmp_path)}).open()
    assert brightness(lamp) == "0"


def test_an_unknown_name_is_answered_with_the_ones_there_are(outputs: Outputs) -> None:
    with pytest.raises(Refused, match='there is no output "lmap"; there are: lamp'):
        outputs.pulse("lmap", at(0), at(1))
    with pytest.raises(Refused, match="configure it under outputs"):
        Outputs({}).hold("lamp", at(0), on=True)


def test_a_line_that_was_away_does_not_go_on_out_of_the_blue(outputs: Outputs, lamp: Path) -> None:
    away = lamp.rename(lamp.with_name("away"))
    with pytest.raises(TryLater):
        outputs.hold("lamp", at(0), on=True)
    away.rename(lamp)
    outputs.turn(at(1))
    assert brightness(lamp).startswith("0")
    outputs.pulse("lamp", at(2), at(1))
    outputs.turn(at(3))
    assert brightness(lamp) == "0"


def test_a_line_that_cannot_be_switched_off_is_said_and_tried_again(outputs: Outputs, lamp: Path) -> None:
    outputs.pulse("lamp", at(0), at(1))
    away = lamp.rename(lamp.with_name("away"))
    assert "is not there" in outputs.turn(at(2))["lamp"]
    away.rename(lamp)
    assert outputs.turn(at(3)) == {}
    assert brightness(lamp) == "0"


STEPS = st.lists(
    st.tuples(st.sampled_from(["on", "off", "pulse"]), st.floats(0.1, 5.0), st.floats(0.1, 60.0)), max_size=30
)


@given(STEPS)
def test_a_line_is_on_exactly_while_it_is_held_or_some_pulse_lasts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float]]
) -> None:
    root = tmp_path_factory.mktemp("sys")
    folder = led(root, "lamp", brightest=1)
    outputs = Outputs({"lamp": line_for("led", path="lamp", sysfs=root)})
    outputs.open()
    now, is_held, until = 0.0, False, 0.0
    for what, pause, lasting in steps:
        now += pause
        outputs.turn(at(now))
        if what == "pulse":
            outputs.pulse("lamp", at(now), at(lasting))
            until = max(until, now + lasting)
        else:
            is_held = what == "on"
            until = until if is_held else 0.0
            outputs.hold("lamp", at(now), on=is_held)
        assert brightness(folder)[0] == str(int(is_held or now < until))
    outputs.close()
    assert brightness(folder)[0] == "0"
