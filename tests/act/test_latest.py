"""The last picture of each camera on a real disk: whole, seldom, gone when it must, and no fault of anybody else."""

import errno
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.act.exif_reader import read_exif
from tests.act.trees import face, frame

from edge_mask.act.folder import Bounds
from edge_mask.act.latest import LatestPictures, encoder
from edge_mask.act.latest_file import erase_latest
from edge_mask.act.picture_file import Style
from edge_mask.errors import TryLater
from edge_mask.messages import Face, Fault, Shot
from edge_mask.picture import read_picture
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Bytes, Moment, Seconds

DAY = 86_400.0


class Desk:
    """Two cameras before one folder; the clock is turned by hand."""

    def __init__(self, folder: Path, *, blur: bool = False, max_bytes: int = 10**9) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.shots: dict[str, Shot] = {}
        self.faults: list[Fault] = []
        self.encoded: list[str] = []
        jpeg = encoder(
            Style(thing="gate-01", blur_faces=blur), folder, Bounds(Seconds(7 * DAY), Seconds(60.0), Bytes(max_bytes))
        )

        def encode(shot: Shot) -> bytes:
            self.encoded.append(shot.frame.camera)
            return jpeg(shot)

        self.job = LatestPictures(
            folder, ["front", "hall"], self.shots.get, encode, self.faults.append, self.clock,
            every=Seconds(60.0), keep=Seconds(7 * DAY),
        )  # fmt: skip
        self.stop = threading.Event()

    def see(self, camera: str = "front", *faces: Face, noise: int = 1) -> Moment:
        now = self.clock.now()
        self.shots[camera] = Shot(replace(frame(camera=camera, noise=noise), at=now), faces)
        return now

    def run(self, seconds: float, *, seeing: str | None = None) -> None:
        """Turns of the job for so long; the camera is looked at each turn."""
        end = self.clock.now().mono + seconds
        while self.clock.now().mono < end:
            if seeing is not None:
                self.see(seeing)
            self.job.step(self.stop)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "snapshots")


def test_the_first_picture_comes_at_once_and_the_next_after_the_pause(desk: Desk) -> None:
    desk.see()
    desk.run(1.0)
    assert desk.names() == ["latest-front.jpg"]
    desk.run(50.0, seeing="front")
    assert desk.encoded == ["front"]
    desk.run(600.0, seeing="front")
    assert 10 <= len(desk.encoded) <= 12


def test_each_camera_has_one_file_and_its_time_is_when_it_was_taken(desk: Desk) -> None:
    seen = desk.see("front")
    desk.run(5.0, seeing="hall")
    assert desk.names() == ["latest-front.jpg", "latest-hall.jpg"]
    assert (desk.folder / "latest-front.jpg").stat().st_mtime == pytest.approx(seen.wall, abs=0.001)
    assert read_picture(desk.folder / "latest-front.jpg").shape == (96, 96, 3)
    said = read_exif((desk.folder / "latest-front.jpg").read_bytes())
    assert "front: last look" in str(said), said
    assert (desk.folder / "latest-front.jpg").stat().st_mode & 0o777 == 0o640


def test_a_picture_that_did_not_change_is_written_once(desk: Desk) -> None:
    desk.see()
    desk.run(600.0)
    assert desk.encoded == ["front"]


def test_what_was_seen_last_is_there_after_a_short_run(desk: Desk) -> None:
    desk.see()
    desk.run(1.0)
    desk.clock.advance(5.0)
    last = desk.see()
    desk.job.end()
    assert (desk.folder / "latest-front.jpg").stat().st_mtime == pytest.approx(last.wall, abs=0.001)


def test_faces_are_blurred_as_configured_masked_and_doubtful_ones_too(tmp_path: Path) -> None:
    plain, desk = Desk(tmp_path / "plain"), Desk(tmp_path / "blurred", blur=True)
    for each in (plain, desk):
        each.see("front")
        shot = each.shots["front"]
        each.shots["front"] = replace(shot, faces=[face(8, 8, 24, 24)], perhaps=[face(60, 60, 24, 24)])
        each.job.end()
    before, after = (read_picture(each.folder / "latest-front.jpg").astype(int) for each in (plain, desk))
    for x in (8, 60):
        inside = np.s_[x : x + 24, x : x + 24]
        assert after[inside].std() < before[inside].std() / 3, "nobody can be made out"
    assert np.abs(after[40:50, 5:20] - before[40:50, 5:20]).mean() < 10, "the rest is as it was"


