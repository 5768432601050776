"""Rules in evaluations per CPU second, beside ministack: `python benchmarks/rules.py [--seconds S] [--json]`.

Every figure is JSON in, JSON out, on one core, in CPU time. Ours and the peer's take turns in one process, so that what
disturbs one disturbs both; printed are medians. The peer (`pip install .[bench]`) is left out where it is not
installed. Its own steps are called in the order of its dispatch: filter, payload, projection, WHERE. Exit 1 when a
promised figure is not reached.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mask.messages import Priority
from edge_mask.rules.effects import Incoming
from edge_mask.rules.rule_set import RuleSet
from edge_mask.sql import NO_MATCH, Context, compile_rule, to_payload

TOPIC = "kf99/topic"
PAYLOAD = json.dumps(
    {
        "id": "0190c3f2-5b3c-7aaa-bbbb-0123456789ab",
        "seq": 12345,
        "thing": "gate-01",
        "ts": "2026-11-20T09:15:23.123Z",
        "v": 1,
        "sensor": "forehead",
        "temperature": 37.7,
        "unit": "C",
        "place": {"camera": "front", "zone": [0.1, 0.2, 0.8, 0.9], "floor": 2},
        "note": "measured at the entrance, door on the left",
        "late": True,
    }
).encode()
CONTEXT = Context(timestamp=1_700_000_000_000, client_id="gate-01")

HOT = f"SELECT * FROM '{TOPIC}' WHERE temperature > 30"
FOUR_FUNCTIONS = (
    "SELECT upper(thing) AS thing, round(temperature) AS whole, concat(sensor, '-', unit) AS source, md5(id) AS hash,"
    f" temperature FROM '{TOPIC}' WHERE temperature > 30"
)
BOTH_CAN = (
    HOT,
    f"SELECT * FROM '{TOPIC}' WHERE temperature > 40",
    f"SELECT temperature AS t, thing FROM '{TOPIC}'",
    f"SELECT *, topic() AS source FROM '{TOPIC}' WHERE temperature > 30 AND unit = 'C'",
    f"SELECT replace(thing, '-', '_') AS thing, topic(2) AS kind, timestamp() AS at FROM '{TOPIC}'",
    f"SELECT place.camera AS camera FROM '{TOPIC}' WHERE regexp_matches(sensor, '^fore')",
)
TRANSFORM_FLOOR, HOT_FLOOR, MANY_CEILING, PEER_FLOOR = 25_000, 60_000, 3.0, 4.0

Run = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One figure and what was promised of it."""

    name: str
    figure: float
    unit: str
    promised: str
    is_reached: bool


def ours(sql: str) -> Run:
    """One evaluation: topic, payload bytes and context in, payload bytes out."""
    rule = compile_rule(sql, "2016-03-23")

    def run() -> Any:
        value = rule.evaluate(TOPIC, PAYLOAD, CONTEXT)
        return None if value is NO_MATCH else to_payload(value)

    return run


def peer(sql: str) -> Run | None:
    """The same with ministack; None where it is not installed."""
    try:
        from ministack.services import iot
    except ImportError:
        return None

    def run() -> Any:
        if not iot._subscription_matches(iot._rule_topic_filter(sql), TOPIC):
            return None
        message = iot._rule_message(PAYLOAD)
        event = iot._rule_event(sql, TOPIC, PAYLOAD, "gate-01", message=message)
        where = iot._rule_where_clause(sql)
        if where and not iot._eval_where(where, TOPIC, PAYLOAD, message, "gate-01"):
            return None
        return json.dumps(event).encode()

    return run


def _other_rule(number: int, *, one_topic: bool) -> str:
    return HOT.replace("30", str(number * 100)) if one_topic else HOT.replace(TOPIC, f"site{number}/+/readings")


def many(count: int, folder: Path, *, one_topic: bool = False) -> Run:
    """`count` rules of which one matches, as the daemon runs them: effects out."""
    rules = {
        f"r{n}": {
            "sql": _other_rule(n, one_topic=one_topic) if n else HOT,
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"republish": {"topic": "kf99/alarm", "qos": 1}}],
        }
        for n in range(count)
    }
    path = folder / f"{count}-{one_topic}.json"
    path.write_text(json.dumps(rules), "utf-8")
    rule_set = RuleSet.load([path])
    incoming = Incoming(topic=TOPIC, payload=PAYLOAD, priority=Priority.TELEMETRY, context=CONTEXT)
    return lambda: rule_set.apply(incoming)


def rates(runs: list[Run], seconds: float) -> list[float]:
    """Calls per CPU second of each, measured in turns; medians over the turns."""
    batches = [_batch(run) for run in runs]
    turns: list[list[float]] = [[] for _ in runs]
    end = time.process_time() + seconds
    while time.process_time() < end or len(turns[0]) < 5:
        for run, batch, seen in zip(runs, batches, turns, strict=True):
            started = time.process_time()
            for _ in range(batch):
                run()
            seen.append(batch / (time.process_time() - started))
    return [statistics.median(seen) for seen in turns]


def _batch(run: Run) -> int:
    """So many calls that a turn takes some ten milliseconds."""
    started, calls = time.process_time(), 0
    while time.process_time() - started < 0.02:
        run()
        calls += 1
    return max(calls, 1)


def measure(seconds: float) -> list[Row]:
    """Every figure of this benchmark."""
    hot, four = rates([ours(HOT), ours(FOUR_FUNCTIONS)], seconds)
    rows = [
        Row("one rule, SELECT * WHERE temperature > 30", hot, "/s", f">= {HOT_FLOOR}", hot >= HOT_FLOOR),
        Row("one rule with four functions", four, "/s", f">= {TRANSFORM_FLOOR}", four >= TRANSFORM_FLOOR),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        one, hundred, crowd = rates([many(1, path), many(100, path), many(100, path, one_topic=True)], seconds)
    ratio = one / hundred
    rows += [
        Row("a set of one rule, with its effects", one, "/s", "", True),
        Row("cost of 100 rules by one, one topic matching", ratio, "x", f"< {MANY_CEILING}", ratio < MANY_CEILING),
        Row("cost of 100 rules by one, all on one topic, one WHERE true", one / crowd, "x", "", True),
    ]
    return rows + _beside_the_peer(seconds)


def _beside_the_peer(seconds: float) -> list[Row]:
    rows: list[Row] = []
    ratios = []
    for sql in BOTH_CAN:
        theirs = peer(sql)
        if theirs is None:
            print("ministack is not installed: no comparison", file=sys.stderr)
            return rows
        mine = ours(sql)
        assert _read(mine()) == _read(theirs()) or "timestamp()" in sql, sql
        a, b = rates([mine, theirs], seconds / 2)
        ratios.append(a / b)
        rows.append(Row(f"{sql[:60]} (ministack {b:,.0f}/s)", a / b, "x", f">= {PEER_FLOOR}", a / b >= PEER_FLOOR))
    rows.append(Row("all of these", statistics.geometric_mean(ratios), "x", "", True))
    return rows


def _read(payload: bytes | None) -> Any:
    return None if payload is None else json.loads(payload)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU seconds for each comparison")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.seconds)
    if arguments.json:
        print(json.dumps([vars(row) for row in rows], indent=2))
    else:
        print(f"payload of {len(PAYLOAD)} bytes")
        for row in rows:
            mark = "" if row.is_reached else "   NOT REACHED"
            print(f"{row.figure:12,.2f} {row.unit:3} {row.name:90} {row.promised}{mark}")
    return 0 if all(row.is_reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
