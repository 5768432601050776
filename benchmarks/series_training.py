"""Learning criteria and models of two quantities from nine months of minutes.

    python -m benchmarks.series_training [DAYS]

In the process that the daemon starts for it, from a database as the daemon writes it. Targets: at most 10 s, 80 MiB.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from edge_mask.app.series.learning import Lesson
from edge_mask.app.series.learning_process import ONE_THREAD
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.series_hour import IN_HOUR, SLOT, Hour
from edge_mask.ledger.series_numbers import PACKED, SeriesName, hour_row
from edge_mask.ledger.writer import Ledger
from edge_mask.series.nouns import SeriesKey, Site

BEGINS = 490_000
"""Hours since 1970."""
NAMES = (SeriesName("main", "flow", "L/s"), SeriesName("main", "pressure", "bar"))
NINE_MONTHS = 274

_MEASURED = """
import atexit, runpy, sys
from pathlib import Path
def most():
    sys.stderr.write(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
atexit.register(most)
runpy.run_module("edge_mask.app.series.learning", run_name="__main__")
"""
"""The peak of the process itself: `ru_maxrss` of a child begins with that of the one that started it."""


def main(days: int = NINE_MONTHS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edge.db"
        fill(path, days * 24)
        lessons = [_lesson(path, name, days) for name in NAMES]
        began = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        learned = subprocess.run(
            [sys.executable, "-c", _MEASURED],
            input="".join(json.dumps(lesson.as_data()) + "\n" for lesson in lessons),
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )
        took = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(learned.stdout.strip())
        print(f"{took:.1f} s, {cpu:.1f} s of CPU, {int(learned.stderr.split()[1]) / 1024:.0f} MiB at most")
        sizes = sorted(each.stat().st_size for each in Path(folder).rglob("model.npz"))
        print(f"a model is a file of {sizes[-1] / 1024:.0f} KiB")


def fill(path: Path, hours: int) -> None:
    """Packed hours with a day, a week, a season and noise; one in two hundred is silent."""
    with closing(Ledger(path, Bounds(), "boot")) as ledger:
        ledger.open()
        connection = ledger.file.connection
        for seed, name in enumerate(NAMES):
            dice = np.random.default_rng(seed)
            minute = np.arange(hours * IN_HOUR)
            day, week, year = (np.sin(2 * np.pi * minute / (1440 * days)) for days in (1, 7, 365))
            values = 20 + 5 * day + 2 * week + 3 * year + dice.normal(0, 0.3, len(minute))
            with connection.begin():
                number = ledger.series.numbers.of(connection, name)
                rows = [
                    (row, *_packed(values[hour * IN_HOUR : (hour + 1) * IN_HOUR]).packed(row))
                    for hour in np.flatnonzero(dice.random(hours) > 0.005).tolist()
                    for row in (hour_row(number, BEGINS + hour),)
                ]
                connection.exec_driver_sql("INSERT INTO series_hours VALUES (?, ?, ?, ?)", rows)
                connection.exec_driver_sql("INSERT OR REPLACE INTO counters VALUES (?, ?)", (PACKED, BEGINS + hours))
            ledger.series.numbers.written()


def _packed(minutes: NDArray[np.float64]) -> Hour:
    tens = minutes.reshape(-1, 10)
    rows = np.zeros(len(tens), SLOT)
    rows["count"], rows["last"] = 10, tens[:, -1]
    rows["min"], rows["mean"], rows["max"] = tens.min(axis=1), tens.mean(axis=1), tens.max(axis=1)
    return Hour(minutes.astype(np.float32), rows)


def _lesson(path: Path, name: SeriesName, days: int) -> Lesson:
    site = Site(key=SeriesKey(name.sensor, name.quantity), unit=name.unit, zone=ZoneInfo("Europe/Rome"))
    return Lesson(database=path, site=site, at=(BEGINS + days * 24) * 3600.0)


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
