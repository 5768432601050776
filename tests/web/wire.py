"""A wire between a browser and the daemon that can be cut, and that says which streams were asked for."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_STREAM = re.compile(rb"GET /api/v1/events[^\r]*\r\n(?:[^\r]+\r\n)*", re.IGNORECASE)
_LAST = re.compile(rb"last-event-id: ([^\r]+)\r\n", re.IGNORECASE)


class Wire:
    """Listens on a port of its own and passes everything on."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]
        self.streams: list[str] = []
        """One for each stream that was asked for: the id of the event that was seen last, or nothing."""

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def cut(self) -> None:
        """Every connection ends, and none is taken."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """As it was before."""
        self._listener = self._listen(self.port)

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Cut for as long as it takes."""
        self.cut()
        try:
            yield
        finally:
            self.mend()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing arrives, and nobody is told: what a radio does out of reach."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.cut()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((HOST, port), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_asking: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if is_asking:
                    self._note(data)
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _note(self, data: bytes) -> None:
        """A request of a browser without a body comes in one piece."""
        for found in _STREAM.findall(data):
            last = _LAST.search(found)
            self.streams.append(last[1].decode() if last else "")
