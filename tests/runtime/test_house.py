"""Workers, houses and the supervisor's four steps, with real threads."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.waiting import waits_on_purpose

from edge_mask.errors import Refused
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.door import Door
from edge_mask.runtime.house import House
from edge_mask.runtime.supervisor import Limits, SilentNotifier, Supervisor
from edge_mask.runtime.worker import Finished, Job, Worker, keep_waiting
from edge_mask.units import Seconds

CLOCK = SystemClock(lambda: True)


class Note(Job):
    """Writes down what happens to it."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name = name
        self.diary = diary
        self.stepped = threading.Event()

    def begin(self) -> None:
        self.diary.append(f"{self.name} begins")

    def step(self, stop: threading.Event) -> None:
        self.stepped.set()
        stop.wait(10)

    def end(self) -> None:
        self.diary.append(f"{self.name} ends")


class Raises(Job):
    name = "raises"

    def step(self, stop: threading.Event) -> None:
        raise RuntimeError("fell over")


class Hangs(Job):
    name = "hangs"

    def __init__(self) -> None:
        self.release = threading.Event()
        self.stepped = threading.Event()

    def step(self, stop: threading.Event) -> None:
        self.stepped.set()
        self.release.wait(60)


def ignore(_worker: Worker) -> None: ...


def test_a_house_starts_at_the_sink_and_stops_at_the_source() -> None:
    diary: list[str] = []
    jobs = [Note(name, diary) for name in ("ledger", "vision", "camera")]
    house = House([Worker(job, CLOCK, ignore) for job in jobs])
    house.start()
    for job in jobs:
        assert job.stepped.wait(10)
    assert house.stop(5.0, lambda: CLOCK.now().mono) == []
    assert sorted(diary[:3]) == ["camera begins", "ledger begins", "vision begins"]
    assert diary[3:] == ["camera ends", "vision ends", "ledger ends"]


def test_a_stuck_worker_does_not_keep_the_others_from_ending() -> None:
    diary: list[str] = []
    hung = Hangs()
    workers = [Worker(Note("ledger", diary), CLOCK, ignore), Worker(hung, CLOCK, ignore)]
    house = House(workers)
    house.start()
    assert hung.stepped.wait(10)
    stuck = house.stop(2.0, lambda: CLOCK.now().mono)
    assert [worker.job.name for worker in stuck] == ["hangs"]
    assert diary[-1] == "ledger ends"
    hung.release.set()
    assert workers[1].join(10)


class WaitsForItsCompany(Job):
    """Ends its step only when all were asked to stop, as lanes do that wait for each other's turns."""

    name, group = "lane", "lanes"

    def __init__(self, asked: threading.Barrier) -> None:
        self._asked = asked

    def step(self, stop: threading.Event) -> None:
        stop.wait(60)
        self._asked.wait(60)


def test_workers_that_wait_for_each_other_are_asked_to_stop_together() -> None:
    asked = threading.Barrier(3)
    diary: list[str] = []
    jobs: list[Job] = [Note("ledger", diary), *(WaitsForItsCompany(asked) for _ in range(3)), Note("camera", diary)]
    house = House([Worker(job, CLOCK, ignore) for job in jobs])
    house.start()
    assert house.stop(20.0, lambda: CLOCK.now().mono) == []
    assert diary[2:] == ["camera ends", "ledger ends"]


def test_a_job_that_drains_goes_on_after_the_stop_until_it_is_finished() -> None:
    class Drain(Job):
        drains = True
        left = 3

        def step(self, stop: threading.Event) -> None:
            stop.wait(10)
            self.left -= 1
            if not self.left:
                raise Finished

    job = Drain()
    worker = Worker(job, CLOCK, ignore)
    worker.start()
    worker.request_stop()
    assert worker.join(10)
    assert worker.is_finished
    assert job.left == 0


def test_a_step_longer_than_its_patience_counts_as_stuck() -> None:
    hung = Hangs()
    worker = Worker(hung, CLOCK, ignore)
    worker.start()
    assert hung.stepped.wait(10)
    now = CLOCK.now().mono
    assert not worker.is_stuck(now)
    assert worker.is_stuck(Seconds(now + hung.patience + 1))
    hung.release.set()
    worker.request_stop()
    assert worker.join(10)


