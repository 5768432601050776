"""How long a question takes to another device and its answer back, at QoS 1: with TCP_NODELAY and without.

    python -m benchmarks.round_trip [--bytes 27000] [--count 200]

Who is asked acknowledges the question and sends the answer: two small packets. Without TCP_NODELAY the second one waits
until the first is acknowledged, which the other side delays by 40 ms; the same at the broker. All four figures are from
one run: only their ratios mean something on another machine.
"""

import argparse
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from unittest import mock

from tests.broker import HOST, Mosquitto

from edge_mask.deliver import paho_client
from edge_mask.deliver.paho import PahoTransport
from edge_mask.messages import Message, Priority
from edge_mask.units import Seconds

_PATIENCE = 10.0


def main() -> None:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description="Round trip at QoS 1, with TCP_NODELAY and without.")
    wanted.add_argument("--bytes", type=int, default=27_000)
    wanted.add_argument("--count", type=int, default=200)
    arguments = wanted.parse_args()
    print(f"{arguments.count} questions of {arguments.bytes} bytes at QoS 1, one after the other")
    for at_broker in (False, True):
        options = ("set_tcp_nodelay true",) if at_broker else ()
        with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker", options=options) as broker:
            for here in (False, True):
                with _sockets(nodelay=here):
                    seconds = _measured(broker.port, arguments.bytes, arguments.count)
                print(f"TCP_NODELAY here {_word(here)}, at the broker {_word(at_broker)}: {_figures(seconds)}")


@contextmanager
def _sockets(*, nodelay: bool) -> Iterator[None]:
    """The daemon's sockets as they are, or as the system opens them."""
    kept = paho_client._set_up_socket

    def undone(opened: object) -> None:
        kept(opened)
        assert isinstance(opened, socket.socket)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    with mock.patch.object(paho_client, "_set_up_socket", kept if nodelay else undone):
        yield


def _measured(port: int, size: int, count: int) -> list[float]:
    """Seconds until each answer was there."""
    answers: SimpleQueue[Message] = SimpleQueue()
    asking, asked = _connected(port, "asking"), _connected(port, "asked")
    asking.subscribe("answers", answers.put)

    def answer(_question: Message) -> None:
        asked.send(_message("answers", b"{}"))

    asked.subscribe("questions", answer)
    for each in (asking, asked):
        each.send(_message("other", b"")).result(_PATIENCE)  # the subscription came before
    took = []
    for _ in range(count):
        began = time.perf_counter()
        asking.send(_message("questions", b"x" * size))
        answers.get(timeout=_PATIENCE)
        took.append(time.perf_counter() - began)
    for each in (asking, asked):
        each.close(Seconds(2.0))
    return took


def _message(topic: str, payload: bytes) -> Message:
    return Message(topic=topic, payload=payload, priority=Priority.EVIDENCE, qos=1)


def _connected(port: int, client_id: str) -> PahoTransport:
    told: SimpleQueue[bool] = SimpleQueue()
    transport = PahoTransport(
        host=HOST, port=port, client_id=client_id, on_state=lambda connected, _reason: told.put(connected)
    )
    transport.open()
    assert told.get(timeout=_PATIENCE), "no connection"
    return transport


def _word(is_on: bool) -> str:
    return "on " if is_on else "off"


def _figures(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"median {1000 * statistics.median(ordered):6.2f} ms, p99 {1000 * ordered[int(0.99 * len(ordered))]:6.2f} ms"


if __name__ == "__main__":
    main()
