"""Wakes a thread that waits in poll() for a socket."""

import socket


class Doorbell:
    """A socket pair: `ring` from any thread, wait for `ear` in the owner's poll. Many rings are one."""

    def __init__(self) -> None:
        self.ear, self._button = socket.socketpair()
        self.ear.setblocking(False)
        self._button.setblocking(False)

    def ring(self) -> None:
        """Never blocks, never raises."""
        try:
            self._button.send(b"\0")
        except OSError:  # full: it rings already; closed: no thread is left to wake
            return

    def quiet(self) -> None:
        """Forget the rings so far."""
        try:
            while self.ear.recv(4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        self.ear.close()
        self._button.close()
