"""The capture worker: it survives its camera, hands on what can be judged, and says once what is wrong."""

import itertools
import logging
import random
import threading

import pytest
from tests.capture.scenes import BLACK, Reports, ScriptedCamera, noise

from edge_mask.capture import Camera, ContentPolicy, EndOfSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame, Image
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import Latest, Line, Tray
from edge_mask.runtime.worker import Finished, Worker
from edge_mask.units import Seconds

PATIENT = ContentPolicy(black_reads=2, frozen_reads=3, frozen_for=Seconds(0.0))


class Stage:
    """A camera on a clock that is turned by hand."""

    def __init__(self, script: list[Image | Exception], *, is_live: bool = True, interval: float = 0.0) -> None:
        self.clock = ManualClock()
        self.source = ScriptedCamera(script, self.clock, grows_old=is_live)
        self.tray: Tray[Frame] = Tray()
        self.reports = Reports()
        self.camera = Camera(
            "front",
            self.source,
            Latest(self.tray, "front") if is_live else Line(self.tray, "front"),
            self.clock,
            self.reports,
            is_live=is_live,
            interval=Seconds(interval),
            content=PATIENT,
            rng=random.Random(1),
        )
        self.stop = threading.Event()

    def run(self) -> list[Frame]:
        """Step to the end of the script, taking each frame as soon as it is there."""
        taken: list[Frame] = []
        while True:
            try:
                self.camera.step(self.stop)
            except Finished:
                return taken
            if (found := self.tray.take(0.0)) is not None:
                taken.append(found[1])


def numbers(frames: list[Frame]) -> list[int]:
    return [frame.number for frame in frames]


def test_frames_are_handed_on_in_order_until_the_source_ends() -> None:
    stage = Stage([noise(1), noise(2), noise(3)])
    assert numbers(stage.run()) == [1, 2, 3]
    assert stage.reports.faults == []
    assert stage.camera.handed_on == 3


def test_a_live_frame_nobody_took_is_replaced_and_counted() -> None:
    stage = Stage([noise(1), noise(2), noise(3)])
    for _ in range(4):
        stage.camera.step(stage.stop)
    found = stage.tray.take(0.0)
    assert found is not None
    assert found[1].number == 3
    assert stage.tray.replaced == 2


def test_a_picture_of_a_file_waits_until_it_was_taken_and_none_is_lost() -> None:
    clock = SystemClock()
    tray: Tray[Frame] = Tray()
    source = ScriptedCamera([noise(n) for n in range(20)], ManualClock())
    worker = Worker(Camera("front", source, Line(tray), clock, Reports(), is_live=False), clock, lambda failed: None)
    worker.start()
    taken: list[int] = []
    while (found := tray.take(5.0 if len(taken) < 20 else 0.0)) is not None:
        taken.append(found[1].number)
    assert taken == list(range(1, 21))
    assert worker.join(5.0)
    assert worker.is_finished
    assert tray.replaced == 0


def test_a_file_whose_picture_nobody_takes_still_stops_at_once() -> None:
    clock = SystemClock()
    source = ScriptedCamera([noise(n) for n in range(20)], ManualClock())
    tray: Tray[Frame] = Tray()
    worker = Worker(Camera("front", source, Line(tray), clock, Reports(), is_live=False), clock, lambda failed: None)
    worker.start()
    worker.request_stop()
    assert worker.join(4.0)
    assert source.closed == 1


def test_looks_are_the_interval_apart_and_the_frames_between_them_are_let_go_by() -> None:
    stage = Stage([noise(1), noise(2), noise(3)], interval=1.0)
    times = [frame.at.mono for frame in stage.run()]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(1.0 - 0.05 <= gap <= 1.0 + 0.1 for gap in gaps)
    assert stage.source.skipped >= 40, "a live camera's queue must not grow old"


def test_a_file_is_waited_for_and_not_skipped() -> None:
    stage = Stage([noise(1), noise(2), noise(3)], interval=1.0, is_live=False)
    times = [frame.at.mono for frame in stage.run()]
    assert times[2] - times[0] == pytest.approx(2.0, abs=0.1)
    assert stage.source.skipped == 0


def test_a_camera_that_is_lost_is_reported_once_and_opened_again_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gone = TryLater("no picture")
    stage = Stage([noise(1), gone, gone, gone, noise(2), noise(3), gone, noise(4)])
    assert len(stage.run()) == 4
    assert stage.reports.codes == ["camera_lost", "camera_lost"]
    assert stage.source.opened == 5
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert [line.split(":")[1].split()[0] for line in lines] == ["no", "back", "no", "back"]


def test_a_camera_that_is_not_there_at_the_start_is_waited_for() -> None:
    stage = Stage([noise(1)])
    stage.source.refuses_to_open = [TryLater("not plugged in")] * 4
    assert numbers(stage.run()) == [1]
    assert stage.reports.codes == ["camera_lost"]


def test_the_waits_between_attempts_grow_and_stay_below_half_a_minute() -> None:
    stage = Stage([noise(1)])
    stage.source.refuses_to_open = [TryLater("not plugged in")] * 40
    waits = []
    while stage.source.refuses_to_open:
        before = stage.clock.now().mono
        stage.camera.step(stage.stop)
        waits.append(stage.clock.now().mono - before)
    assert max(waits) <= 30.0
    assert sum(waits[-10:]) > 10 * sum(waits[:4])


