"""Bytes a day on the link by `series.send`: a flow and a pressure, read each ten seconds.

python -m benchmarks.series_link

The flow follows a day with noise and is still for hours at night, as a house is; its resolution is 0.01 m3/h, that of
the pressure 0.01 bar. Counted is what MQTT 3.1.1 writes for each message at QoS 1, packet header and acknowledgement
included, below that neither TCP nor TLS.
"""

import math
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from edge_mask.app.series.telling import Telling
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Reading
from edge_mask.recording.by_exception import Sending
from edge_mask.recording.intake import Intake
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import SeriesKey, Site
from edge_mask.series.watch import Watch
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

DAY, EVERY, BEGIN = 86400, 10, 1_790_035_200
_PACKET = 2 + 2 + 2 + 4
"""Bytes of a PUBLISH beside topic and payload (header, length of the topic, packet identifier), and of its PUBACK."""


def day() -> Iterator[tuple[int, str, str, float]]:
    noise = random.Random(1)
    flow = pressure = 0.0
    for second in range(0, DAY, EVERY):
        hour = second / 3600
        wanted = 0.8 + max(0.0, math.sin((hour - 5.0) / 24 * 2 * math.pi)) * 11.0
        if second % 30 == 0:  # the meter renews its register more slowly than it is asked
            flow = round(max(0.0, wanted + noise.gauss(0.0, 0.05 * wanted)), 2) if hour >= 5 else 0.8
            pressure = round(4.2 - 0.05 * wanted + noise.gauss(0.0, 0.012), 2)
        yield second, "flow", "m3/h", flow
        yield second, "pressure", "bar", pressure


def events() -> Iterator[Event]:
    """Readings and summaries of one day, as the daemon makes them."""
    units = {"flow": "m3/h", "pressure": "bar"}
    sites = {q: Site(key=SeriesKey("main", q), unit=u, zone=_utc(), kinds=frozenset()) for q, u in units.items()}
    watches = {quantity: Watch(site, Criteria()) for quantity, site in sites.items()}
    tellings = {quantity: Telling(site) for quantity, site in sites.items()}
    minute = BEGIN // 60
    for second, quantity, unit, value in day():
        at = Moment(Seconds(float(second)), Unix(float(BEGIN + second)))
        while (BEGIN + second) // 60 > minute:
            for name, watch in watches.items():
                yield from tellings[name].events(watch.minute(minute), watch.open, at)
            minute += 1
        watches[quantity].reading(at.wall, value)
        yield Reading("main", quantity, value, unit, at)


def sent(send: Literal["all", "changes", "summaries"], band: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "db", Bounds(), "boot")
        ledger.open()
        topics = Topics("edge-mask/{thing}", "pump-01")
        intake = Intake(
            thing="pump-01", topics=topics, sequences=ledger.sequences, shadows=ledger.shadows, boot="boot",
            new_id=IdMaker().make, sending=Sending(send, band),
        )  # fmt: skip
        for event in events():
            for row in intake.admit(event).outgoing:
                message = row.message
                length = 4 + len(message.topic) + len(message.payload)
                found["messages"] += 1
                found["bytes"] += _PACKET + (1 if length < 128 else 2) - 1 + len(message.topic) + len(message.payload)
        ledger.close()
    return found


def _utc() -> Any:
    from datetime import UTC

    return UTC


def main() -> None:
    print("| `series.send` | messages a day | MB a day |\n|---|---|---|")
    for send, band, shown in (
        ("all", None, "`all`"),
        ("changes", None, "`changes`"),
        ("changes", {"flow": 0.5, "pressure": 0.05}, "`changes`, `dead_band: {flow: 0.5, pressure: 0.05}`"),
        ("summaries", None, "`summaries`"),
    ):
        found = sent(send, band)  # type: ignore[arg-type]
        print(f"| {shown} | {found['messages']:,} | {found['bytes'] / 1e6:.2f} |")


if __name__ == "__main__":
    main()