class Plan:
    """A blueprint whose houses are made by a function."""

    def __init__(self, make: Callable[[Callable[[Worker], None]], House]) -> None:
        self.make = make

    def build(self, door: Door) -> House:
        return self.make(door.failed)


def test_a_worker_that_raises_gets_its_house_built_again_in_the_same_process() -> None:
    diary: list[str] = []
    built: list[Note] = []
    complaints: list[tuple[str, str, str]] = []

    def make(on_failure: Callable[[Worker], None]) -> House:
        built.append(Note(f"ledger {len(built)}", diary))
        jobs: list[Job] = [built[-1]] if len(built) > 1 else [built[-1], Raises()]
        workers = [Worker(job, CLOCK, on_failure) for job in jobs]
        return House(workers, complain=lambda *complaint: complaints.append(complaint))

    supervisor = Supervisor(lambda: Plan(make), CLOCK)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        while len(built) < 2 and not running.done():
            built[0].stepped.wait(0.01) if built else None
        assert built[1].stepped.wait(10)
        supervisor.door.stop()
        assert running.result(10) == 0
    assert diary == ["ledger 0 begins", "ledger 0 ends", "ledger 1 begins", "ledger 1 ends"]
    [(component, code, text)] = complaints
    assert (component, code) == (Raises().name, "failed")
    assert text.endswith("; everything was built again")


def test_a_worker_that_does_not_stop_makes_the_program_start_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MASK_RESTARTS", "")
    monkeypatch.setattr("edge_mask.runtime.supervisor.STOP_WITHIN", 0.3)
    hung = Hangs()
    executed: list[list[str]] = []

    class Executed(BaseException):
        """Stands for the end of this program: execv does not return."""

    def execute(_program: str, arguments: list[str]) -> None:
        executed.append(arguments)
        raise Executed

    def make(on_failure: Callable[[Worker], None]) -> House:
        return House([Worker(hung, CLOCK, on_failure), Worker(Raises(), CLOCK, on_failure)])

    supervisor = Supervisor(lambda: Plan(make), CLOCK, execute=execute)
    with pytest.raises(Executed):
        supervisor.run()
    assert executed[0][1:3] == ["-m", "edge_mask"]
    hung.release.set()


def test_a_step_that_outlasts_its_patience_starves_the_watchdog_and_makes_the_program_start_afresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDGE_MASK_RESTARTS", "")
    monkeypatch.setattr("edge_mask.runtime.supervisor.STOP_WITHIN", 0.3)

    class Impatient(Hangs):
        patience = Seconds(0.2)

    class Executed(BaseException):
        """Stands for the end of this program: execv does not return."""

    def execute(_program: str, _arguments: list[str]) -> None:
        raise Executed

    hung, told = Impatient(), list[str]()

    class Watched(Worker):
        def is_stuck(self, now: Seconds) -> bool:
            told.append("stuck" if super().is_stuck(now) else "works")
            return told[-1] == "stuck"

    notifier = SilentNotifier()
    notifier.watchdog = lambda: told.append("fed")  # type: ignore[method-assign]  # an ear of the test's own
    plan = Plan(lambda on_failure: House([Watched(hung, CLOCK, on_failure)]))
    supervisor = Supervisor(lambda: plan, CLOCK, notifier=notifier, execute=execute)
    with pytest.raises(Executed):
        supervisor.run()
    assert "fed" not in told[told.index("stuck") :]
    hung.release.set()


def test_too_many_fresh_starts_within_an_hour_end_with_exit_70(tmp_path: Path) -> None:
    script = f"""
import os, threading
from edge_mask.runtime import supervisor
from edge_mask.runtime.clock import SystemClock
clock = SystemClock(lambda: True)
now = clock.now().mono
os.environ["EDGE_MASK_RESTARTS"] = ",".join(str(round(now - n)) for n in (1, 2, 3))
supervisor.Supervisor(lambda: None, clock)._start_over()
open({str(tmp_path / "still-here")!r}, "w").close()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 70, ended
    assert not (tmp_path / "still-here").exists()


def test_a_stop_that_comes_while_a_worker_hangs_ends_the_program_instead_of_starting_it_afresh() -> None:
    script = """
from edge_mask.runtime import supervisor
from edge_mask.runtime.clock import SystemClock
def execute(*_):
    raise SystemExit(1)
told = supervisor.Supervisor(lambda: None, SystemClock(lambda: True), execute=execute)
told.door.reload()
told.door.stop()
told._start_over()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended


