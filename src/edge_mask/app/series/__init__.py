"""Watches the readings of sensors over months, in one worker.

sensor threads ──reading──▶ Watched.doubts ──▶ an outlier decides nothing at a gate
worker, each minute ──▶ Watched.close ──▶ alerts, records, summaries, forecasts, minutes, state ──▶ inbox, as one
folder beside the database ──▶ criteria and models, which others learn

Nothing but this file is imported while no series are kept.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:  # the process that learns imports this file, too
    from edge_mask.app.series.worker import SeriesWorker
    from edge_mask.recording.mail import Post
    from edge_mask.runtime.clock import Clock
    from edge_mask.settings.model import Settings


def series_for(settings: "Settings", clock: "Clock", emit: "Callable[[Post], None]") -> "SeriesWorker | None":
    """The worker; None while no series are kept. It is started before the sensors and stopped after them."""
    if settings.kept_series is None:
        if _was_left_open(settings.outbox.path):
            _end_what_was_left(settings.outbox.path, clock, emit)
        return None
    from edge_mask.app.series.worker import SeriesWorker

    return SeriesWorker(settings, clock, emit)


def _was_left_open(database: Path) -> bool:
    """Whether series were kept once, and something was wrong with one. Whatever else is wrong with the file is told by
    those who open it next."""
    if not database.exists():
        return False
    with suppress(sqlite3.Error, OSError):
        name = f"file://{quote(os.fsencode(database.resolve()))}?mode=rw"
        with closing(sqlite3.connect(name, uri=True, timeout=5.0)) as connection:
            query = "SELECT 1 FROM series_states WHERE state LIKE '%\"reason\"%' LIMIT 1"
            return connection.execute(query).fetchone() is not None
    return False


def _end_what_was_left(database: Path, clock: "Clock", emit: "Callable[[Post], None]") -> None:
    from edge_mask.app.series.left import end_of_the_left
    from edge_mask.errors import DatabaseError
    from edge_mask.ledger.series_reader import reading

    with suppress(DatabaseError), reading(database) as stored:  # told by those who open it next
        if (left := end_of_the_left(stored, lambda _: None, clock.now())) is not None:
            emit(left)
