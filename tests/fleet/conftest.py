"""A listener with more patience: these tests run several daemons side by side."""

from collections.abc import Iterator

import pytest
from tests.broker import Mosquitto
from tests.fleet.devices import Listener


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Listener]:
    """Somebody who receives everything that `broker` is told."""
    with Listener(broker.port) as listening:
        yield listening
