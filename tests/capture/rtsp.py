"""A small RTSP camera on loopback: motion JPEG over one TCP connection (RFC 2326, RFC 2435).

It can ask for a password, go quiet in the middle of a stream, and hang up.
"""

import base64
import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

import cv2
import numpy as np

_CHUNK = 1200
_CLOCK = 90_000


class RtspCamera:
    """Serves grey pictures that grow brighter from frame to frame, about fifty a second.

    The first `kept` of them come at once, as from a camera that begins with what it has kept.
    """

    def __init__(self, credentials: str = "", kept: int = 0) -> None:
        self._kept = kept
        self.sent = 0
        """Pictures of the connection that was made last."""
        self._credentials = base64.b64encode(credentials.encode()).decode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_quiet = threading.Event()
        self.refused = 0
        self._stopped = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="rtsp camera", daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):  # wakes the accept below
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5.0)

    def hang_up(self) -> None:
        """Cut every connection; new ones are welcome."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := _request(connection):
                connection.sendall(self._answer(request))
                if request.startswith("PLAY"):
                    self._play(connection)
                    return

    def _answer(self, request: str) -> bytes:
        method, address, *_ = request.split(" ")
        sequence = next(line.split(":")[1].strip() for line in request.splitlines() if line.startswith("CSeq"))
        if self._credentials and method == "DESCRIBE" and f"Basic {self._credentials}" not in request:
            self.refused += 1
            return _response(sequence, "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"')
        if method == "DESCRIBE":
            sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"
            return _response(sequence, "200 OK", "Content-Type: application/sdp", f"Content-Base: {address}/", body=sdp)
        if method == "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            return _response(sequence, "200 OK", transport, "Session: 1;timeout=60")
        return _response(sequence, "200 OK", "Session: 1", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")

    def _play(self, connection: socket.socket) -> None:
        packet, waiting = 0, b""
        for number in range(100_000):
            if number >= self._kept and (self._stopped.wait(0.02) or self.is_quiet.is_set()):
                break
            for payload, is_last in _packets(40 + number % 200):
                marker = 0x80 if is_last else 0
                header = struct.pack(">BBHII", 0x80, marker | 26, packet & 0xFFFF, number * _CLOCK // 50, 7)
                packet += 1
                waiting += b"$\x00" + struct.pack(">H", len(header) + len(payload)) + header + payload
            if number >= self._kept - 1:
                connection.sendall(waiting)
                self.sent, waiting = number, b""
        self._stopped.wait(30.0)  # a quiet camera keeps its connection


def _request(connection: socket.socket) -> str:
    """One request's text, empty when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            return ""
        data += more
    return data.decode()


def _response(sequence: str, status: str, *headers: str, body: str = "") -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {sequence}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def _packets(brightness: int) -> list[tuple[bytes, bool]]:
    """One JPEG picture cut into RTP payloads; each says whether it is the last."""
    width, height = 64, 48
    done, encoded = cv2.imencode(".jpg", np.full((height, width, 3), brightness, np.uint8))
    assert done
    tables, scan = _tables_and_scan(encoded.tobytes())
    payloads = []
    for offset in range(0, len(scan), _CHUNK):
        chunk = scan[offset : offset + _CHUNK]
        head = struct.pack(">I", offset) + bytes([1, 255, width // 8, height // 8])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        payloads.append((head + chunk, offset + _CHUNK >= len(scan)))
    return payloads


def _tables_and_scan(jpeg: bytes) -> tuple[bytes, bytes]:
    """The quantisation tables and the entropy-coded pixels of a baseline JPEG."""
    at, tables = 2, b""
    while True:
        marker, length = jpeg[at + 1], struct.unpack_from(">H", jpeg, at + 2)[0]
        body = jpeg[at + 4 : at + 2 + length]
        if marker == 0xDB:
            tables += b"".join(body[start + 1 : start + 65] for start in range(0, len(body), 65))
        at += 2 + length
        if marker == 0xDA:
            return tables, jpeg[at:-2]
