"""When something was wrong with a series, as its alerts tell it."""

from edge_mask.ledger.deviations import deviation_of
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import SeriesReader
from edge_mask.ledger.soundness import is_time

Span = tuple[float, float]
_SPOILS = frozenset({"stuck", "spike", "step", "level", "drift", "leak"})


def spans_in_doubt(stored: SeriesReader, name: SeriesName, now: float) -> list[Span]:
    """From the begin of an outlier to its end, in Unix seconds; what lasts ends now. Nothing is to be learned there."""
    begun: dict[tuple[str, float], Span] = {}
    for wall, text in stored.outliers(name):
        found = deviation_of(text)
        if found is None or found.quantity != name.quantity or found.reason not in _SPOILS or not is_time(found.began):
            continue
        end = wall if found.state == "ended" and is_time(wall) else now
        begun[found.reason, found.began] = (found.began, end)
    return list(begun.values())
