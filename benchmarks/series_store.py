"""A year of ten sensors with three quantities: its size, how fast it is read, what it costs the writer.

    python -m benchmarks.series_store [SENSORS [DAYS]]

All but the last week is written as packed hours, in the order of time; the last week comes as the daemon writes it: a
reading and a minute for each series, commits, and housekeeping. Times are medians and the best of five; ratios come
from turns in one run.
"""

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.series_hour import IN_HOUR, SLOT, Hour
from edge_mask.ledger.series_numbers import HOUR_S, PACKED, SeriesName, hour_row
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_rows import MinuteRow
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Reading
from edge_mask.units import Bytes, Moment, Seconds, Unix
from edge_mask.wire.uuid7 import IdMaker

BEGINS = 490_000
"""Hours since 1970."""
WEEK = 7 * 24
QUANTITIES = (("flow", "l/s"), ("pressure", "bar"), ("temperature", "C"))
BOUNDS = Bounds(history_bytes=Bytes(10**10))


def names_of(sensors: int) -> list[SeriesName]:
    """Ten sensors have thirty series."""
    return [SeriesName(f"line-{n:03}", *quantity) for n in range(sensors) for quantity in QUANTITIES]


def values_of(hours: int, seed: int) -> NDArray[np.float32]:
    """Minutes with a day, a week, a season and noise; some hours are silent."""
    dice = np.random.default_rng(seed)
    minute = np.arange(hours * IN_HOUR)
    day, week, year = (np.sin(2 * np.pi * minute / (1440 * days) + seed) for days in (1, 7, 365))
    values = 20 + 5 * day + 2 * week + 3 * year + dice.normal(0, 0.3, len(minute))
    values[dice.random(hours).repeat(IN_HOUR) < 0.005] = np.nan
    return np.asarray(values, np.float32)


def fill(path: Path, sensors: int, hours: int) -> None:
    """The whole year, and its last week as the daemon writes it."""
    names, old = names_of(sensors), hours - WEEK
    years = [values_of(hours, seed) for seed in range(len(names))]
    with closing(Ledger(path, BOUNDS, "boot")) as ledger:
        ledger.open()
        connection = ledger.file.connection
        with connection.begin():
            numbers = [ledger.series.numbers.of(connection, name) for name in names]
        ledger.series.numbers.written()
        for first in range(0, old, 24):
            with connection.begin():
                connection.exec_driver_sql(
                    "INSERT INTO series_hours VALUES (?, ?, ?, ?)",
                    [*_rows(numbers, years, first, min(first + 24, old))],
                )
        with connection.begin():
            connection.exec_driver_sql("INSERT OR REPLACE INTO counters VALUES (?, ?)", (PACKED, BEGINS + old))
        ids = IdMaker()
        for hour in range(old, hours):
            ledger.commit(_hour(names, years, hour, ids), _moment((BEGINS + hour + 1) * HOUR_S))
            while ledger.housekeeping(_moment((BEGINS + hour + 1) * HOUR_S + 360)):
                pass
    with closing(Ledger(path, BOUNDS, "boot")) as ledger:  # closing moves the journal into the file
        ledger.open()


def _rows(numbers: list[int], years: list[NDArray[np.float32]], first: int, end: int) -> Iterator[tuple[object, ...]]:
    for hour in range(first, end):
        for number, values in zip(numbers, years, strict=True):
            minutes = values[hour * IN_HOUR : (hour + 1) * IN_HOUR]
            if np.isfinite(minutes).all():
                row = hour_row(number, BEGINS + hour)
                yield row, *Hour(minutes, _summaries(minutes)).packed(row)


def _summaries(minutes: NDArray[np.float32]) -> NDArray[np.void]:
    tens = minutes.reshape(-1, 10)
    rows = np.zeros(len(tens), SLOT)
    rows["count"], rows["last"] = 10, tens[:, -1]
    rows["min"], rows["mean"], rows["max"] = tens.min(axis=1), tens.mean(axis=1), tens.max(axis=1)
    return rows


def _hour(names: list[SeriesName], years: list[NDArray[np.float32]], hour: int, ids: IdMaker) -> Batch:
    """A reading and a minute for each minute of each series."""
    batch = Batch()
    for place in range(IN_HOUR):
        _minute(batch, names, [float(values[hour * IN_HOUR + place]) for values in years], hour * IN_HOUR + place, ids)
    return batch


def _minute(batch: Batch, names: list[SeriesName], values: list[float], place: int, ids: IdMaker) -> None:
    minute = BEGINS * IN_HOUR + place
    for name, value in zip(names, values, strict=True):
        if np.isfinite(value):
            at = _moment(minute * 60.0 + 30)
            row = event_row(Reading(name.sensor, name.quantity, value, name.unit, at), ids.make(at), "boot")
            batch.events += [] if row is None else [row]
            batch.series.append(MinuteRow(name, minute, 1, value, value, value, value))


def _moment(wall: float) -> Moment:
    return Moment(Seconds(wall - BEGINS * HOUR_S), Unix(wall))


# -- questions -------------------------------------------------------------------------------------------


