"""A broker of thirty lines that answers what a test tells it to: for what mosquitto cannot be made to say."""

import socket
import threading
from contextlib import suppress
from typing import Self

from tests.broker import HOST

CONNACK_V5 = bytes([0x20, 3, 0, 0, 0])


class ScriptedBroker:
    """Accepts one connection after the other, answers CONNECT with `connack` and each QoS 1 PUBLISH with `puback`.

    One that `reads` nothing after the CONNECT is a link on which nothing moves.
    """

    def __init__(
        self, *, connack: bytes = CONNACK_V5, puback: int | None = 0, suback: int | None = None, reads: bool = True
    ) -> None:
        """`puback`: the reason code of every acknowledgement; None for a broker that acknowledges nothing. `suback`:
        that of every subscription."""
        self._connack = connack
        self._puback = puback
        self._suback = suback
        self._reads = reads
        self._is_over = threading.Event()
        self._server = socket.create_server((HOST, 0))
        self.port = int(self._server.getsockname()[1])
        self.published: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, name="scripted-broker", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        for end in (self._server, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join(5.0)

    def say(self, packet: bytes) -> None:
        """Send the newest client something that it did not ask for."""
        self._open[-1].sendall(packet)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._open.append(connection)
                self.connections += 1
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection.makefile("rb") as stream:
            while head := stream.read(2):
                body = stream.read(head[1])  # the packets of these tests are shorter than 128 bytes
                if head[0] >> 4 == 1:
                    connection.sendall(self._connack)
                    if not self._reads:
                        self._is_over.wait()
                elif head[0] >> 4 == 8 and self._suback is not None:
                    connection.sendall(bytes([0x90, 4]) + body[:2] + bytes([0, self._suback]))
                elif head[0] >> 4 == 3:
                    self.published.append(body)
                    if self._puback is None:
                        continue
                    at = 2 + int.from_bytes(body[:2])
                    connection.sendall(bytes([0x40, 4]) + body[at : at + 2] + bytes([self._puback, 0]))
