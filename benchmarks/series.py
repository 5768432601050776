"""What is found in recorded series, how much is false, how good forecasts are, and what a reading costs.

    python benchmarks/series.py FOLDER [SERIES ...] [--results FILE]

FOLDER holds `series/NAME` as `edge-mask series replay` reads them, `origins.csv`, `labels/`, and the scorer `eval.py`,
which is run as it is. CPU per reading is that of all four kinds together, without training and published forecasts.
Exit 1 when a promised figure is not reached.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_mask.series.learn import clean, learn
from edge_mask.series.model import Model
from edge_mask.series.recording import Recording, origins, read
from edge_mask.series.replay import replay
from edge_mask.series.watch import Watch

CPU_DAYS = 30
PROMISED: tuple[tuple[str, float, bool], ...] = (
    ("mean recall of the faults", 0.95, True),
    ("silent, stuck, out of range", 0.98, True),
    ("spike, unit change", 0.97, True),
    ("level shift", 0.80, True),
    ("leaks of ten", 9.0, True),
    ("false per 30 days, all kinds", 0.5, False),
    ("false per 30 days, quiet", 0.1, False),
    ("false around changes of the clock", 0.0, False),
    ("silence is told after, minutes", 10.0, False),
    ("MASE of a day", 0.78, False),
    ("MASE of a week", 0.87, False),
    ("CPU per reading, us", 30.0, False),
)
"""Name, figure, and whether more is better."""


def main() -> int:
    """Play, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("series", nargs="*", help="these only: figures are of all the same")
    parser.add_argument("--results", type=Path, help="keep the lines here")
    words = parser.parse_args()
    names = words.series or sorted(each.name for each in (words.folder / "series").iterdir())
    with tempfile.TemporaryDirectory() as scratch:
        results = words.results or Path(scratch) / "results.jsonl"
        costs = dict(_play(words.folder, names, results))
        scored = _score(words.folder, results)
    for line in _table(scored, costs):
        print(line)
    missed = False
    for (name, promised, more), found in zip(PROMISED, _figures(scored, costs), strict=True):
        reached = found >= promised if more else found <= promised
        missed |= not reached
        print(
            f"{name:36s} {found:8.3f}  {'at least' if more else 'at most'} {promised:g}{'' if reached else '  MISSED'}"
        )
    return 1 if missed else 0


def _play(folder: Path, names: list[str], results: Path) -> Iterator[tuple[str, float]]:
    with results.open("w", encoding="utf-8") as file:
        for name in names:
            recording = read(folder / "series" / name)
            for line in replay(recording, origins(folder / "origins.csv", name)):
                file.write(json.dumps(line) + "\n")
            yield name, _cost(recording)


def _cost(recording: Recording) -> float:
    """Microseconds of CPU for a reading and its minute, over a month."""
    site, history = recording.site, recording.history
    if len(history.values) < 21 * 1440:
        return float("nan")
    criteria = learn(site, history, 0.0, 1)
    watch = Watch(site, criteria, Model.fit(site, clean(site, criteria, history)))
    watch.warm_up(history)
    values = recording.live.values[: CPU_DAYS * 1440].tolist()
    begin = time.process_time()
    for minute, value in enumerate(values, recording.live.first):
        if value == value:  # a minute with a reading
            watch.reading(minute * 60.0, value)
        watch.minute(minute)
    return (time.process_time() - begin) / len(values) * 1e6


def _score(folder: Path, results: Path) -> dict[str, Any]:
    command = [sys.executable, str(folder / "eval.py"), str(folder / "labels"), str(results)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _figures(scored: dict[str, Any], costs: dict[str, float]) -> Iterator[float]:
    found = scored["detections"]
    faults = {name: each["recall"] for name, each in found["by_fault"].items()}
    false = found["false_per_30_days"]
    forecasts = scored["forecasts"]["mean"]
    yield found["mean_recall_of_faults"]
    yield sum(faults[name] for name in ("silent", "stuck", "out_of_range")) / 3
    yield sum(faults[name] for name in ("spike", "unit_change")) / 2
    yield faults["level_shift"]
    yield 10.0 * faults["leak"]
    yield false["all"]
    yield false["quiet"]
    yield found["false_in_no_fault_windows"]["dst"]["false"]
    yield found["by_fault"]["silent"]["delay_min_median"]
    yield forecasts.get("mase_24h", float("nan"))
    yield forecasts.get("mase_7d", float("nan"))
    yield max(cost for cost in costs.values() if cost == cost)  # NaN: too young to be measured


def _table(scored: dict[str, Any], costs: dict[str, float]) -> Iterator[str]:
    yield f"{'fault':14s} {'events':>6s} {'found':>6s} {'recall':>7s} {'own kind':>9s} {'delay, min':>11s}"
    for name, each in scored["detections"]["by_fault"].items():
        delay = "-" if each["delay_min_median"] is None else f"{each['delay_min_median']:.0f}"
        shares = f"{each['recall']:7.3f} {each['own_kind']:9.3f}"
        yield f"{name:14s} {each['events']:6d} {each['found']:6d} {shares} {delay:>11s}"
    yield ""
    yield f"{'series':14s} {'days':>6s} {'found':>8s}  {'false':30s} {'MASE day':>9s} {'week':>6s} {'us':>6s}"
    for name, each in scored["detections"]["by_series"].items():
        false = " ".join(f"{kind} {count}" for kind, count in each["false"].items() if count) or "none"
        made = scored["forecasts"]["by_series"].get(name, {})
        day, week = (made.get(key) or float("nan") for key in ("mase_24h", "mase_7d"))
        found = f"{each['found']}/{each['events']}"
        cost = costs.get(name, float("nan"))
        yield f"{name:14s} {each['days']:6d} {found:>8s}  {false:30s} {day:9.3f} {week:6.3f} {cost:6.1f}"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
