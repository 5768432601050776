"""The text of `/metrics`."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector


def text_of(collector: Collector) -> bytes:
    """Everything that the collector tells, in Prometheus' own format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)