def test_a_source_that_will_never_be_there_is_reported_and_ends_its_worker_only() -> None:
    stage = Stage([noise(1)])
    stage.source.refuses_to_open = [Refused("there is no such file")]
    with pytest.raises(Finished):
        stage.camera.step(stage.stop)
    assert stage.reports.codes == ["camera_refused"]
    assert stage.reports.faults[0].text == "there is no such file"
    assert stage.reports.faults[0].component == "camera front"


def test_one_bad_picture_is_reported_and_the_next_is_read() -> None:
    stage = Stage([noise(1), Refused("b.jpg: is no picture"), noise(2)], is_live=False)
    assert numbers(stage.run()) == [1, 2]
    assert stage.reports.codes == ["bad_picture"]
    assert stage.source.opened == 1


def test_what_is_missing_from_a_file_is_reported_at_its_end() -> None:
    stage = Stage([noise(1), EndOfSource("clip.avi: is truncated")], is_live=False)
    assert numbers(stage.run()) == [1]
    assert stage.reports.codes == ["camera_truncated"]


def test_a_frozen_picture_is_reported_once_and_not_judged_until_it_moves() -> None:
    same = noise(7)
    stage = Stage([noise(1), same, same, same, same, same, noise(2), same, same, same])
    assert numbers(stage.run()) == [1, 2, 3, 7, 8, 9]
    assert stage.reports.codes == ["camera_frozen", "camera_frozen"]


def test_a_black_picture_is_reported_once_and_never_judged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([BLACK, noise(1), BLACK, BLACK, BLACK, noise(2), BLACK, noise(3)])
    assert numbers(stage.run()) == [2, 6, 8]
    assert stage.reports.codes == ["camera_black"]
    assert [record.getMessage().split(" after")[0] for record in caplog.records][-1] == "camera front: back"


def states(stage: Stage) -> list[str]:
    """How the camera says it is, after each change."""
    seen: list[str] = [stage.camera.state]
    has_ended = False
    while not has_ended:
        try:
            stage.camera.step(stage.stop)
        except Finished:
            has_ended = True
        stage.tray.take(0.0)
        if stage.camera.state != seen[-1]:
            seen.append(stage.camera.state)
    return seen


def test_a_camera_says_how_it_is() -> None:
    still = noise(5)
    stage = Stage([noise(1), TryLater("gone"), noise(2), BLACK, BLACK, noise(3), still, still, still, still, noise(6)])
    assert states(stage) == ["opening", "ok", "away", "ok", "black", "ok", "frozen", "ok", "ended"]


def test_a_camera_that_will_never_be_there_is_away_and_has_not_ended() -> None:
    stage = Stage([])
    stage.source.refuses_to_open = [Refused("no such camera")]
    assert states(stage) == ["opening", "away"]


def test_a_frozen_picture_that_goes_dark_in_between_is_one_outage() -> None:
    same = noise(7)
    stage = Stage([same, same, same, BLACK, BLACK, BLACK, same, noise(2)])
    assert numbers(stage.run()) == [1, 2, 8]
    assert stage.reports.codes == ["camera_frozen", "camera_black"]


class HangingCamera(ScriptedCamera):
    """Hangs in its first read until it is let go; then goes on as the script says."""

    def __init__(self, script: list[Image | Exception], clock: ManualClock) -> None:
        super().__init__(script, clock)
        self.is_reading = threading.Event()
        self.let_go = threading.Event()

    def read(self) -> Frame:
        self.is_reading.set()
        assert self.let_go.wait(30.0)
        return super().read()


def test_a_read_that_hangs_is_reported_once_while_it_hangs_and_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock()
    source = HangingCamera([noise(1)], clock)
    tray: Tray[Frame] = Tray()
    reports = Reports()
    camera = Camera("front", source, Latest(tray), clock, reports, is_live=True, hung_after=Seconds(5.0))
    worker = Worker(camera, clock, lambda failed: None)
    worker.start()
    assert source.is_reading.wait(5.0)
    camera.check(clock.now().mono)
    assert reports.codes == [], "a read may take a moment"
    for _ in range(3):
        camera.check(clock.advance(4.0).mono)
    assert reports.codes == ["camera_hung"]
    assert camera.is_hung(clock.now().mono)
    assert worker.is_stuck(clock.advance(60.0).mono), "the supervisor's turn"
    source.let_go.set()
    assert worker.join(5.0)
    assert tray.take(0.0) is not None
    assert not camera.is_hung(clock.advance(60.0).mono)
    assert [record.getMessage().split(" after")[0] for record in caplog.records][-1] == "camera front: back"


def test_a_report_in_progress_does_not_hold_up_whoever_checks() -> None:
    """The camera's own thread may wait for the ledger while it reports; the main thread must not wait for it."""
    clock = ManualClock()
    reporting, let_go = threading.Event(), threading.Event()

    def slow_report(fault: object) -> None:
        reporting.set()
        assert let_go.wait(30.0)

    source = ScriptedCamera([TryLater("gone"), noise(1)], clock)
    camera = Camera("front", source, Latest(Tray()), clock, slow_report, is_live=True)
    worker = Worker(camera, clock, lambda failed: None)
    worker.start()
    assert reporting.wait(5.0)
    camera.check(clock.advance(100.0).mono)
    let_go.set()
    assert worker.join(5.0)
