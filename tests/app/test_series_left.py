"""Outliers whose end nobody would see: what they belong to is not configured any more."""

import json
from pathlib import Path

import pytest
from tests.app.watching import Site, Turned, waving

from edge_mask.app.series import series_for
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.series_rows import SeriesRows
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert
from edge_mask.recording.mail import Post
from edge_mask.settings.load import parse


@pytest.fixture
def before(tmp_path: Path) -> Site:
    """A sensor that is silent when its daemon ends."""
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(10, waving())
        it.live(15, None)
    assert site.alerts() == [("silent", "begun")]
    return site


def changed(before: Site, **what: str) -> Site:
    before.clock.advance(3600)
    return Site(before.folder, clock=before.clock, events=before.events, **what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "what", [{"name": "other"}, {"unit": "l/s"}, {"outliers": "{system: false}"}], ids=["renamed", "unit", "kind"]
)
def test_an_outlier_that_is_not_watched_any_more_is_ended_once(before: Site, what: dict[str, str]) -> None:
    site = changed(before, **what)
    with site.daemon() as it:
        it.live(2, waving(), sensor=site.name)
    assert site.alerts() == [("silent", "begun"), ("silent", "ended")]
    begun, ended = site.said(Alert)
    assert ended.text == "main: flow: not watched for this any more (no readings), after 75 min"
    assert (ended.sensor, ended.unit, ended.deviation.began) == (begun.sensor, begun.unit, begun.deviation.began)
    with site.daemon() as it:
        it.live(2, waving(), sensor=site.name)
    with changed(before).daemon() as it:
        it.live(2, waving())
    assert len(site.alerts()) == 2, "also when it comes back"


def test_an_outlier_is_ended_when_no_series_are_kept_any_more(before: Site) -> None:
    clock = Turned(wall=before.clock.now().wall + 60)
    sensor = f"{{name: t, kind: replay, path: {before.folder / 'r.csv'}}}"
    text = f"outbox: {{path: {before.database}}}\nmqtt: {{transport: none}}\nsensors: [{sensor}]\n"
    settings = parse(text, "t", {})
    said: list[Post] = []
    assert series_for(settings, clock, said.append) is None
    (rows,) = said
    assert isinstance(rows, SeriesRows)
    (ended,) = rows.events
    assert (ended.deviation.reason, ended.deviation.state) == ("silent", "ended")  # type: ignore[union-attr]
    assert json.loads(json.dumps(rows.rows[0].state))["watch"]["open"] == []  # type: ignore[union-attr]
    ledger = Ledger(before.database, Bounds(), "boot")
    ledger.open()
    ledger.commit(Batch(series=list(rows.rows)), clock.now())
    ledger.close()
    assert series_for(settings, clock, said.append) is None
    assert len(said) == 1
