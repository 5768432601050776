"""Short ways to make families of metrics by the conventions: one prefix, base units, counters with `_total`."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from edge_mask.observe.spread import Spread
from edge_mask.observe.tally import Labels
from edge_mask.redact import legible

PREFIX = "edge_mask_"


def counter(name: str, text: str, labels: Labels, values: Mapping[Labels, float]) -> Metric:
    """`name` without `_total`, which the library adds."""
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for each, value in sorted(values.items()):
        family.add_metric(_legible(each), value)
    return family


def gauge(name: str, text: str, labels: Labels, values: Mapping[Labels, float]) -> Metric:
    """A value that goes up and down."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for each, value in sorted(values.items()):
        family.add_metric(_legible(each), value)
    return family


def one(name: str, text: str, value: float | None) -> Iterable[Metric]:
    """A gauge without labels; nothing at all while its value is not known."""
    return () if value is None else (gauge(name, text, (), {(): value}),)


def info(name: str, text: str, labels: Mapping[str, str]) -> Metric:
    """What does not count: its labels tell, its value is 1."""
    return gauge(f"{name}_info", text, tuple(labels), {tuple(labels.values()): 1.0})


def histogram(name: str, text: str, labels: Labels, spreads: Mapping[Labels, Spread]) -> Metric:
    """In seconds."""
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for each, spread in sorted(spreads.items()):
        buckets, total = spread.cumulative()
        family.add_metric(_legible(each), buckets, total)
    return family


def _legible(labels: Labels) -> Labels:
    """Names may come from outside, and one that is no text must not take all others with it."""
    return tuple(map(legible, labels))
