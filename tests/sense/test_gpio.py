"""GPIO sensors against the stand-in for libgpiod's package: containers have no GPIO chips."""

import importlib
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.sense.ports import values_of
from tests.sense.trees import Heard

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.sense.feed_meter import FeedMeter, Voice
from edge_mask.sense.gpio import GpioFeed
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

STAND_IN = Path(__file__).parents[1] / "act/stand_in"
BEAM = Identity("beam", "passage", "")
NOW = Seconds(0.0)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One chip of 28 lines, importable as gpiod for one test."""
    monkeypatch.syspath_prepend(str(STAND_IN))
    library: Any = importlib.import_module("gpiod")
    assert library.__file__.startswith(str(STAND_IN))
    library.boards["/dev/gpiochip0"] = library.Board([f"GPIO{number}" for number in range(28)])
    yield library.boards["/dev/gpiochip0"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "gpiod"]:
        del sys.modules[name]


def feed(**more: Any) -> GpioFeed:
    return GpioFeed(BEAM, "gpiochip0", 27, clock=SystemClock(), **more)


def test_a_line_is_an_input_that_the_kernel_debounces(board: Any) -> None:
    made = feed(debounce=Seconds(0.02), bias="pull-up", active_low=True)
    made.listen(NOW)
    asked = board.settings[27]
    assert (asked.direction.name, asked.edge_detection.name, asked.bias.name) == ("INPUT", "BOTH", "PULL_UP")
    assert (asked.debounce_period, asked.event_clock.name) == (timedelta(milliseconds=20), "MONOTONIC")
    assert board.consumers == {27: "edge-mask"}
    made.close()
    assert board.consumers == {}


@pytest.mark.parametrize(("active_low", "values"), [(False, [0.0, 1.0, 0.0]), (True, [1.0, 0.0, 1.0])])
def test_each_change_is_a_reading_and_the_level_at_the_begin_is_one(
    board: Any, active_low: bool, values: list[float]
) -> None:
    made = feed(active_low=active_low)
    heard = [*made.listen(NOW)]
    board.drive(27, 1)
    board.drive(27, 0)
    heard += made.listen(NOW)
    assert values_of(heard) == [("beam", "passage", value) for value in values]


def test_a_change_has_its_own_moment_and_not_that_of_its_reading(board: Any) -> None:
    clock = ManualClock()
    made = GpioFeed(BEAM, "0", "GPIO27", clock=clock)
    made.listen(NOW)
    at = clock.now()
    board.drive(27, 1, at_ns=int(at.mono * 1e9))
    clock.advance(3.0)
    [said] = made.listen(NOW)
    assert (said.reading.at.mono, said.reading.at.wall) == (at.mono, at.wall)  # type: ignore[union-attr]


def test_two_passages_between_two_readings_are_both_told(board: Any) -> None:
    made = feed()
    made.listen(NOW)
    for level in (1, 0, 1, 0):
        board.drive(27, level)
    assert [value for _, _, value in values_of(made.listen(NOW))] == [1.0, 0.0, 1.0, 0.0]


def test_a_loose_wire_is_one_alert_and_the_line_is_let_go_meanwhile(board: Any) -> None:
    made = feed()
    made.listen(NOW)
    for number in range(300):
        board.drive(27, number % 2)
    assert len(made.listen(NOW)) < 100
    with pytest.raises(TryLater, match="changed 100 times within a second; a loose wire"):
        made.listen(NOW)
    assert board.consumers == {}


def test_a_chip_that_is_pulled_out_is_opened_anew(board: Any) -> None:
    made = feed()
    made.listen(NOW)
    board.fail()
    with pytest.raises(TryLater, match=r"cannot be read \(No such device\)"):
        made.listen(NOW)
    board.is_broken = False
    assert values_of(made.listen(NOW)) == [("beam", "passage", 0.0)]


def test_what_is_not_there_or_held_is_a_sentence(board: Any) -> None:
    board.consumers[27] = "somebody"
    with pytest.raises(TryLater, match=r"line 27: cannot be taken \(Device or resource busy\)"):
        feed().listen(NOW)
    with pytest.raises(TryLater, match='line 27: is held by "somebody"'):
        feed().look()
    with pytest.raises(TryLater, match="/dev/gpiochip9: is not there"):
        GpioFeed(BEAM, "9", 1, clock=SystemClock()).listen(NOW)
    with pytest.raises(Refused, match="has no line 99; `gpioinfo`"):
        GpioFeed(BEAM, "0", 99, clock=SystemClock()).listen(NOW)


def test_without_the_package_that_sensor_alone_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)  # what Python takes for "there is no such package"
    with pytest.raises(Refused, match=r"a sensor of kind gpio needs a package: pip install 'edge-mask\[gpio\]'"):
        feed().listen(NOW)


def test_a_beam_that_nobody_breaks_is_no_silent_sensor(board: Any) -> None:
    clock, heard = ManualClock(), Heard()
    policies = {"passage": QualityPolicy(stuck_after=Seconds(0.0))}
    meter = FeedMeter(GpioFeed(BEAM, "0", 27, clock=clock), [Voice("beam", policies)], clock, heard)
    meter.step(threading.Event())
    clock.advance(100_000.0)
    board.drive(27, 1, at_ns=int(clock.now().mono * 1e9))
    meter.step(threading.Event())
    assert heard.values == [0.0, 1.0]
    assert not [each for each in heard.events if isinstance(each, Fault)]
