"""Which events have a picture, and that nothing waits for it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.act.trees import frame

from edge_mask.act.album import Album, Wishes
from edge_mask.act.folder import Bounds
from edge_mask.act.picture_file import Style
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.messages import Alert, Event, Fault, Look, Shot, Visit
from edge_mask.runtime.clock import SystemClock
from edge_mask.units import Bytes, Seconds

SEEN = frame()
SHOT = Shot(SEEN, [])
PASS = Visit(at=SEEN.at, camera="front", verdict="pass", mask="mask", mask_score=0.9, temperature=None)
REFUSED = replace(PASS, verdict="no_pass", mask="no_mask", reasons=("no_mask",))
UNSURE = replace(PASS, verdict="no_pass", mask=None, mask_score=None, reasons=("unsure",))
STILL = replace(PASS, verdict="no_pass", reasons=("still",))
BARE = Look(at=SEEN.at, camera="hall", faces=2, no_mask=1, streak=1)
EMPTY = Look(at=SEEN.at, camera="hall", faces=0, no_mask=0, streak=0)
STREAK = Alert(at=SEEN.at, kind="no_mask", text="", camera="hall", streak=3)
FEVER = Alert(at=SEEN.at, kind="fever", text="", camera="front", value=39.0)
TAILGATING = Alert(at=SEEN.at, kind="tailgating", text="", camera="front")
OUTLIER = Alert(at=SEEN.at, kind="outlier", text="", sensor="line")
PATIENCE = Seconds(20.0)


class Desk:
    """An album over a folder, and the faults that it reported."""

    def __init__(self, folder: Path, wishes: Wishes) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        clock = SystemClock(lambda: True)
        bounds = Bounds(Seconds(1e9), Seconds(3600.0), Bytes(10**8))
        self.store = SnapshotStore(folder, bounds, Style(thing="gate-01"), clock)
        self.album = Album(self.store, wishes, self.faults.append, clock)

    def tell(self, *events: Event, shot: Shot | None = SHOT) -> list[str | None]:
        """The snapshots that these events name, once the pictures are written."""
        told = [self.album.pictured(event, shot) for event in events]
        self.album.start()
        assert self.album.close(PATIENCE)
        return [getattr(event, "snapshot", None) for event in told]

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []


@pytest.mark.parametrize(
    ("wishes", "event", "has_picture"),
    [
        (Wishes(visits="none"), REFUSED, False),
        (Wishes(visits="refused"), REFUSED, True),
        (Wishes(visits="refused"), STILL, True),
        (Wishes(visits="refused"), PASS, False),
        (Wishes(visits="all"), PASS, True),
        (Wishes(visits="none"), FEVER, False),
        (Wishes(visits="none"), TAILGATING, False),
        (Wishes(looks="none"), TAILGATING, True),
        (Wishes(looks="none"), BARE, False),
        (Wishes(looks="none"), STREAK, False),
        (Wishes(visits="none"), STREAK, True),
        (Wishes(), BARE, True),
        (Wishes(), EMPTY, False),
        (Wishes(looks="all"), EMPTY, True),
        (Wishes(visits="all", looks="all"), OUTLIER, False),
    ],
)
def test_an_event_names_the_picture_that_will_be_there(
    tmp_path: Path, wishes: Wishes, event: Event, has_picture: bool
) -> None:
    desk = Desk(tmp_path / "pictures", wishes)
    (name,) = desk.tell(event)
    assert (name is not None) is has_picture
    assert desk.files == ([name] if has_picture else [])
    assert not desk.faults


def test_a_picture_without_a_certain_verdict_stays_temporary_and_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures", Wishes())
    (name,) = desk.tell(UNSURE)
    assert name is not None
    assert name.startswith("temp-")
    assert desk.files == [name]


def test_an_alert_of_the_same_look_names_the_same_picture(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures", Wishes())
    room = Shot(frame(camera="hall"), [])
    told = [desk.album.pictured(event, room) for event in (BARE, STREAK)]
    visit, fever = desk.tell(REFUSED, FEVER)
    look, streak = [event.snapshot for event in told if isinstance(event, Look | Alert)]
    assert visit == fever
    assert look == streak
    assert desk.files == sorted([str(visit), str(look)])


def test_two_visitors_of_one_look_have_two_pictures(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures", Wishes())
    first, second = desk.tell(REFUSED, REFUSED)
    assert first != second
    assert desk.files == sorted([str(first), str(second)])


def test_what_is_not_in_memory_any_more_has_no_picture(tmp_path: Path) -> None:
    assert Desk(tmp_path / "pictures", Wishes()).tell(REFUSED, shot=None) == [None]


class Hanging:
    """A disk that does not answer until it is let go."""

    def __init__(self, store: SnapshotStore) -> None:
        self.goes_on = threading.Event()
        self.asked = threading.Event()
        self._fulfil = store.fulfil
        store.fulfil = self  # type: ignore[method-assign]

    def __call__(self, name: str, shot: Shot, reason: str) -> None:
        self.asked.set()
        assert self.goes_on.wait(PATIENCE)
        self._fulfil(name, shot, reason)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[tuple[Desk, Hanging]]:
    desk = Desk(tmp_path / "pictures", Wishes())
    disk = Hanging(desk.store)
    desk.album.start()
    yield desk, disk
    disk.goes_on.set()
    desk.album.close(PATIENCE)


def test_a_disk_that_hangs_holds_up_nobody_and_what_finds_no_room_is_told_once(hanging: tuple[Desk, Hanging]) -> None:
    desk, disk = hanging
    began = time.monotonic()
    told = [desk.album.pictured(REFUSED, SHOT) for _ in range(50)]
    assert time.monotonic() - began < PATIENCE, "nobody waited for the disk"
    names = [event.snapshot for event in told if isinstance(event, Visit)]
    assert 16 <= sum(name is not None for name in names) < 50
    assert [replace(event, snapshot=None) for event in told if isinstance(event, Visit)] == [REFUSED] * 50
    disk.goes_on.set()
    assert desk.album.close(PATIENCE)
    assert desk.files == sorted(name for name in names if name is not None)
    assert [(fault.component, fault.code) for fault in desk.faults] == [("snapshots", "dropped")]


def test_large_pictures_that_wait_do_not_fill_the_memory(hanging: tuple[Desk, Hanging]) -> None:
    desk, disk = hanging
    large = Shot(frame(side=3000), [])
    assert desk.album.pictured(REFUSED, large).snapshot is not None  # type: ignore[union-attr]
    assert disk.asked.wait(PATIENCE)
    told = [desk.album.pictured(REFUSED, large) for _ in range(10)]
    queued = sum(isinstance(event, Visit) and event.snapshot is not None for event in told)
    assert (queued + 1) * large.frame.image.nbytes <= 64_000_000


def test_a_picture_that_is_erased_before_it_is_written_is_never_written(hanging: tuple[Desk, Hanging]) -> None:
    desk, disk = hanging
    names = [desk.album.pictured(event, SHOT).snapshot for event in (REFUSED, STILL)]  # type: ignore[union-attr]
    assert disk.asked.wait(PATIENCE)
    assert desk.store.erase([str(names[0])]) == 0
    disk.goes_on.set()
    assert desk.album.close(PATIENCE)
    assert desk.files == [names[1]]


def test_a_fault_of_the_disk_is_told_once_until_it_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures", Wishes())
    (tmp_path / "pictures").write_text("a file is in the way")
    desk.album.start()
    desk.album.pictured(REFUSED, SHOT)
    desk.album.pictured(REFUSED, SHOT)
    assert desk.album.close(PATIENCE)
    assert [fault.code for fault in desk.faults if fault.code == "write_failed"] == ["write_failed"]
