"""Times without an offset, where the site's clocks show them twice or leave them out: as the commands take them."""

from datetime import datetime
from pathlib import Path

import pytest
from tests.ledger.rows import visit
from tests.web.asking import asking
from tests.web.recorded import house

from edge_mask.units import Moment, Seconds, Unix

SEEN = (
    "2026-03-29T00:45:00+00:00",  # 1:45 in Berlin, whose clocks go from 2:00 to 3:00
    "2026-03-29T01:15:00+00:00",  # 3:15
    "2026-10-25T00:10:00+00:00",  # ten past two in summer time
    "2026-10-25T01:10:00+00:00",  # and an hour later
)


@pytest.mark.parametrize(
    ("since", "until", "visits"),
    [
        ("2026-10-25T02:05", "2026-10-25T02:20", ["v3", "v2"]),  # from the first 2:05 to the second 2:20
        ("2026-10-25T02:05%2B01:00", "2026-10-25T02:20", ["v3"]),
        ("2026-10-25T02:05", "2026-10-25T02:20%2B02:00", ["v2"]),
        ("2026-03-29T02:30", "2026-03-29T02:30", ["v1", "v0"]),  # no such time: from 1:30 to 3:30
        ("2026-03-29T02:30", "2026-03-29T03:10", ["v0"]),
    ],
)
def test_a_period_begins_with_the_earlier_and_ends_with_the_later_time_that_may_be_meant(
    tmp_path: Path, since: str, until: str, visits: list[str]
) -> None:
    seen = [Moment(Seconds(0.0), Unix(datetime.fromisoformat(when).timestamp())) for when in SEEN]
    judged = [(f"v{n}", visit(when)) for n, when in enumerate(seen)]
    reader = asking(house(tmp_path, *judged, zone="Europe/Berlin"), bearer="read")
    found = reader.get(f"/api/v1/visits?from={since}&to={until}").json()
    assert [each["id"] for each in found["items"]] == visits
