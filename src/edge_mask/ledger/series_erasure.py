"""Erasing minutes: where the sensor that measures people has a series, its means tell of them, too."""

from sqlalchemy import Connection

from edge_mask.ledger.series_numbers import HOUR_S, LAST_HOUR, MINUTE_S, MOST_SERIES, hour_of, hour_row, minute_row

_IN_HOUR = HOUR_S // MINUTE_S


def erase_minutes(connection: Connection, sensor: str | None, first: float, last: float) -> int:
    """Blank what the series of this sensor know of `first` to `last` (Unix seconds), and every summary with a part of
    it, inside the caller's transaction; how many rows were changed.

    What is forecast from it, and what a watch remembers, goes as well.
    """
    if sensor is None or last < first:
        return 0
    begins, ends = max(0, int(first // MINUTE_S)), min(LAST_HOUR * _IN_HOUR, int(last // MINUTE_S))
    changed = 0
    for (series,) in connection.exec_driver_sql("SELECT id FROM series WHERE sensor = ?", (sensor,)).all():
        period = (minute_row(begins, 0), minute_row(ends + 1, 0), MOST_SERIES - 1, series)
        changed += connection.exec_driver_sql(
            "DELETE FROM series_minutes WHERE id >= ? AND id < ? AND id & ? = ?", period
        ).rowcount
        changed += _blank(connection, series, begins, ends)
        connection.exec_driver_sql("DELETE FROM series_states WHERE id = ?", (series,))
        which = (hour_row(series, 0), hour_row(series, LAST_HOUR))
        connection.exec_driver_sql("DELETE FROM series_forecasts WHERE id BETWEEN ? AND ?", which)
    return changed


def _blank(connection: Connection, series: int, begins: int, ends: int) -> int:
    from edge_mask.ledger.series_hour import unpacked  # numpy: not without series

    whole = (hour_row(series, -(-begins // _IN_HOUR)), hour_row(series, (ends + 1) // _IN_HOUR))
    changed = connection.exec_driver_sql("DELETE FROM series_hours WHERE id >= ? AND id < ?", whole).rowcount
    period = (hour_row(series, begins // _IN_HOUR), hour_row(series, ends // _IN_HOUR))
    query = "SELECT id, minutes, summaries, checksum FROM series_hours WHERE id BETWEEN ? AND ?"
    for row, *columns in connection.exec_driver_sql(query, period).all():
        hour, starts = unpacked(row, *columns), hour_of(row) * _IN_HOUR
        if hour is not None:
            hour.blank(max(0, begins - starts), min(_IN_HOUR - 1, ends - starts))
        if hour is None or hour.is_empty:
            connection.exec_driver_sql("DELETE FROM series_hours WHERE id = ?", (row,))
        else:
            written = "UPDATE series_hours SET minutes = ?, summaries = ?, checksum = ? WHERE id = ?"
            connection.exec_driver_sql(written, (*hour.packed(row), row))
        changed += 1
    return changed
