"""A history for the pages to show: visitors on working days, a fever, a thermometer with a gap and spikes."""

import json
import math
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from edge_mask.ledger.connections import open_writer
from edge_mask.ledger.schema import migrate

_BOOT = "0" * 32
_DAY = 86400


@dataclass
class History:
    """Writes into the database of a daemon that is not running. The same seed makes the same rows."""

    path: Path
    now: float
    zone: ZoneInfo

    def __post_init__(self) -> None:
        self._random = random.Random(7)
        self._count = 0
        with closing(open_writer(self.path)) as connection:
            migrate(connection)

    def fill(self, days: int = 30) -> None:
        """Visits and alerts of some weeks, readings of one."""
        with closing(sqlite3.connect(self.path)) as database, database:
            for day in range(days):
                self._visitors(database, self.now - day * _DAY)
            self._readings(database)
            for hours, component, code, text in (
                (3, "camera hall", "away", "rtsp://hall.local/stream: no answer for 10 s"),
                (30, "mqtt", "away", "127.0.0.1:1883: connection refused"),
            ):
                self._insert(database, "faults", self.now - hours * 3600, component=component, code=code, text=text)

    def alert(self, at: float, **values: object) -> str:
        """One alert."""
        with closing(sqlite3.connect(self.path)) as database, database:
            return self._insert(database, "alerts", at, **values)

    def fault(self, at: float, **values: object) -> str:
        """One fault."""
        with closing(sqlite3.connect(self.path)) as database, database:
            return self._insert(database, "faults", at, **values)

    def reading(self, at: float, **values: object) -> str:
        """One reading."""
        with closing(sqlite3.connect(self.path)) as database, database:
            return self._insert(database, "readings", at, **{"quality": "good", **values})

    def visit(self, at: float, camera: str = "front", reasons: tuple[str, ...] = (), **more: object) -> str:
        """One visit."""
        with closing(sqlite3.connect(self.path)) as database, database:
            return self._visit(database, at, camera, reasons, **more)

    def restless(self, sensors: Sequence[str], quantities: Sequence[str]) -> None:
        """A day of sensors that jump about, and are often wrong."""
        with closing(sqlite3.connect(self.path)) as database, database:
            for sensor, quantity in product(sensors, quantities):
                for minute in range(0, 1440, 5):
                    is_wrong = self._random.random() < 0.3
                    self._insert(
                        database, "readings", self.now - 60 * minute - 1, sensor=sensor, quantity=quantity, unit="C",
                        value=round(self._random.uniform(-40, 90), 3), quality="stuck" if is_wrong else "good",
                    )  # fmt: skip

    def _visitors(self, database: sqlite3.Connection, day: float) -> None:
        local = datetime.fromtimestamp(day, self.zone).replace(minute=0, second=0, microsecond=0)
        for hour in range(7, 20):
            begins = local.replace(hour=hour).timestamp()
            busy = 9 * math.exp(-((hour - 8.5) ** 2) / 3) + 5 * math.exp(-((hour - 13) ** 2) / 2) + 2
            share = 0.25 if local.weekday() > 4 else 1.0
            for _ in range(round(busy * share * self._random.uniform(0.6, 1.4))):
                at = begins + self._random.uniform(0, 3599)
                if at < self.now - 60:
                    self._visitor(database, at)

    def _visitor(self, database: sqlite3.Connection, at: float) -> None:
        luck = self._random.random()
        reasons = ("no_mask",) if luck < 0.09 else ("incorrect",) if luck < 0.14 else ("fever",) if luck < 0.155 else ()
        heat = self._random.gauss(38.1 if "fever" in reasons else 36.5, 0.2)
        self._visit(database, at, "front", reasons, temperature=round(heat, 1))
        if "fever" in reasons:
            text = f"A visitor at front has {heat:.1f} °C, above 37.5 °C."
            self._insert(
                database,
                "alerts",
                at,
                kind="fever",
                camera="front",
                text=text,
                value=round(heat, 1),
                above=37.5,
                unit="C",
            )

    def _visit(
        self, database: sqlite3.Connection, at: float, camera: str, reasons: tuple[str, ...], **more: object
    ) -> str:
        mask = next((each for each in ("no_mask", "incorrect") if each in reasons), "mask")
        values = {
            "camera": camera,
            "verdict": "no_pass" if reasons else "pass",
            "ispass": 0 if reasons else 1,
            "mask": mask,
            "mask_score": round(self._random.uniform(0.78, 0.99), 4),
            "reasons": json.dumps(reasons),
            "time_to_verdict_ms": self._random.randint(620, 1400),
            **more,
        }
        return self._insert(database, "visits", at, **values)

    def _readings(self, database: sqlite3.Connection) -> None:
        at = self.now - 7 * _DAY
        while at < self.now - 30:
            hour = datetime.fromtimestamp(at, self.zone).hour
            warmth = 21 + 2.5 * math.sin((hour - 9) / 24 * 2 * math.pi)
            is_gap = self.now - 9 * 3600 < at < self.now - 7.5 * 3600
            for sensor, quantity, value, unit in (
                ("hall", "temperature", warmth + self._random.gauss(0, 0.1), "C"),
                ("door", "temperature", warmth - 3 + self._random.gauss(0, 0.2), "C"),
                ("hall", "humidity", 46 + 4 * math.cos(hour / 4) + self._random.gauss(0, 0.3), "%"),
            ):
                if is_gap and sensor == "hall":
                    continue
                is_wrong = self._random.random() < 0.0012
                self._insert(
                    database, "readings", at, sensor=sensor, quantity=quantity, unit=unit,
                    value=round(value + (8 if is_wrong else 0), 2), quality="out_of_range" if is_wrong else "good",
                )  # fmt: skip
            at += 300

    def _insert(self, database: sqlite3.Connection, table: str, at: float, **values: object) -> str:
        self._count += 1
        row = {"id": f"{int(at * 1000):012x}"[:8] + f"-0000-7000-8000-{self._count:012x}", **values}
        row |= {"wall": at, "mono": 0.0, "synced": 1, "boot": _BOOT}
        names, places = ", ".join(row), ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))
        return str(row["id"])
