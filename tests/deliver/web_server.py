"""A real HTTP server on loopback that answers what a test tells it to, and remembers what it was asked."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.broker import HOST, free_port
from tests.waiting import PATIENCE


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Answer | None]
"""What to answer to a request; None hangs up without a word."""


class WebServer:
    """Use it as a context manager, or `start` and `stop`: it keeps its port."""

    def __init__(self, script: Script = lambda _asked: Answer(), tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.port = free_port()
        self.asked: list[Asked] = []
        self._tls = tls
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        self._server = ThreadingHTTPServer((HOST, self.port), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="web-server")
        self._thread.start()

    def stop(self) -> None:
        """Nobody answers any more; open connections are cut."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)
        self.hang_up()
        self._server = None

    def hang_up(self) -> None:
        """Cut every open connection."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def wait_for(self, count: int) -> list[Asked]:
        """Wait until it was asked `count` times."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, PATIENCE), f"asked {len(self.asked)} times"
            return list(self.asked)

    def _note(self, asked: Asked) -> None:
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                server._connections.add(self.request)
                super().setup()

            def finish(self) -> None:
                super().finish()
                server._connections.discard(self.request)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = Asked(self.path, dict(self.headers.items()), body, id(self.request))
                server._note(asked)
                answer = server.script(asked)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, text in answer.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
                """Quiet."""

        return Handler


class NonsenseServer:
    """Reads each request and answers with bytes that need not be HTTP. Without `hangs_up` it says nothing more then,
    and keeps the connection; `repeats` sends the last of `parts` again and again."""

    def __init__(self, *parts: bytes, hangs_up: bool = True, repeats: bool = False, pause: float = 0.0) -> None:
        self._parts = parts
        self._hangs_up = hangs_up
        self._repeats = repeats
        self._pause = pause
        self._is_over = threading.Event()
        self._server = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._server.getsockname()[1]}"
        self.requests = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for(self, count: int) -> None:
        """Wait until it was asked `count` times."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.requests >= count, PATIENCE), f"asked {self.requests} times"

    def _spawn(self, work: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args, name="nonsense", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._spawn(self._talk, self._server.accept()[0])

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                if not (data := connection.recv(65_536)):
                    return
                request += data
            with self._changed:
                self.requests += 1
                self._changed.notify_all()
            for part in self._parts:
                connection.sendall(part)
            while self._repeats and not self._is_over.wait(self._pause):
                connection.sendall(self._parts[-1])
            if not self._hangs_up:
                self._is_over.wait()
