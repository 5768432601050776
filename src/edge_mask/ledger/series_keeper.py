"""The series of one file: their numbers, and what is done for them from time to time."""

from sqlalchemy import Connection

from edge_mask.ledger.series_rows import Numbers
from edge_mask.ledger.series_thinning import OldHours, OldReadings, SeriesBounds
from edge_mask.units import Moment

_TEN_MINUTES = 600.0
"""Seconds. Lines are made of summaries up to where the single readings begin."""


class SeriesKeeper:
    """Packs what is over and deletes what is old. The ledger's thread uses it."""

    def __init__(self, bounds: SeriesBounds) -> None:
        self._bounds = bounds
        self._readings = OldReadings()
        self._hours = OldHours()
        self.numbers = Numbers()

    def tidy_up(self, connection: Connection, now: Moment, boot: str) -> bool:
        """A part of it, inside the caller's transaction; True when there is more to do soon. Nothing while the clock is
        not set."""
        known = self.numbers.known
        if not known or not now.synced:
            return False
        from edge_mask.ledger.series_packing import is_of, pack, packed_until  # numpy: not without series

        sensors, raw = self._bounds.sensors, self._bounds.raw
        has_more = pack(connection, self.numbers, sensors, now.wall)
        of = dict.fromkeys((name.sensor, name.quantity) for name in known if is_of(name.sensor, sensors))
        before = min((now.wall - raw) // _TEN_MINUTES * _TEN_MINUTES, packed_until(connection))
        has_more |= self._readings.thin(connection, of, before, raw, now, boot)
        return has_more or self._hours.thin(connection, known.values(), self._bounds, now)
