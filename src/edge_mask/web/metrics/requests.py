"""Requests to the page, counted by route: the path that was asked for would be a label without bounds.

Counts from the beginning; the library for the text comes with the first scrape.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_mask.observe.tally import Labels

if TYPE_CHECKING:
    from prometheus_client.core import Metric

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Requests:
    """Lives over the houses, as the tally does. Any thread."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str, str]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def answered(self, route: str | None, method: str, code: int, seconds: float) -> None:
        """`route`: as it was declared (`/api/v1/visits/{id}`), None when nothing lies there."""
        labels = route or OTHER, method if method in METHODS else OTHER, str(code)
        with self._lock:
            self._answers[labels] += 1
            self._seconds[labels[0]] += seconds

    def __call__(self) -> "Iterator[Metric]":
        from prometheus_client.core import SummaryMetricFamily

        from edge_mask.web.metrics.families import PREFIX, counter

        with self._lock:
            answers: dict[Labels, float] = dict(self._answers.items())
            seconds = dict(self._seconds)
        yield counter("http_requests", "Answers to requests.", ("route", "method", "code"), answers)
        text = "Time until the answer began."
        family = SummaryMetricFamily(f"{PREFIX}http_request_seconds", text, labels=("route",))
        for route, total in sorted(seconds.items()):
            count = int(sum(number for labels, number in answers.items() if labels[0] == route))
            family.add_metric((route,), count, total)
        yield family
