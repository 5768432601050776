"""How many pictures are looked at side by side, and with how many threads each."""

from pathlib import Path

import pytest
from tests.end_to_end.daemon import write_config, write_model

from edge_mask.app import drivers
from edge_mask.packages.load import load_side_by_side
from edge_mask.packages.location import find_package
from edge_mask.settings.load import load


@pytest.mark.parametrize(
    ("intervals", "threads", "expected"),
    [
        (["0.2s"], 2, 1),  # one picture at a time: its answer is there sooner
        (["0s"], 1, 1),
        (["0s"], 2, 2),
        (["0.2s", "0s"], 3, 3),
        (["0s"], 16, 4),  # each has a graph of its own in memory
    ],
)
def test_without_a_pause_between_looks_each_thread_has_a_picture_of_its_own(
    tmp_path: Path, intervals: list[str], threads: int, expected: int
) -> None:
    model = write_model(tmp_path)
    (tmp_path / "scene").mkdir()
    cameras = [
        {"name": f"camera-{n}", "source": f"images:{tmp_path / 'scene'}", "role": "gate", "interval": interval}
        for n, interval in enumerate(intervals)
    ]
    config = write_config(tmp_path, None, cameras=cameras, detector={"model": str(model), "threads": threads})
    detectors = drivers.detectors_of(load(config, {}))
    assert len(detectors) == expected
    for detector in detectors:
        detector.close()


def test_threads_are_shared_out_to_the_last_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edge_mask.packages import load as package

    asked: list[int] = []
    load = package.load_package

    def note(folder: Path, *, threads: int, score_threshold: float | None, verify: bool) -> object:
        asked.append(threads)
        return load(folder, threads=threads, score_threshold=score_threshold, verify=verify)

    monkeypatch.setattr(package, "load_package", note)
    for detector in load_side_by_side(write_model(tmp_path), lanes=4, threads=6):
        detector.close()
    assert asked == [2, 2, 1, 1]


def test_every_lane_says_the_same_of_the_golden_pictures() -> None:
    from edge_mask.bench import pictures_for

    package = find_package()
    first, second = load_side_by_side(package, lanes=2, threads=2)
    for picture in pictures_for(package):
        assert first.detect(picture) == second.detect(picture) != []
