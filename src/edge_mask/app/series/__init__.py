"""Watches the readings of sensors over months, in one worker.

sensor threads ──reading──▶ Watched.doubts ──▶ an outlier decides nothing at a gate
worker, each minute ──▶ Watched.close ──▶ alerts, records, summaries, forecasts, minutes, state ──▶ inbox, as one
folder beside the database ──▶ criteria and models, which others learn

Nothing but this file is imported while no series are kept.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that learns imports this file, too
    from edge_mask.app.series.worker import SeriesWorker
    from edge_mask.recording.mail import Post
    from edge_mask.runtime.clock import Clock
    from edge_mask.settings.model import Settings


def series_for(settings: "Settings", clock: "Clock", emit: "Callable[[Post], None]") -> "SeriesWorker | None":
    """The worker; None while no series are kept. It is started before the sensors and stopped after them."""
    if settings.kept_series is None:
        return None
    from edge_mask.app.series.worker import SeriesWorker

    return SeriesWorker(settings, clock, emit)
