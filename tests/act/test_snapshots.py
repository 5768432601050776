"""The folder of pictures on a real disk: written whole, deleted by age and space, and nothing but our own."""

import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.act.trees import face, frame

from edge_mask.act.blur import blurred
from edge_mask.act.folder import Bounds
from edge_mask.act.picture_file import Style
from edge_mask.act.snapshot_name import name_of, parse
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame, Shot
from edge_mask.picture import read_picture
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Bytes, Moment, Seconds, Unix

DAY = 86_400.0
HOUR = 3600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def store_in(folder: Path, clock: ManualClock, *, max_bytes: int = 10**9, blur: bool = False) -> SnapshotStore:
    bounds = Bounds(Seconds(7 * DAY), Seconds(HOUR), Bytes(max_bytes))
    return SnapshotStore(folder, bounds, Style(thing="gate-01", blur_faces=blur), clock)


def now_frame(clock: ManualClock, camera: str = "front", noise: int = 1) -> Frame:
    return frame(clock.now().wall, camera, noise)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- names -------------------------------------------------------------------------------------------------


def test_a_name_says_when_which_camera_and_why_and_sorts_by_time() -> None:
    assert name_of(Unix(1_790_000_000.123), "front", "No mask in 6 looks!", certain=True) == (
        "20260921T141320.123Z-front-no-mask-in-6-looks.jpg"
    )
    assert name_of(Unix(1_790_000_000.0), "a/../b", "정문", certain=False) == "temp-20260921T141320.000Z-a_.._b.jpg"


@given(st.floats(0, 4e9), st.text(max_size=80), st.text(max_size=80), st.booleans())
def test_every_name_is_one_of_ours_and_keeps_its_moment(at: float, camera: str, reason: str, certain: bool) -> None:
    name = name_of(Unix(at), camera, reason, certain=certain)
    found = parse(name)
    assert found is not None
    assert found.is_temp is not certain
    assert abs(found.taken - at) < 0.0021
    assert "/" not in name
    assert len(name) < 160
    assert parse(name.removesuffix(".jpg") + "-2.jpg") is not None


@pytest.mark.parametrize(
    "name",
    ["holiday.jpg", "20260921T141320.123Z.jpg", "20260231T141320.123Z-front.jpg", "x-20260921T141320.123Z-f.jpg"],
)
def test_other_files_are_not_ours(name: str) -> None:
    assert parse(name) is None


# -- writing -----------------------------------------------------------------------------------------------


def test_the_newest_picture_is_kept_as_a_jpeg_that_can_be_read(folder: Path, clock: ManualClock) -> None:
    seen = now_frame(clock)
    name = store_in(folder, clock).write(Shot(seen, []), "fever", certain=True)
    assert names(folder) == [name] == ["20260921T141320.000Z-front-fever.jpg"]
    picture = read_picture(folder / name)
    assert picture.shape == seen.image.shape
    assert (folder / name).stat().st_mode & 0o007 == 0
    assert folder.stat().st_mode & 0o007 == 0


