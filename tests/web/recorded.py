"""A house with a history, for tests of what is read of it."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.ledger.rows import BOOT, batch, moment, reading, visit
from tests.web.asking import site

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Fault, Quality
from edge_mask.settings.model import Settings
from edge_mask.web.site import Site

PICTURE = "20260921T000000.000Z-front-no-mask.jpg"
JPEG = b"\xff\xd8\xff\xe0 what was seen"
START = moment().wall


def record(folder: Path, *events: tuple[str, Event]) -> None:
    """Into the database of that house."""
    with closing(Ledger(folder / "edge-mask.db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=events), moment())


def house(folder: Path, *events: tuple[str, Event], zone: str = "Asia/Seoul", **parts: Any) -> Site:
    """One with two cameras."""
    record(folder, *events)
    made = Settings.model_validate(
        {
            "device": {"thing_name": "gate-01", "timezone": zone},
            "outbox": {"path": str(folder / "edge-mask.db")},
            "snapshots": {"dir": str(folder / "snapshots")},
            "cameras": [
                {"name": "front", "source": "usb:0", "role": "gate"},
                {"name": "hall", "source": "rtsp://user:secret@10.0.0.7/1", "role": "cctv"},
            ],
        }
    )
    return site(folder, settings=made, **parts)


def events() -> list[tuple[str, Event]]:
    """Six visits, two alerts, a fault, three readings."""
    pictured = replace(visit(moment(6), "no_pass"), snapshot=PICTURE)
    return [
        *((f"v{n}", visit(moment(n), "pass" if n % 2 else "no_pass")) for n in range(1, 6)), ("v6", pictured),
        ("a1", Alert(at=moment(1), kind="fever", text="38.5", camera="front", value=38.5, snapshot=PICTURE)),
        ("a2", Alert(at=moment(2, synced=True), kind="outlier", text="spike", sensor="hall")),
        ("f1", Fault(at=moment(3), component="camera front", code="away", text="is away")),
        ("r1", reading(36.5, moment(4))), ("r2", replace(reading(1.0, moment(5)), sensor="hall", quantity="flow")),
        ("r3", replace(reading(99.0, moment(6)), quality=Quality.OUT_OF_RANGE)),
    ]  # fmt: skip
