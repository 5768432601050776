"""When something was wrong with a series, as its alerts tell it."""

import math

from edge_mask.ledger.deviations import deviation_of
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import SeriesReader
from edge_mask.ledger.soundness import is_time

Span = tuple[float, float]
_SPOILS = frozenset({"stuck", "spike", "step", "level", "drift", "leak"})


def spans_in_doubt(stored: SeriesReader, name: SeriesName) -> list[Span]:
    """From the begin of an outlier to its end, in Unix seconds; what lasts has none. Nothing is to be learned there."""
    begun: dict[tuple[str, float], Span] = {}
    for wall, text in stored.outliers(name.sensor):
        found = deviation_of(text)
        if found is None or found.quantity != name.quantity or found.reason not in _SPOILS:
            continue
        end = wall if found.state == "ended" and is_time(wall) else math.inf
        begun[found.reason, found.began] = (found.began, end)
    return list(begun.values())
