"""LEDs on a real file tree: what is written into them."""

import os
from pathlib import Path

import pytest
from tests.act.trees import TRIGGERS, brightness, led

from edge_mask.act.line import line_for
from edge_mask.errors import Refused, TryLater


def test_on_is_full_brightness_and_the_kernels_own_blinking_is_taken_off(tmp_path: Path) -> None:
    folder = led(tmp_path, "ACT", brightest=7)
    line = line_for("led", path="ACT", sysfs=tmp_path)
    line.open()
    assert (folder / "trigger").read_text().startswith("none")
    assert brightness(folder).startswith("0")
    line.set(on=True)
    assert brightness(folder) == "7"
    line.close()
    assert brightness(folder) == "0"


def test_an_inverted_led_is_dark_when_it_is_on(tmp_path: Path) -> None:
    folder = led(tmp_path, "ACT")
    line = line_for("led", path="ACT", active_low=True, sysfs=tmp_path)
    line.open()
    assert brightness(folder) == "255"
    line.set(on=True)
    assert brightness(folder) == "0"
    line.close()
    assert brightness(folder) == "255"


def test_one_without_trigger_and_brightest_value_is_a_plain_switch(tmp_path: Path) -> None:
    folder = led(tmp_path, "relay")
    (folder / "trigger").unlink()
    (folder / "max_brightness").unlink()
    line = line_for("led", path="relay", sysfs=tmp_path)
    line.open()
    line.set(on=True)
    assert brightness(folder) == "1"


def test_a_led_that_is_not_there_is_a_sentence_and_makes_no_file(tmp_path: Path) -> None:
    line = line_for("led", path="ACT", sysfs=tmp_path)
    with pytest.raises(TryLater, match=r"brightness: is not there; `ls .*class/leds`"):
        line.open()
    line.close()
    assert list(tmp_path.iterdir()) == []


def test_looking_at_a_led_leaves_it_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = led(tmp_path, "ACT")
    (folder / "brightness").write_text("200")
    line = line_for("led", path="ACT", sysfs=tmp_path)
    assert line.look() == str(folder)
    assert brightness(folder) == "200"
    assert (folder / "trigger").read_text() == TRIGGERS + "\n"
    monkeypatch.setattr(os, "access", lambda *_anything: False)
    with pytest.raises(TryLater, match="brightness: may not be written"):
        line.look()
    with pytest.raises(TryLater, match="brightness: is not there"):
        line_for("led", path="none", sysfs=tmp_path).look()


def test_an_output_without_its_address_is_refused() -> None:
    with pytest.raises(Refused, match="led with path, gpio with chip and line"):
        line_for("led")
