"""Tells systemd our state (sd_notify, text on a datagram socket); without systemd it does nothing."""

import logging
import os
import socket
from collections.abc import Mapping

from edge_mask.redact import redact
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)


class SystemdNotifier:
    """Sends to the socket `address` (`@…` is an abstract one). Never raises, never waits."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "SystemdNotifier":
        """The service manager's socket, if there is one."""
        return cls(environ.get("NOTIFY_SOCKET"))

    def ready(self, status: str = "") -> None:
        """Started, or finished reading the configuration again."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Everything makes progress."""
        self._send("WATCHDOG=1")

    def reloading(self, now: Moment) -> None:
        """Reading the configuration again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(now.mono * 1_000_000)}")

    def stopping(self, status: str = "") -> None:
        """Stopping."""
        self._send("STOPPING=1", *_status(status))

    def close(self) -> None:
        """Send nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> None:
        if self._socket is None or not self._address:
            return
        try:
            self._socket.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError as error:  # the daemon runs on without a listening manager
            log.debug("the service manager did not take %s: %s", lines[0], error)


def watchdog_interval(environ: Mapping[str, str], pid: int | None = None) -> Seconds | None:
    """How often to call `watchdog`: half of the manager's timeout. None without a watchdog."""
    if environ.get("WATCHDOG_PID", str(pid or os.getpid())) != str(pid or os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return Seconds(microseconds / 2_000_000) if microseconds > 0 else None


def _status(text: str) -> list[str]:
    return [f"STATUS={' '.join(redact(text).split())}"] if text else []
