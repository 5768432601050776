"""What the settings say of a series."""

from contextlib import closing
from pathlib import Path

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.app.series.sites import Sites
from edge_mask.app.series.watched import Watched
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import SeriesKey
from edge_mask.settings.load import parse

GATE = """
outbox: {path: %s}
mqtt: {host: h}
cameras: [{name: front, source: "images:x"}]
gate: {temperature_sensor: door, fever_above: 37.5}
sensors:
- {name: door, kind: mqtt, topic: a/b, quantity: temperature, unit: C, outliers: {}}
- {name: cellar, kind: mqtt, topic: a/c, quantity: temperature, unit: C, outliers: {}}
"""


def test_what_healthy_visitors_taught_makes_no_fever_an_outlier(tmp_path: Path) -> None:
    database = tmp_path / "edge-mask.db"
    with closing(Ledger(database, Bounds(), "boot")) as ledger:
        ledger.open()
    sites, clock = Sites(parse(GATE % database, "test.yaml", {})), ManualClock(wall=1_790_000_000.0)
    doubted = {}
    for name in ("door", "cellar"):
        site = sites.of(SeriesKey(name, "temperature"))
        assert site is not None
        folder = SeriesFolder(database, site)
        folder.add(Criteria(min=36.0, max=37.2, max_step=0.4, version=1))
        watched = Watched(site, folder, clock, lambda _fault: None)
        with reading(database) as kept:
            watched.begin(kept, clock.now())
        readings = [Reading(name, "temperature", value, "C", clock.now()) for value in (36.4, 38.9, 60.0)]
        doubted[name] = [watched.doubts(each) for each in readings]
    assert doubted == {"door": [False, False, True], "cellar": [False, True, True]}
