"""Series whose folder is damaged, or of which one cannot be learned: told once, and the rest goes on."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_series_learning import folder_of, lesson_of, shape, stored
from tests.app.watching import NOON, Site, waving
from tests.waiting import until

from edge_mask.app.series.learning import teach
from edge_mask.app.series.learning_process import COMMAND
from edge_mask.messages import Fault
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.database.write_bytes(stored())
    return made


def learn_by_process(*lessons: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """The process of the daemon; its code, and what it says."""
    text = "".join(json.dumps(each) + "\n" for each in lessons)
    done = subprocess.run(COMMAND, input=text, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_an_outlier_that_lasts_does_not_keep_its_series_from_being_learned(site: Site) -> None:
    with site.daemon() as it:
        folder_of(site).add(Criteria(max=50.0, version=1, made=NOON))
        it.live(2, shape)
        it.live(5, waving(300, 310))
    assert site.alerts() == [("spike", "begun")]
    learned = teach(lesson_of(site))
    assert learned["criteria"]["version"] == 2
    assert (folder_of(site).in_force().criteria.max or 999.0) < 100.0


def test_a_series_that_cannot_be_learned_leaves_the_others_alone(site: Site) -> None:
    good = lesson_of(site).as_data()
    code, said = learn_by_process({**good, "limits": [1]}, {**good, "zone": "No/Where"}, good)
    assert code == 1
    assert ["failed" in each for each in said] == [True, True, False]
    assert said[2]["criteria"]["version"] == 1


def test_two_that_learn_at_once_make_one_version(site: Site) -> None:
    folder = folder_of(site)
    with folder.learning():
        told = teach(lesson_of(site))
    assert told["criteria"] == told["model"] == {"refused": "another process is learning it just now"}
    assert folder.versions() == []
    assert "days" in teach(lesson_of(site))["criteria"]


def test_a_damaged_model_is_not_told_again_by_each_restart(site: Site) -> None:
    teach(lesson_of(site))
    file = folder_of(site).path / model_file.NAME
    whole = file.read_bytes()
    file.write_bytes(b"")
    for _ in range(2):
        with site.daemon(killed=True) as it:
            it.live(2.1, shape)
    assert [each.code for each in site.said(Fault)] == ["model_damaged"]
    with site.daemon() as it:
        file.write_bytes(whole)
        it.live(2.1, shape)
        file.write_bytes(b"")
        it.live(2.1, shape)
    assert [each.code for each in site.said(Fault)] == ["model_damaged"] * 2, "damaged anew"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("max: [", "0002.yaml"),
        ("max: .nan", "max is nan, not a number"),
        ("max: .inf", "max is inf, not a number"),
        ("min: 5\nmax: 1", "min is 5 and max is 1"),
        ("max_step: 0", "max_step is 0: it must be above 0"),
        ("run: 1e300", "run is 1e+300: it must be at most"),
        (f"max: {10**400}", "0002.yaml"),
        ("most: 3", "most is not a criterion"),
    ],
)
def test_criteria_that_were_edited_by_hand_are_checked(site: Site, text: str, sentence: str) -> None:
    folder = folder_of(site)
    folder.add(Criteria(max=1.0, version=1))
    folder.add(Criteria(max=2.0, version=2))
    (folder.path / "criteria/0002.yaml").write_text(text)
    force = folder.in_force()
    assert (force.criteria.max, force.criteria.version) == (1.0, 1)
    assert sentence in str(force.problem)
    assert "version 1 is used instead (edge-mask series criteria activate N puts one in force)" in str(force.problem)


def test_damaged_criteria_are_told_once_and_those_before_are_used(site: Site) -> None:
    folder = folder_of(site)
    folder.add(Criteria(max=50.0, version=1, made=NOON))
    folder.add(Criteria(max=60.0, version=2, made=NOON))
    for _ in range(2):
        with site.daemon() as it:
            it.live(2.1, shape)
            (folder.path / "criteria/0002.yaml").write_text("max: [")
            it.live(2.1, shape)
            assert it.live(1, 55.0)[-1], "judged by version 1"
            it.live(11, shape)
    (fault,) = site.said(Fault)
    assert (fault.component, fault.code) == ("series main flow", "criteria_damaged")
    assert "version 1 is used instead" in fault.text


@pytest.mark.parametrize(
    ("text", "sentence"), [("9", "there is no version 9; there are 0 (shipped), 1"), ("x", "holds no number")]
)
def test_a_version_in_force_that_is_not_there_is_said(site: Site, text: str, sentence: str) -> None:
    folder = folder_of(site)
    folder.add(Criteria(max=1.0, version=1))
    (folder.path / "active").write_text(text)
    force = folder.in_force()
    assert force.criteria.version == 1
    assert f"{folder.path / 'active'}" in str(force.problem)
    assert sentence in str(force.problem)


def test_a_file_in_the_place_of_the_folder_is_told_once_and_nothing_is_started(site: Site) -> None:
    (site.folder / "edge-mask.db.series").write_text("")
    with site.daemon() as it:
        for _ in range(2):
            it.worker._upkeep._next = 0.0
            it.live(2.1, shape)
            assert it.worker._upkeep._process is None
    (fault,) = site.said(Fault)
    assert (fault.component, fault.code) == ("series", "series_folder_unusable")
    assert fault.text.endswith(
        "edge-mask.db.series is no folder, so that nothing that is learned can be kept; move that file away"
    )


def test_what_cannot_be_learned_is_told_in_words(site: Site) -> None:
    folder = folder_of(site)
    folder.path.mkdir(parents=True)
    (folder.path / "criteria").write_text("")
    with site.daemon() as it:
        it.worker._upkeep._next = 0.0
        it.live(1.1, shape)
        process = it.worker._upkeep._process
        assert process is not None
        until(lambda: process.poll() is not None)
        it.live(1.1, shape)
    (fault,) = site.said(Fault)
    assert fault.code == "series_not_learned"
    assert fault.text == f"main flow: {folder.path / 'criteria'}: File exists; what was learned before stays"
