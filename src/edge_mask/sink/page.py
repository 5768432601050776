"""`/metrics`, `/healthz` and `/readyz` of the sink, for Prometheus and whoever runs containers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from edge_mask.errors import Refused
from edge_mask.runtime.worker import Job
from edge_mask.sink.tally import LAGS, Tally

_PATIENCE: Final = 5.0
"""Seconds for a step of a request."""
_AT_ONCE: Final = 16
_PREFIX: Final = "edge_mask_sink_"


class Figures(Collector):
    """The tally as Prometheus reads it."""

    def __init__(self, tally: Tally, more: Callable[[], Iterator[Metric]] | None = None) -> None:
        self._tally = tally
        self._more = more

    def collect(self) -> Iterator[Metric]:
        tally = self._tally
        for name, text, count in (
            ("received", "Messages that the broker delivered.", tally.received),
            ("stored", "New rows.", tally.stored),
            ("repeated", "Messages that were stored before.", tally.repeated),
            ("refused", "Messages that lie in the table refused.", tally.refused),
            ("left_out", "Live and retained messages, which are not stored.", tally.left_out),
            ("commits", "Batches.", tally.commits),
            ("asked", "Requests to devices to send something again.", tally.asked),
            ("pictures", "Pictures of visits that devices have put into the store.", tally.pictures),
            ("lost", "Messages that devices do not have any more.", tally.lost),
        ):
            yield CounterMetricFamily(_PREFIX + name, text, value=count)
        for name, text, is_so in (
            ("connected", "Whether the broker is there.", tally.is_connected),
            ("database_up", "Whether the database is there.", tally.has_database),
        ):
            yield GaugeMetricFamily(_PREFIX + name, text, value=float(is_so))
        missing = "Messages that are missing in sequences of devices, and may still come."
        yield GaugeMetricFamily(f"{_PREFIX}missing", missing, value=tally.missing)
        counts = list(accumulate(tally.lags))
        yield HistogramMetricFamily(
            _PREFIX + "lag_seconds",
            "From observation to commit.",
            buckets=[(str(bound), count) for bound, count in zip((*LAGS, "+Inf"), counts, strict=True)],
            sum_value=tally.lag_sum,
        )
        if self._more is not None:
            yield from self._more()


class Page(Job):
    """A small server in a thread of its own; a request has one more, of at most a few."""

    name = "sink-page"

    def __init__(
        self,
        host: str,
        port: int,
        tally: Tally,
        is_stuck: Callable[[], bool],
        more: Callable[[], Iterator[Metric]] | None = None,
    ) -> None:
        """Raises Refused when the port is taken."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Figures(tally, more))
        self._server = _server(host, port, lambda path: _answer(path, registry, tally, is_stuck))

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (a request wakes it, or half a second)
        self._server.handle_request()

    def end(self) -> None:
        self._server.server_close()


def _answer(
    path: str, registry: CollectorRegistry, tally: Tally, is_stuck: Callable[[], bool]
) -> tuple[int, str, bytes]:
    match path.partition("?")[0]:
        case "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(registry)
        case "/healthz":  # whether another start could help: one that waits for its database is well
            is_well = not is_stuck()
            return _state(is_well, status="alive" if is_well else "stuck")
        case "/readyz":
            is_ready = tally.is_connected and tally.has_database
            return _state(is_ready, broker=tally.is_connected, database=tally.has_database)
        case _:
            return 404, "text/plain", b"there are /metrics, /healthz and /readyz\n"


def _state(is_well: bool, **fields: object) -> tuple[int, str, bytes]:
    return 200 if is_well else 503, "application/json", json.dumps(fields).encode()


def _server(host: str, port: int, answer: Callable[[str], tuple[int, str, bytes]]) -> ThreadingHTTPServer:
    room = threading.BoundedSemaphore(_AT_ONCE)

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        server_version, sys_version = "edge-mask", ""

        def do_GET(self) -> None:
            code, kind, body = answer(self.path)
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_anything: Any) -> None:
            """Not each scrape."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        timeout = 0.5
        daemon_threads = True
        block_on_close = False

        def process_request(self, request: Any, client_address: Any) -> None:
            if room.acquire(blocking=False):
                super().process_request(request, client_address)
            else:
                self.shutdown_request(request)

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                room.release()

        def handle_error(self, _request: Any, _client_address: Any) -> None:
            """Whoever asks may hang up at any time."""

    try:
        return Server((host, port), Handler)
    except OSError as error:
        raise Refused(f"sink.page: {host}:{port} cannot be listened at: {error.strerror or error}") from error
