"""A house of which everything is known, for `/metrics`."""

from edge_mask.messages import Alert, Fault, Look, Quality, Reading, Visit
from edge_mask.observe.machine import Usage
from edge_mask.observe.tally import Tally
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.web.metrics.figures import HouseFigures, OutboxFigures, RuleFigures

NOW = Moment(Seconds(100.0), Unix(1_795_953_424.0), synced=True)


def busy_tally() -> Tally:
    tally = Tally()
    for second in (98.0, 99.0, 100.0):
        tally.looked("front", Seconds(second), 12.5)
    tally.recorded(visit())
    tally.recorded(visit(verdict="no_pass", reasons=("fever", "no_mask"), time_to_verdict_ms=2400))
    tally.recorded(Alert(at=NOW, kind="fever", text="hot", camera="front", value=38.2))
    tally.recorded(Look(at=NOW, camera="hall", faces=2, no_mask=1, streak=1))
    tally.recorded(Fault(at=NOW, component="camera front", code="away", text="gone"))
    tally.recorded(Reading("forehead", "temperature", 97.7, "F", NOW))
    tally.recorded(Reading("line", "pressure", 3.5, "bar", NOW))
    tally.recorded(Reading("line", "pressure", 99.0, "bar", NOW, Quality.OUT_OF_RANGE))
    return tally


def visit(**changes: object) -> Visit:
    fields: dict[str, object] = {
        "at": NOW, "camera": "front", "verdict": "pass", "mask": "mask", "mask_score": 0.9, "temperature": 36.5,
        "time_to_verdict_ms": 820,
    }  # fmt: skip
    return Visit(**{**fields, **changes})  # type: ignore[arg-type]


def whole_house() -> HouseFigures:
    return HouseFigures(
        now=NOW,
        started=1_795_950_000.0,
        gates=("front",),
        rooms=("hall",),
        cameras={"front": True, "hall": False},
        sensors={"forehead": True, "line": True},
        replaced={("front",): 7},
        shared={("offered",): 9, ("answered",): 8},
        second_looks={"agreed": 3, "changed": 1},
        outbox=OutboxFigures(
            pending=3, bytes=900, oldest_s=12.5, refused=1, dropped={"age": 4, "space": 0}, not_told={"quiet": 6}
        ),
        live_dropped=5,
        is_connected=True,
        certificates={"mqtt": 1_800_000_000.0},
        rules={"hot": RuleFigures(matched=9, failed=2, is_set_aside=True)},
        usage=Usage(
            node_busy=1000.0,
            node_cores=4,
            memory_size=4_000,
            memory_available=3_000,
            process_cpu=20.5,
            rss=900,
            threads=12,
        ),
        uptime_s=86_412.7,
        soc_temperature=54.2,
        disk=(32_000, 16_000),
        thing="gate-01",
        version="0.1.0",
        model=("mask-detector", "3"),
    )
