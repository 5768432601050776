"""Fixtures for every room: a real broker and somebody who listens to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.broker import Mosquitto, Subscriber

# No test fails because the machine is busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto of this test's own, on loopback, stopped at the end."""
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    """Somebody who receives everything that `broker` is told."""
    with Subscriber(broker.port) as listening:
        yield listening
