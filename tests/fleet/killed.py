"""Takes a wish to its end in forks of this process, each killed at another change of the file system; then once more.

python -m tests.fleet.killed FOLDER EVERY: prints a JSON line for each kill.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Literal

from tests.control.test_models import write

from edge_mask.errors import EdgeMaskError
from edge_mask.fleet.model.caretaker import Caretaker
from edge_mask.fleet.model.desk import Desk
from edge_mask.fleet.model.hands import Hands, sweep
from edge_mask.fleet.model.memory import Memory, Report, place_of
from edge_mask.fleet.model.reconcile import Reconciler, Stands
from edge_mask.packages.remote.build import build
from edge_mask.packages.store import Store
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.fleet import FleetPackages
from edge_mask.wire.fleet_models import Desired

CHANGES = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.symlink", "os.truncate", "shutil.rmtree", "os.link"}


def main(folder: Path, every: int) -> None:
    """A first life counts the changes; the others are killed at each `every`-th of them."""
    wanted = prepare(folder / "whole")
    changes = life(folder / "whole", wanted, kill_at=0)
    for at in range(1, changes + 1, every):
        place = folder / f"killed-{at}"
        wanted = prepare(place)
        life(place, wanted, kill_at=at)
        killed = {"at": at, "of": changes, **found(place)}
        life(place, wanted, kill_at=0)
        print(json.dumps({**killed, "afterwards": found(place)}), flush=True)


def prepare(folder: Path) -> Desired:
    store = Store(folder / "models")
    store.install(write(folder / "made", "1.0"))
    store.activate("tiny-1.0")
    digest = build(write(folder / "new", "1.1"), folder / "stick").digest
    return Desired(revision=1, name="tiny", version="1.1", digest=digest, sources=[f"file://{folder / 'stick'}"])


def found(folder: Path) -> dict[str, Any]:
    models, store = folder / "models", Store(folder / "models")
    known = Memory(place_of(folder / "db")).now
    return {
        "broken": sorted(each.name for each in models.glob("tiny-*") if not store.holds(each.name)),
        "current": (models / "current").readlink().name if (models / "current").is_symlink() else None,
        "left": sorted(each.name for each in models.glob(".*")),
        "packages": sorted(each.name for each in models.glob("tiny-*")),
        "state": None if known.report is None else known.report.state,
    }


def life(folder: Path, wanted: Desired, kill_at: int) -> int:
    """A process from its start until the wish is active; how many changes it made."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        changes = Changes(kill_at)
        try:
            reconcile(folder, wanted)
            os.write(writing, str(changes.count).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        count = told.read()
    os.waitpid(child, 0)
    assert bool(count) == (kill_at == 0), "it was to be killed, and only then"
    return int(count or 0)


class Changes:
    """Counts what changes the file system, and kills the process at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.count, self._kill_at = 0, kill_at
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: Any) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGES or writes:
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), 9)


def reconcile(folder: Path, wanted: Desired) -> None:
    models = folder / "models"
    sweep(models)
    store = Store(models)
    store.clean()
    desk = Desk(Reconciler(Memory(place_of(folder / "db"))))

    def looks() -> tuple[str, str] | None:
        current = store.chosen().current
        return None if current is None else ("tiny", current.removeprefix("tiny-"))

    def choose(action: Literal["activate", "rollback"], name: str | None, version: str | None) -> Any:
        store.rollback() if action == "rollback" else store.activate(f"{name}-{version}")
        desk.post(lambda now: desk.reconciler.stands(Stands(looks()), now))
        return looks()

    said: list[Report] = []
    settings = FleetPackages.model_validate({"sources": [f"file://{folder / 'stick'}"]})
    hands = Hands(models / "current", settings, 100.0, choose, lambda: None)
    clock = SystemClock(lambda: True)
    worker = Caretaker(desk, hands, Stands(looks()), said.append, clock, open_trial=no_trial)
    worker.begin()
    desk.wish(wanted, "test")
    end = time.monotonic() + 30.0
    while not (said and said[-1].state == "active") and time.monotonic() < end:
        worker.turn()
        time.sleep(0.005)
    if not said or said[-1].state != "active":
        raise EdgeMaskError(f"it is not active: {said[-1:]}")


def no_trial(_wanted: Desired) -> Any:
    raise AssertionError("there are no cameras")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
