"""The demo's own broker: there at once, gone without a trace."""

import socket
import threading
from concurrent.futures import Future

import pytest
from tests.deliver.stages import States, note
from tests.waiting import PATIENCE

from edge_mask.deliver.paho import PahoTransport
from edge_mask.demo.broker import HOST, EmbeddedBroker
from edge_mask.messages import Message, Outcome
from edge_mask.units import Seconds


def test_messages_pass_through_and_nothing_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    broker = EmbeddedBroker()
    broker.start()
    states = States()
    client = PahoTransport(host=HOST, port=broker.port, client_id="demo", version="3.1.1", on_state=states)
    heard: Future[Message] = Future()
    client.subscribe("edge-mask/#", heard.set_result)
    client.open()
    states.wait_until(True)
    assert client.send(note(b'{"id":"1"}')).result(PATIENCE).outcome is Outcome.DELIVERED
    assert heard.result(PATIENCE).payload == b'{"id":"1"}'
    client.close(Seconds(2.0))
    broker.stop()
    broker.stop()
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, broker.port)) != 0
    assert threading.active_count() == threads
    assert capfd.readouterr() == ("", "")


def test_a_broker_that_still_has_clients_stops_as_well() -> None:
    broker = EmbeddedBroker()
    broker.start()
    states = States()
    client = PahoTransport(host=HOST, port=broker.port, client_id="demo", version="3.1.1", on_state=states)
    client.open()
    states.wait_until(True)
    broker.stop()
    states.wait_until(False)
    client.close(Seconds(2.0))
