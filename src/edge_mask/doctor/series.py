"""What is stored and learned of each series, and what its site lets one see."""

import time
from collections.abc import Sequence

from edge_mask.doctor.finding import Finding
from edge_mask.settings.model import Settings


def series(settings: Settings) -> Sequence[Finding]:
    """One finding for each series. Raises DatabaseError."""
    from edge_mask.app.series.overview import abilities, amount, overviews  # not where none are kept

    now = time.time()
    found = []
    for each in overviews(settings):
        text = "; ".join((amount(each, now), *abilities(each, now)))
        part = f"series {each.site.key.sensor} {each.site.key.quantity}"
        found.append(Finding(part, "warning" if each.problems else "ok", text))
    return found
