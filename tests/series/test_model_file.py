"""A model on the disk: whole, the one before, or none; and a sentence."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.series.made import DAY, FLOW, part, town
from tests.waiting import until

from edge_mask.series import model_file
from edge_mask.series.blocks import hours
from edge_mask.series.model import Model
from edge_mask.series.nouns import Minutes


@pytest.fixture(scope="module")
def year() -> Minutes:
    return town("2025-05-01T22:00", 40)


@pytest.fixture(scope="module")
def first(year: Minutes) -> Model:
    return Model.fit(FLOW, part(year, 0, 30 * DAY))


@pytest.fixture(scope="module")
def second(year: Minutes) -> Model:
    return Model.fit(FLOW, year)


def same(one: Model | None, other: Model, year: Minutes) -> bool:
    if one is None:
        return False
    ours, theirs = (each.forecast(year.end * 60.0, hours(year)) for each in (one, other))
    return np.array_equal(ours.values, theirs.values) and np.array_equal(ours.low, theirs.low)


def test_what_is_saved_forecasts_the_same_when_it_is_loaded(tmp_path: Path, first: Model, year: Minutes) -> None:
    model_file.save(tmp_path / "main.flow", first)
    found = model_file.load(tmp_path / "main.flow", FLOW)
    assert found.problem is None
    assert found.model is not None
    assert same(found.model, first, year)
    assert (found.model.days, found.model.learned_from) == (first.days, first.learned_from)


def test_without_a_file_there_is_no_model_and_nothing_to_say(tmp_path: Path) -> None:
    assert model_file.load(tmp_path / "nowhere", FLOW) == model_file.Found(None)


@pytest.mark.parametrize("damage", ["cut", "one bit", "empty", "another file"])
def test_a_damaged_file_leaves_the_model_before_it(
    tmp_path: Path, first: Model, second: Model, year: Minutes, damage: str
) -> None:
    model_file.save(tmp_path, first)
    model_file.save(tmp_path, second)
    path = tmp_path / model_file.NAME
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "one bit": bytes(flipped), "empty": b"", "another file": b"x" * 999}[damage]
    )
    found = model_file.load(tmp_path, FLOW)
    assert same(found.model, first, year)
    assert found.problem == (
        f"{path} is damaged (its checksum does not fit); the model before it, {model_file.OLD}, is used"
    )


def test_two_damaged_files_are_no_model_and_one_sentence(tmp_path: Path, first: Model) -> None:
    model_file.save(tmp_path, first)
    model_file.save(tmp_path, first)
    for name in (model_file.NAME, model_file.OLD):
        (tmp_path / name).write_bytes(b"not a model")
    found = model_file.load(tmp_path, FLOW)
    assert found.model is None
    assert found.problem is not None
    assert found.problem.endswith("there is no forecast until the next training")
    assert found.problem.count(";") == 1


def test_a_file_that_is_gone_leaves_the_model_before_it(tmp_path: Path, first: Model, year: Minutes) -> None:
    model_file.save(tmp_path, first)
    model_file.save(tmp_path, first)
    (tmp_path / model_file.NAME).unlink()
    assert same(model_file.load(tmp_path, FLOW).model, first, year)


def test_a_model_of_another_clock_is_not_used(tmp_path: Path, first: Model) -> None:
    model_file.save(tmp_path, first)
    found = model_file.load(tmp_path, replace(FLOW, zone=ZoneInfo("America/New_York")))
    assert found.model is None
    assert found.problem is not None
    assert "was learned by the clock of Europe/Rome, not America/New_York" in found.problem


_SAVING = """
import sys
from pathlib import Path
from edge_mask.series import model_file
from tests.series.made import FLOW
folder = Path(sys.argv[1])
model = model_file.load(folder, FLOW).model
assert model is not None
while True:
    model_file.save(folder, model)
    print("saved", flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_model(tmp_path: Path, first: Model, year: Minutes) -> None:
    model_file.save(tmp_path, first)
    for turn in range(3):
        said = tmp_path / f"said-{turn}"
        with said.open("wb") as out:
            saving = subprocess.Popen([sys.executable, "-c", _SAVING, str(tmp_path)], stdout=out)
        until(lambda said=said: said.read_bytes().count(b"saved") > 10 * (turn + 1))  # type: ignore[misc]  # noqa: B023
        saving.send_signal(signal.SIGKILL)
        saving.wait(20)
        found = model_file.load(tmp_path, FLOW)
        assert found.problem is None
        assert same(found.model, first, year)
