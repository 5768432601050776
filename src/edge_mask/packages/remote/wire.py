"""A connection on which every wait ends: with its time, or as soon as nobody wants it any more."""

import errno
import io
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from edge_mask.packages.remote.source import Effort

_LOOK: Final = 0.2
"""Seconds between two looks whether it is still wanted."""


def connected(host: str, port: int, tls: ssl.SSLContext | None, effort: Effort) -> "Wire":
    """Connect to the first address of the name that answers. Raises OSError, and what `Effort.left` raises."""
    trouble: OSError = OSError("it has no address")
    for family, kind, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind)
        try:
            _connect(plain, place, effort)
            return Wire(plain if tls is None else _encrypted(plain, tls, host, effort), effort)
        except OSError as error:
            plain.close()
            trouble = error
        except BaseException:  # raised again: a stop must not leave the socket open
            plain.close()
            raise
    raise trouble


def _connect(plain: socket.socket, place: Any, effort: Effort) -> None:
    plain.setblocking(False)
    with suppress(BlockingIOError):
        plain.connect(place)
    _patiently(effort, lambda: _wait(plain, select.POLLOUT))
    if code := plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.settimeout(_LOOK)


def _wait(sock: socket.socket, what: int) -> None:
    poll = select.poll()
    poll.register(sock, what)
    if not poll.poll(_LOOK * 1000):
        raise TimeoutError


def _encrypted(plain: socket.socket, tls: ssl.SSLContext, host: str, effort: Effort) -> ssl.SSLSocket:
    wrapped = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        _patiently(effort, wrapped.do_handshake)
    except BaseException:  # raised again: it has taken the socket over, and nobody else would close it
        wrapped.close()
        raise
    return wrapped


def _patiently(effort: Effort, step: Callable[[], Any]) -> Any:
    """The step, tried again while it waits; TimeoutError at the end."""
    until = time.monotonic() + effort.left()
    while True:
        try:
            return step()
        except TimeoutError:
            effort.left()
            if time.monotonic() >= until:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None


class Wire:
    """What http.client takes for a socket."""

    def __init__(self, sock: socket.socket, effort: Effort) -> None:
        self._sock, self._effort = sock, effort

    def sendall(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[_patiently(self._effort, partial(self._sock.send, rest)) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._effort), 65_536)

    def close(self) -> None:
        """Not yet: http.client closes before the answer is read."""

    def end(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, effort: Effort) -> None:
        self._sock, self._effort = sock, effort

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = int(_patiently(self._effort, lambda: self._sock.recv_into(buffer)))
        self._effort.got(size)
        return size
