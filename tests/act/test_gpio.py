"""GPIO lines against a stand-in for libgpiod's package: containers have no GPIO chips."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_mask.act.line import line_for
from edge_mask.errors import Refused, TryLater

STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture
def gpiod(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in, importable as gpiod for one test, with one chip of 28 lines."""
    monkeypatch.syspath_prepend(str(STAND_IN))
    library: Any = importlib.import_module("gpiod")
    assert library.__file__.startswith(str(STAND_IN))
    library.boards["/dev/gpiochip0"] = library.Board([f"GPIO{number}" for number in range(28)])
    yield library
    for name in [name for name in sys.modules if name.partition(".")[0] == "gpiod"]:
        del sys.modules[name]


@pytest.fixture
def board(gpiod: Any) -> Any:
    return gpiod.boards["/dev/gpiochip0"]


@pytest.mark.parametrize("chip", ["0", "gpiochip0", "/dev/gpiochip0"])
@pytest.mark.parametrize("line", ["17", "GPIO17"])
def test_a_line_is_an_output_that_is_off_from_the_first_moment(board: Any, chip: str, line: str) -> None:
    made = line_for("gpio", chip=chip, line=line)
    made.open()
    assert board.consumers == {17: "edge-mask"}
    made.set(on=True)
    made.set(on=False)
    assert board.levels[17] == [0, 1, 0]
    made.set(on=True)
    made.close()
    assert board.levels[17][-1] == 0
    assert board.consumers == {}


def test_an_inverted_line_is_high_when_it_is_off(board: Any) -> None:
    made = line_for("gpio", chip="0", line="4", active_low=True)
    made.open()
    made.set(on=True)
    made.close()
    assert board.levels[4] == [1, 0, 1]


def test_a_line_that_somebody_else_holds_is_taken_when_it_is_free_again(board: Any) -> None:
    board.consumers[17] = "somebody"
    made = line_for("gpio", chip="0", line="17")
    with pytest.raises(TryLater, match=r"line 17: cannot be taken \(Device or resource busy\)"):
        made.open()
    del board.consumers[17]
    made.set(on=True)
    assert board.levels[17] == [0, 1]


def test_looking_at_a_line_neither_takes_nor_switches_it(board: Any) -> None:
    board.consumers[4] = "edge-mask"  # the daemon, which runs
    assert line_for("gpio", chip="0", line="17").look() == "/dev/gpiochip0 line 17"
    assert line_for("gpio", chip="0", line="4").look() == "/dev/gpiochip0 line 4"
    assert (board.consumers, board.levels) == ({4: "edge-mask"}, {})


def test_a_look_says_what_opening_would(board: Any) -> None:
    board.consumers[17] = "somebody"
    with pytest.raises(TryLater, match='line 17: is held by "somebody"'):
        line_for("gpio", chip="0", line="17").look()
    with pytest.raises(TryLater, match="/dev/gpiochip9: is not there"):
        line_for("gpio", chip="9", line="1").look()
    with pytest.raises(Refused, match="has no line GPIO99"):
        line_for("gpio", chip="0", line="GPIO99").look()


def test_a_chip_that_failed_is_asked_anew(board: Any) -> None:
    made = line_for("gpio", chip="0", line="17")
    made.open()
    board.is_broken = True
    with pytest.raises(TryLater, match="cannot be set"):
        made.set(on=True)
    made.close()
    board.is_broken = False
    made.set(on=True)
    assert board.levels[17] == [0, 0, 1]


def test_no_such_chip_and_no_such_line_are_sentences(board: Any) -> None:
    with pytest.raises(TryLater, match="/dev/gpiochip9: is not there; `gpiodetect`"):
        line_for("gpio", chip="9", line="1").open()
    with pytest.raises(Refused, match="has no line 99; `gpioinfo`"):
        line_for("gpio", chip="0", line="99").open()
    with pytest.raises(Refused, match="has no line GPIO99"):
        line_for("gpio", chip="0", line="GPIO99").open()


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)  # what Python takes for "there is no such package"
    with pytest.raises(Refused, match=r"pip install 'edge-mask\[gpio\]'"):
        line_for("gpio", chip="0", line="1")


def test_version_one_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch, gpiod: Any) -> None:
    monkeypatch.delattr(gpiod, "LineSettings")  # new with version 2
    with pytest.raises(Refused, match="needs gpiod 2 or newer"):
        line_for("gpio", chip="0", line="1")