def test_a_wrong_configuration_at_reload_keeps_the_old_house_and_complains() -> None:
    diary: list[str] = []
    complaints: list[tuple[str, str, str]] = []
    complained = threading.Event()
    job = Note("ledger", diary)
    plans = 0

    def complain(component: str, code: str, text: str) -> None:
        complaints.append((component, code, text))
        complained.set()

    def plan() -> Plan:
        nonlocal plans
        plans += 1
        if plans > 1:
            raise Refused("line 3: unknown key")
        return Plan(lambda on_failure: House([Worker(job, CLOCK, on_failure)], complain=complain))

    supervisor = Supervisor(plan, CLOCK)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        assert job.stepped.wait(10)
        supervisor.door.reload()
        assert complained.wait(10)
        assert diary == ["ledger begins"]
        supervisor.door.stop()
        assert running.result(10) == 0
    assert complaints == [("configuration", "refused", "line 3: unknown key")]


def test_a_configuration_that_fails_in_an_unexpected_way_at_reload_keeps_the_old_house() -> None:
    job, plans = Note("ledger", []), iter(range(9))
    complained = threading.Event()

    def plan() -> Plan:
        if next(plans):
            raise PermissionError(13, "Permission denied")
        return Plan(
            lambda failed: House([Worker(job, CLOCK, failed)], complain=lambda *_: complained.set()),
        )

    supervisor = Supervisor(plan, CLOCK)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        assert job.stepped.wait(10)
        supervisor.door.reload()
        assert complained.wait(10)
        supervisor.door.stop()
        assert running.result(10) == 0


def no_house(_on_failure: Callable[[Worker], None]) -> House:
    raise Refused("models/mine: no such model package")


def broken_after_start(built: threading.Event) -> Callable[[Callable[[Worker], None]], House]:
    """Builds once a house that falls down, and never again."""

    def make(on_failure: Callable[[Worker], None]) -> House:
        if built.is_set():
            return no_house(on_failure)
        built.set()
        return House([Worker(Raises(), CLOCK, on_failure)])

    return make


def test_a_configuration_repaired_while_the_house_cannot_be_built_is_taken_at_sighup() -> None:
    built, job = threading.Event(), Note("ledger", [])
    repaired = Plan(lambda on_failure: House([Worker(job, CLOCK, on_failure)]))
    plans = iter([Plan(broken_after_start(built)), repaired])
    supervisor = Supervisor(lambda: next(plans), CLOCK)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        assert built.wait(10)
        while not job.stepped.wait(0.3) and not running.done():
            supervisor.door.reload()
        supervisor.door.stop()
        assert running.result(10) == 0


def test_the_time_limit_holds_while_the_house_cannot_be_built() -> None:
    supervisor = Supervisor(lambda: Plan(broken_after_start(built)), CLOCK, limits=Limits(max_seconds=0.5))
    built = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(supervisor.run).result(20) == 0


def test_a_stop_that_comes_while_the_house_cannot_be_built_at_first_is_a_clean_end() -> None:
    def make(on_failure: Callable[[Worker], None]) -> House:
        supervisor.door.stop()
        return no_house(on_failure)

    supervisor = Supervisor(lambda: Plan(make), CLOCK)
    assert supervisor.run() == 0


def test_it_stops_by_itself_when_everything_is_idle() -> None:
    idle = threading.Event()
    job = Note("ledger", [])

    def make(on_failure: Callable[[Worker], None]) -> House:
        return House([Worker(job, CLOCK, on_failure)], is_idle=lambda _now: idle.is_set())

    supervisor = Supervisor(lambda: Plan(make), CLOCK, limits=Limits(until_idle=True))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        assert job.stepped.wait(10)
        assert not running.done()
        idle.set()
        assert running.result(10) == 0


def test_a_step_that_waits_on_purpose_is_not_stuck_and_hears_the_stop() -> None:
    class Waits(Job):
        def step(self, stop: threading.Event) -> None:
            while keep_waiting():
                stop.wait(0.001)

    clock = ManualClock()
    worker = Worker(Waits(), clock, lambda _worker: None)
    worker.start()
    waits_on_purpose(worker, clock)
    worker.request_stop()
    assert worker.join(10)
    assert keep_waiting(), "outside a worker there is nobody to tell"