def _ask(path: Path, sensors: int, hours: int) -> None:
    name, end = names_of(sensors)[1], (BEGINS + hours) * IN_HOUR
    reader, now = Reader(path), (BEGINS + hours) * float(HOUR_S)
    old, day = end - 20 * 1440, 86400.0
    past = now - 20 * day

    def minutes(since: int, until: int) -> object:
        with reading(path) as opened:
            return opened.minutes(name, since, until)

    def summaries(since: int, until: int) -> object:
        with reading(path) as opened:
            return opened.summaries(name, since, until)

    questions: dict[str, Callable[[], object]] = {
        "a day of minutes of one series": lambda: minutes(old, old + 1440),
        "a day of summaries of one series": lambda: summaries(old, old + 1440),
        "the last day of minutes of one series": lambda: minutes(end - 1440, end),
        "nine months of minutes of one series": lambda: minutes(end - 394_200, end),
        "the year of summaries of one series": lambda: summaries(end - hours * IN_HOUR, end),
        "lines of a day of one quantity, single readings gone": lambda: reader.curves(past, past + day, "flow"),
        "lines of a day of all, single readings gone": lambda: reader.curves(past, past + day),
        "lines of the last day of all": lambda: reader.curves(now - day, now),
        "lines of the year of one quantity": lambda: reader.curves(now - hours * 3600.0, now, "flow"),
    }  # fmt: skip
    for what, ask in questions.items():
        took = sorted(_took(ask) for _ in range(5))
        print(f"{what}: {took[2] * 1000:.1f} ms (best of five {took[0] * 1000:.1f})", flush=True)


def _took(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _training(path: Path, sensors: int, hours: int) -> None:
    """Two series of nine months in a process of their own, as the training reads them."""
    first, second = names_of(sensors)[:2]
    end = (BEGINS + hours) * IN_HOUR
    program = f"""
import sys, time
began = time.process_time()
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_numbers import SeriesName
from pathlib import Path
def most():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")).split()[1]) / 1024
loaded, before = time.process_time(), most()
with reading(Path({str(path)!r})) as reader:
    for name in ({tuple(first)!r}, {tuple(second)!r}):
        assert len(reader.minutes(SeriesName(*name), {end - 394_200}, {end}).values) == 394200
heavy = [name for name in ("sqlalchemy", "pydantic") if name in sys.modules]
print(f"{{loaded - began:.2f}} s for imports, {{time.process_time() - loaded:.2f}} s for reading,"
      f" {{most():.0f}} MiB at most ({{before:.0f}} before it); besides: {{heavy}}")
"""
    print("two series of nine months, a process of its own:", end=" ", flush=True)
    subprocess.run([sys.executable, "-c", program], check=True)


# -- what it costs the writer ----------------------------------------------------------------------------


def _write(folder: Path, sensors: int, rounds: int = 240) -> None:
    """Minutes of readings, with and without series, in turns; housekeeping each minute, and each hour is packed."""
    names, ids, dice = names_of(sensors), IdMaker(), random.Random(28)
    commits: dict[str, list[float]] = {"with": [], "without": []}
    keeping: dict[str, list[float]] = {"with": [], "without": []}
    with (
        closing(Ledger(folder / "with.db", BOUNDS, "boot")) as first,
        closing(Ledger(folder / "without.db", BOUNDS, "boot")) as second,
    ):
        ledgers = {"with": first, "without": second}
        for ledger in ledgers.values():
            ledger.open()
        for place in range(rounds):
            for what in sorted(ledgers, key=lambda _each: dice.random()):
                batch = Batch()
                _minute(batch, names, [dice.random() for _ in names], place, ids)
                now = _moment((BEGINS * IN_HOUR + place + 1) * 60.0)
                if what == "without":
                    batch.series = []
                commits[what].append(_cpu(partial(ledgers[what].commit, batch, now)))
                keeping[what].append(_cpu(partial(ledgers[what].housekeeping, now)))
    total = {what: sum(commits[what]) + sum(keeping[what]) for what in commits}
    for what, took in (("commit of a minute's readings", commits), ("housekeeping", keeping)):
        medians = {each: statistics.median(took[each]) for each in took}
        print(
            f"{what}: {medians['with']:.2f} ms of processor time with series, {medians['without']:.2f} without;"
            f" the longest {max(took['with']):.1f}, {max(took['without']):.1f}"
        )
    print(f"all of {rounds} minutes: {total['with'] / total['without']:.2f} times as much with series")


def _cpu(do: Callable[[], object]) -> float:
    began = time.process_time_ns()
    do()
    return (time.process_time_ns() - began) / 1e6


def _one_reading(folder: Path, rounds: int = 300) -> None:
    """What everything else costs beside a year of series: a reading in a commit, in turns with an empty database."""
    ids, dice = IdMaker(), random.Random(29)
    took: dict[str, list[float]] = {"year": [], "empty": []}
    with (
        closing(Ledger(folder / "year.db", BOUNDS, "boot")) as first,
        closing(Ledger(folder / "empty.db", BOUNDS, "boot")) as second,
    ):
        ledgers = {"year": first, "empty": second}
        for ledger in ledgers.values():
            ledger.open()
        for number in range(rounds):
            for what in sorted(ledgers, key=lambda _each: dice.random()):
                at = _moment((BEGINS + 9000) * HOUR_S + number)
                row = event_row(Reading("hall", "temperature", 20.0, "C", at), ids.make(at), "boot")
                batch = Batch(events=[] if row is None else [row])
                took[what].append(_cpu(partial(ledgers[what].commit, batch, at)))
    year, empty = (statistics.median(took[what]) for what in ("year", "empty"))
    print(f"commit of one reading: {year:.3f} ms beside the year, {empty:.3f} in an empty file ({year / empty:.2f})")


def main() -> None:
    """Prints a line for each question."""
    sensors = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    hours = 24 * (int(sys.argv[2]) if len(sys.argv) > 2 else 365)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "year.db"
        took = _took(lambda: fill(path, sensors, hours))
        print(f"{sensors * 3} series, {hours // 24} days: {path.stat().st_size / 1e6:.0f} MB (made in {took:.0f} s)")
        _ask(path, sensors, hours)
        _training(path, sensors, hours)
        _write(folder, sensors)
        _one_reading(folder)
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