def test_an_erased_picture_is_not_written_again_from_what_was_seen_before(desk: Desk) -> None:
    desk.see()
    desk.run(1.0)
    desk.clock.advance(30.0)
    person = desk.see()
    assert erase_latest(desk.folder, before=desk.clock.now().wall) == 1
    desk.run(120.0)
    desk.job.end()
    assert desk.names() == [], person
    desk.see()
    desk.run(120.0)
    assert desk.names() == ["latest-front.jpg"]


@pytest.mark.parametrize(
    ("before", "near", "gone"),
    [(0.0, None, 0), (0.1, None, 1), (None, 0.0, 1), (None, 59.0, 1), (None, -59.0, 1), (None, 61.0, 0)],
)
def test_erasing_goes_by_when_a_picture_was_taken(
    desk: Desk, before: float | None, near: float | None, gone: int
) -> None:
    at = desk.see().wall
    desk.job.end()
    found = erase_latest(desk.folder, None if before is None else at + before, None if near is None else at + near)
    assert found == gone


def test_a_camera_that_is_away_for_as_long_as_pictures_are_kept_has_none_any_more(desk: Desk) -> None:
    desk.see("hall")
    desk.run(1.0)
    desk.clock.advance(8 * DAY)
    desk.run(20.0)
    assert desk.names() == []


def test_a_file_that_a_power_cut_left_half_written_goes_too_and_files_of_others_stay(desk: Desk) -> None:
    desk.folder.mkdir()
    for name in (".latest-old.jpg.part", "latest-old.jpg", "latest-.jpg", "mine-latest-old.jpg", "20261120T095812.jpg"):
        (desk.folder / name).write_bytes(b"x")
        os.utime(desk.folder / name, (1e9, 1e9))
    (desk.folder / "latest-link.jpg").symlink_to(desk.folder / "nowhere")
    desk.run(1.0)
    assert desk.names() == ["20261120T095812.jpg", "latest-.jpg", "latest-link.jpg", "mine-latest-old.jpg"]


def test_a_clock_that_is_not_set_deletes_nothing(desk: Desk) -> None:
    desk.see()
    desk.job.end()
    desk.clock.set_wall(4e9)
    desk.clock.synced = False
    desk.run(7200.0)
    assert desk.names() == ["latest-front.jpg"]


def test_a_disk_that_fails_is_told_once_and_the_picture_comes_when_it_is_back(desk: Desk) -> None:
    desk.folder.write_text("no folder")
    desk.run(300.0, seeing="front")
    assert [(fault.component, fault.code) for fault in desk.faults] == [("snapshots", "latest_failed")]
    assert "latest-front.jpg was not written: " in desk.faults[0].text
    desk.folder.unlink()
    desk.run(120.0, seeing="front")
    assert desk.names() == ["latest-front.jpg"]


def test_a_picture_larger_than_all_may_be_is_refused_and_the_one_before_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "snapshots", max_bytes=2000)
    desk.see()
    desk.run(1.0)
    assert desk.names() == []
    assert "snapshots.max_bytes allows 2000" in desk.faults[0].text


def test_whoever_reads_the_file_meanwhile_sees_a_whole_picture(desk: Desk) -> None:
    broken: list[int] = []
    is_over = threading.Event()
    desk.see()
    desk.job.end()

    def read() -> None:
        while not is_over.is_set():
            data = (desk.folder / "latest-front.jpg").read_bytes()
            if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None or data[-2:] != b"\xff\xd9":
                broken.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for noise in range(40):
        desk.clock.advance(61.0)
        desk.see(noise=noise)
        desk.job.end()
    is_over.set()
    reader.join(10)
    assert not broken


def test_a_folder_that_cannot_be_read_is_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(TryLater, match="pictures cannot be deleted: Permission denied; 0 are gone"):
        erase_latest(desk.folder, before=1.0)


def test_a_disk_at_the_edge_of_full_is_one_outage(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put, turns, begin = LatestPictures._put, iter(range(10**6)), desk.clock.now().mono

    def takes_every_other(self: LatestPictures, camera: str, data: bytes, at: Moment) -> None:
        if next(turns) % 2 and self._clock.now().mono < begin + 600:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, camera, data, at)

    monkeypatch.setattr(LatestPictures, "_put", takes_every_other)
    with caplog.at_level(logging.INFO, "edge_mask.act.latest"):
        desk.run(1200.0, seeing="front")
    assert [fault.code for fault in desk.faults] == ["latest_failed"]
    (back,) = [text for text in caplog.messages if "back" in text]
    assert back.startswith("snapshots: writing of the last pictures is back after ")
