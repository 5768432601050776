"""A process that records, says what it has recorded, and may kill itself at a statement of its choice.

python recording_child.py DATABASE: records until it is killed from outside, and says on stdout what it has recorded.
python recording_child.py FOLDER LAST: for each number from 1 to LAST a fork records twice in FOLDER/NUMBER.db, sends
itself SIGKILL before the NUMBER-th SQL statement after opening it, and says in NUMBER.said what it has recorded. The
first that reaches its end is the last; how each ended stands on stdout.
Each line that is said is one visit id whose commit has returned, or "held" and the id while it is held.
"""

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import event

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Held, Outcome, Reading, Receipt, Settled, Visit
from edge_mask.recording.intake import Intake
from edge_mask.runtime.clock import SystemClock
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

CLOCK = SystemClock(lambda: True)
MAKER = IdMaker()


def main() -> None:
    path, *last = sys.argv[1:]
    if not last:
        work(Path(path), sys.stdout, 0)
    for kill_at in range(1, int(last[0]) + 1):
        if (child := os.fork()) == 0:
            with Path(path, f"{kill_at}.said").open("w") as said:
                work(Path(path, f"{kill_at}.db"), said, kill_at)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(ended, flush=True)
        if ended != -signal.SIGKILL:
            break


def work(path: Path, said: TextIO, kill_at: int) -> None:
    ledger = Ledger(path, Bounds(), "boot")
    ledger.open()
    if kill_at:
        counter = itertools.count(1)

        def before(*_anything: Any) -> None:
            if next(counter) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        connection = ledger.file.connection
        event.listen(connection, "before_cursor_execute", before)
        event.listen(connection, "commit", before)
    intake = Intake(
        thing="child",
        topics=Topics("t", "child"),
        sequences=ledger.sequences,
        shadows=ledger.shadows,
        boot="boot",
        new_id=MAKER.make,
    )
    for number in range(2) if kill_at else itertools.count():
        record(ledger, intake, path, said, number)


def record(ledger: Ledger, intake: Intake, path: Path, said: TextIO, number: int) -> None:
    """A visit that is held and then settled with a reading, and an older message that is: every statement there is."""
    now = CLOCK.now()
    visit = Visit(at=now, camera="front", verdict="pass", mask="mask", mask_score=0.9, temperature=36.0 + number % 3)
    reading = Reading("forehead", "temperature", 36.5, "C", now)
    held = Held(id=MAKER.make(now), visit=visit)
    ledger.commit(Batch(events=intake.hold(held).events), now)
    print(f"held {held.id}", file=said, flush=True)
    batch = Batch()
    for admitted in (intake.settle(Settled(id=held.id, visit=visit)), intake.admit(reading)):
        batch.events += admitted.events
        batch.outgoing += admitted.outgoing
        batch.released += admitted.released
    outbox = Outbox(path, "mqtt")
    batch.settlements += [Settlement(p.row, p.message.id, Receipt(Outcome.REFUSED, "no")) for p in outbox.after({}, 1)]
    outbox.close()
    ledger.commit(batch, now)
    print(batch.events[0].values["id"], file=said, flush=True)


if __name__ == "__main__":
    main()
