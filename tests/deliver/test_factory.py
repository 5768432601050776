"""From the section `mqtt` to a connection that sends and hears, without naming a library."""

from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.broker import HOST, Mosquitto, Subscriber
from tests.deliver.stages import States, note
from tests.waiting import PATIENCE

from edge_mask.deliver.factory import transport_for
from edge_mask.messages import Message, Outcome
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.sending import Mqtt
from edge_mask.units import Seconds

pytestmark = pytest.mark.broker


def test_what_is_subscribed_to_before_the_connection_is_heard_on_each_one(tmp_path: Path) -> None:
    heard: list[Future[Message]] = [Future(), Future()]
    arrivals = iter(heard)
    states = States()
    with Mosquitto(tmp_path / "mosquitto") as broker:
        section = Mqtt(host=HOST, port=broker.port)
        transport = transport_for(section, client_id="gate-01", clock=SystemClock(), on_state=states)
        transport.subscribe("commands/+", lambda message: next(arrivals).set_result(message))
        transport.open()
        for number, arrival in enumerate(heard):
            states.wait_for(lambda told, n=number: [is_there for is_there, _ in told].count(True) > n)  # type: ignore[misc]
            assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED  # the subscription came before
            with Subscriber(broker.port) as other:
                other.publish("commands/status", str(number).encode())
            assert arrival.result(PATIENCE).payload == str(number).encode()
            if number == 0:
                broker.stop()
                broker.start()
        transport.close(Seconds(2.0))


def test_the_configured_client_id_counts_before_the_thing_name(tmp_path: Path) -> None:
    states = States()
    with Mosquitto(tmp_path / "mosquitto") as broker:
        section = Mqtt(host=HOST, port=broker.port, client_id="front-door")
        transport = transport_for(section, client_id="gate-01", clock=SystemClock(), on_state=states)
        transport.open()
        states.wait_until(True)
        transport.close(Seconds(2.0))
    assert any("as front-door" in line for line in broker.log)