def test_two_pictures_of_one_millisecond_have_two_names(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    first, second = (store.write(Shot(now_frame(clock, noise=n), []), "x", certain=True) for n in (1, 2))
    assert first != second
    assert names(folder) == sorted([first, second])


def test_many_threads_write_many_pictures(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    written: list[str] = []
    threads = [
        threading.Thread(target=lambda: written.append(store.write(Shot(now_frame(clock), []), "x", certain=False)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == names(folder)
    assert len(set(written)) == 8


def test_an_uncertain_picture_is_temporary_until_it_is_certain(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    name = store.write(Shot(now_frame(clock), []), "visit", certain=False)
    assert name.startswith("temp-")
    certain = store.keep(name)
    assert certain == name.removeprefix("temp-")
    assert store.keep(certain) == certain
    clock.advance(2 * HOUR)
    store.sweep(clock.now())
    assert names(folder) == [certain]
    with pytest.raises(TryLater, match="not there any more"):
        store.keep(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "holiday.jpg", ""])
def test_names_that_are_not_ours_are_refused(folder: Path, clock: ManualClock, name: str) -> None:
    store = store_in(folder, clock)
    with pytest.raises(Refused, match="not the name of a snapshot"):
        store.keep(name)


def test_a_picture_larger_than_all_the_space_is_refused(folder: Path, clock: ManualClock) -> None:
    with pytest.raises(Refused, match="max_bytes allows 1000"):
        store_in(folder, clock, max_bytes=1000).write(Shot(now_frame(clock), []), "x", certain=True)


def test_an_empty_picture_is_refused(folder: Path, clock: ManualClock) -> None:
    empty = Frame("front", 1, np.zeros((0, 0, 3), np.uint8), clock.now())
    with pytest.raises(Refused, match="cannot be written as JPEG"):
        store_in(folder, clock).write(Shot(empty, []), "x", certain=True)


# -- a disk in trouble -------------------------------------------------------------------------------------


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_picture_that_was_written_in_part_leaves_nothing_behind(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    with files_no_longer_than(2000), pytest.raises(TryLater, match="no picture can be written"):
        store.write(Shot(now_frame(clock), []), "x", certain=True)
    assert names(folder) == []
    store.write(Shot(now_frame(clock), []), "x", certain=True)
    assert len(names(folder)) == 1


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path, clock: ManualClock) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can mount a disk that is full")
    try:
        (disk / "filler").write_bytes(bytes(56 * 1024))
        store = store_in(disk / "snapshots", clock)
        with pytest.raises(TryLater, match="the disk is full"):
            store.write(Shot(now_frame(clock), []), "x", certain=True)
        assert names(disk / "snapshots") == []
        (disk / "filler").unlink()
        store.write(Shot(now_frame(clock), []), "x", certain=True)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_is_a_sentence(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("")
    store = store_in(tmp_path / "file" / "snapshots", clock)
    with pytest.raises(TryLater, match="Not a directory"):
        store.write(Shot(now_frame(clock), []), "x", certain=True)


# -- deleting ----------------------------------------------------------------------------------------------


def test_temporary_pictures_go_after_an_hour_and_kept_ones_after_a_week(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    temp = store.write(Shot(now_frame(clock), []), "a", certain=False)
    kept = store.write(Shot(now_frame(clock), []), "b", certain=True)
    clock.advance(HOUR - 1)
    assert store.sweep(clock.now()) == 0
    clock.advance(1)
    assert store.sweep(clock.now()) == 1
    assert names(folder) == [kept]
    assert temp != kept
    clock.advance(7 * DAY)
    assert store.sweep(clock.now()) == 1
    assert names(folder) == []


def test_what_an_earlier_run_left_is_deleted_by_its_name(folder: Path, clock: ManualClock) -> None:
    earlier = store_in(folder, clock)
    earlier.write(Shot(now_frame(clock), []), "a", certain=False)
    kept = earlier.write(Shot(now_frame(clock), []), "b", certain=True)
    clock.advance(2 * HOUR)
    store_in(folder, clock).sweep(clock.now())
    assert names(folder) == [kept]


def written_in_a_row(folder: Path, clock: ManualClock, certain: Sequence[bool], room: float) -> list[str]:
    """Pictures of one size, a second apart, into a folder for so many of them; their names."""
    store_in(folder, clock).write(Shot(now_frame(clock), []), "0", certain=True)
    (probe,) = folder.iterdir()
    size = probe.stat().st_size
    probe.unlink()
    store = store_in(folder, clock, max_bytes=int(room * size))
    written = []
    for number, is_certain in enumerate(certain):
        written.append(store.write(Shot(now_frame(clock), []), str(number), certain=is_certain))
        clock.advance(1)
    return written


def test_the_oldest_go_first_when_there_is_no_more_room(folder: Path, clock: ManualClock) -> None:
    written = written_in_a_row(folder, clock, [True] * 6, room=3.5)
    assert names(folder) == written[-3:]


def test_temporary_pictures_make_room_before_older_ones_that_are_certain(folder: Path, clock: ManualClock) -> None:
    written = written_in_a_row(folder, clock, [True, False, True, False, True], room=3.5)
    assert names(folder) == [written[0], written[2], written[4]]


def test_pictures_take_no_more_than_their_share_of_the_disk(tmp_path: Path, clock: ManualClock) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        bounds = Bounds(Seconds(7 * DAY), Seconds(HOUR), Bytes(10**9), max_share=0.1)
        store = SnapshotStore(disk / "snapshots", bounds, Style(thing="gate-01", blur_faces=False), clock)
        for _ in range(12):
            store.write(Shot(now_frame(clock), []), "x", certain=True)
            clock.advance(1)
        left = [path.stat().st_size for path in (disk / "snapshots").iterdir()]
        assert 0.05 * 2**20 < sum(left) <= 0.1 * 2**20
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_very_many_pictures_go_a_few_hundred_at_a_time(folder: Path, clock: ManualClock) -> None:
    folder.mkdir()
    long_ago = clock.now().wall - 30 * DAY
    for number in range(700):
        (folder / name_of(Unix(long_ago + number), "front", "x", certain=True)).write_bytes(b"x")
    store = store_in(folder, clock)
    left = []
    while store.tidy(clock.now()) < 1:
        left.append(len(names(folder)))
        store.write(Shot(now_frame(clock), []), "between", certain=True)
    assert left == [500, 301, 102]
    assert len(names(folder)) == len(left)


def test_a_temporary_picture_is_due_to_the_second(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    assert store.tidy(clock.now()) < 1
    name = store.write(Shot(now_frame(clock), []), "x", certain=False)
    clock.advance(HOUR - 10)
    assert store.tidy(clock.now()) == pytest.approx(10)
    assert names(folder) == [name]
    clock.advance(10)
    store.tidy(clock.now())
    assert names(folder) == []


def test_nothing_but_our_own_pictures_is_ever_deleted(folder: Path, clock: ManualClock, tmp_path: Path) -> None:
    folder.mkdir()
    old = "20200101T000000.000Z-front-x.jpg"
    elsewhere = tmp_path / "elsewhere.jpg"
    elsewhere.write_bytes(b"x" * 5000)
    (folder / "holiday.jpg").write_bytes(b"x" * 5000)
    (folder / ".hidden").write_bytes(b"x")
    (folder / f"{old}.txt").write_bytes(b"x")
    (folder / f"temp-{old}").symlink_to(elsewhere)
    (folder / "20200101T000001.000Z-folder.jpg").mkdir()
    (folder / old).write_bytes(b"x" * 5000)
    assert store_in(folder, clock, max_bytes=10**6).sweep(clock.now()) == 1
    assert elsewhere.exists()
    assert names(folder) == sorted(
        ["holiday.jpg", ".hidden", f"{old}.txt", f"temp-{old}", "20200101T000001.000Z-folder.jpg"]
    )


def test_what_a_power_cut_left_half_written_goes_and_what_is_being_written_stays(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    part = folder / ".20200101T000000.000Z-front-x.jpg.part"
    part.write_bytes(b"half")
    other = folder / ".notes.jpg.part"
    other.write_bytes(b"half")
    written = part.stat().st_mtime
    store = store_in(folder, ManualClock())
    store.sweep(Moment(Seconds(1.0), Unix(written + 5)))
    assert part.exists()
    store.sweep(Moment(Seconds(1.0), Unix(written + 700)))
    assert names(folder) == [other.name]


def test_a_picture_from_before_the_clock_was_set_is_as_old_as_it_is(folder: Path) -> None:
    clock = ManualClock(wall=1_000_000.0, synced=False)
    store = store_in(folder, clock)
    kept = store.write(Shot(now_frame(clock), []), "a", certain=True)
    temp = store.write(Shot(now_frame(clock), []), "b", certain=False)
    clock.advance(60)
    clock.set_wall(1_790_000_000.0)
    assert store.sweep(clock.now()) == 0
    clock.advance(HOUR)
    assert store.sweep(clock.now()) == 1
    assert names(folder) == [kept]
    assert temp != kept


def test_while_the_clock_is_not_set_old_pictures_are_kept_but_temporary_ones_go(folder: Path) -> None:
    then = ManualClock()
    earlier = store_in(folder, then)
    kept = earlier.write(Shot(now_frame(then), []), "a", certain=True)
    earlier.write(Shot(now_frame(then), []), "b", certain=False)
    clock = ManualClock(wall=1_000_000.0, synced=False)
    store_in(folder, clock).sweep(clock.now())
    assert names(folder) == [kept]


def test_a_folder_that_is_removed_is_made_again(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    store.write(Shot(now_frame(clock), []), "a", certain=True)
    shutil.rmtree(folder)
    name = store.write(Shot(now_frame(clock), []), "b", certain=True)
    assert names(folder) == [name]


def test_a_promised_name_is_never_that_of_another_picture(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    at = clock.now().wall
    first, second = (store.promise(at, "front", "x", certain=certain) for certain in (True, False))
    asked = store.write(Shot(now_frame(clock), []), "x", certain=True)
    for name in (first, second):
        store.fulfil(name, Shot(now_frame(clock), []), "x")
    assert len({name.removeprefix("temp-") for name in (first, second, asked)}) == 3
    assert names(folder) == sorted([first, second, asked])


def test_a_picture_of_an_earlier_run_is_not_overwritten(folder: Path, clock: ManualClock) -> None:
    seen = Shot(now_frame(clock), [])
    earlier = store_in(folder, clock).write(seen, "x", certain=True)
    before = (folder / earlier).read_bytes()
    store = store_in(folder, clock)
    with pytest.raises(Refused, match="is there already"):
        store.fulfil(store.promise(clock.now().wall, "front", "x", certain=True), seen, "other")
    assert (folder / earlier).read_bytes() == before
    assert store.write(seen, "x", certain=True).endswith("-x-2.jpg")


def test_what_was_left_half_written_is_erased_too(folder: Path, clock: ManualClock) -> None:
    store = store_in(folder, clock)
    name = store.write(Shot(now_frame(clock), []), "x", certain=True)
    (folder / f".temp-{name}.part").write_bytes(b"half a face")
    (folder / name).unlink()
    assert store.erase([name]) == 1
    assert names(folder) == []


def test_sweeping_a_folder_that_is_not_there_yet_is_nothing(folder: Path, clock: ManualClock) -> None:
    assert store_in(folder, clock).sweep(clock.now()) == 0


# -- faces -------------------------------------------------------------------------------------------------


def test_blurring_leaves_nothing_of_a_face_and_everything_else_as_it_was() -> None:
    seen = frame(side=200)
    before = seen.image.copy()
    soft = blurred(seen.image, [face(80, 80, 40, 40)])
    assert (seen.image == before).all()
    inside, was = soft[68:132, 68:132], before[68:132, 68:132]
    assert inside.std() < 0.2 * was.std()
    outside = np.ones(before.shape[:2], bool)
    outside[68:133, 68:133] = False
    assert (soft[outside] == before[outside]).all()


def test_two_faces_with_the_same_means_cannot_be_told_apart() -> None:
    """What is left of a face is a few means: whatever had them may have been the face."""
    one = frame(side=250).image.copy()
    other = one.copy()
    fine = np.random.default_rng(7).integers(-60, 60, (96, 96, 3))
    blocks = fine.reshape(6, 16, 6, 16, 3)
    fine = (blocks - blocks.mean(axis=(1, 3), keepdims=True).round().astype(int)).reshape(96, 96, 3)
    part = (slice(60, 156), slice(60, 156))
    one[part] = 128
    other[part] = np.clip(128 + fine, 0, 255)
    box = face(60 + 96 * 0.3 / 1.6, 60 + 96 * 0.3 / 1.6, 95 / 1.6, 95 / 1.6)
    left, right = blurred(one, [box])[part].astype(int), blurred(other, [box])[part].astype(int)
    assert np.abs(one[part].astype(int) - other[part]).mean() > 20
    assert np.abs(left - right).max() <= 2


def test_every_face_of_a_picture_is_hidden_faint_ones_and_those_of_the_last_moment_too(
    folder: Path, clock: ManualClock
) -> None:
    places = [(20, 20), (200, 20), (20, 200)]
    judged, faint, before = [face(x, y, 60, 60) for x, y in places]
    seen = frame(clock.now().wall, side=300)
    name = store_in(folder, clock, blur=True).write(Shot(seen, [judged], (faint, before)), "x", certain=True)
    kept = read_picture(folder / name)
    for x, y in places:
        part = slice(y, y + 60), slice(x, x + 60)
        assert kept[part].std() < 0.3 * seen.image[part].std()
    assert kept[220:280, 220:280].std() > 0.7 * seen.image[220:280, 220:280].std()


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 900), st.floats(0, 900))
def test_a_box_anywhere_is_no_trouble(x: float, y: float, w: float, h: float) -> None:
    image = frame(side=64).image
    assert blurred(image, [face(x, y, w, h)]).shape == image.shape


def test_a_store_that_blurs_writes_no_face(folder: Path, clock: ManualClock) -> None:
    seen = frame(clock.now().wall, side=200)
    sharp = store_in(folder, clock).write(Shot(seen, [face(60, 60, 80, 80)]), "sharp", certain=True)
    soft = store_in(folder, clock, blur=True).write(Shot(seen, [face(60, 60, 80, 80)]), "soft", certain=True)
    middle = (slice(60, 140), slice(60, 140))
    assert read_picture(folder / soft)[middle].std() < 0.3 * read_picture(folder / sharp)[middle].std()


def test_the_key_that_binds_is_named(tmp_path: Path, clock: ManualClock) -> None:
    bounds = Bounds(Seconds(7 * DAY), Seconds(HOUR), Bytes(10**15), max_share=1e-10)
    store = SnapshotStore(tmp_path, bounds, Style(thing="gate-01"), clock)
    store.sweep(clock.now())
    with pytest.raises(Refused, match=r"snapshots\.max_share \(1e-10 of the file system\) allows"):
        store.write(Shot(now_frame(clock), []), "x", certain=True)


def test_last_pictures_of_cameras_count_in_the_limit(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "latest-front.jpg").write_bytes(bytes(900_000))
    store = store_in(tmp_path, clock, max_bytes=10**6)
    shots = [store.write(Shot(now_frame(clock), []), "x", certain=True)]
    while len(list(tmp_path.glob("2*.jpg"))) == len(shots):
        clock.advance(1.0)
        shots.append(store.write(Shot(now_frame(clock), []), "x", certain=True))
    assert (tmp_path / "latest-front.jpg").exists()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10**6
