"""The servers of `http` actions: whether they can be reached and speak HTTP, and what each answered the daemon last.

A check sends them no event and asks for no address of theirs: `OPTIONS *` is a question to the server itself, which
changes nothing (RFC 9110, 9.3.7). What they say to a real request is what they said to the daemon's last one.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from edge_mask.app.drivers import rule_files
from edge_mask.deliver import answers
from edge_mask.deliver.answers import Answered
from edge_mask.deliver.http_request import Origin, request_of
from edge_mask.doctor.finding import PATIENCE, Finding, guarded
from edge_mask.doctor.rules import actions_of, is_template, post_of, tried
from edge_mask.errors import TryLater
from edge_mask.plural import counted
from edge_mask.rules.effects import HttpCall
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.model import Settings

_FORGOTTEN_AFTER: Final = 31 * 86_400.0
_BEGINNING: Final = 2048
"""Bytes of an answer that are looked at."""


def destinations(settings: Settings) -> list[Finding]:
    """A finding for each server, and one for each of its addresses that has answered before."""
    known = answers.read(settings.outbox.path)
    origins, has_template = _origins(settings)
    findings: list[Finding] = []
    for origin in origins:
        part = f"http {origin.host}"
        findings += guarded(part, "warning", partial(reach, origin), within=None)
        findings += _answered(part, known, origin)
    if has_template:  # addresses that are made of a message are known once one was sent there
        for origin in dict.fromkeys(_origin_of(address) for address in known):
            if origin not in origins:
                findings += _answered(f"http {origin.host}", known, origin)
    return findings


def _origins(settings: Settings) -> tuple[list[Origin], bool]:
    """Of all rules that run here; whether an address is made of messages."""
    origins: dict[Origin, None] = {}
    has_template = False
    for rule in RuleSet.load(rule_files(settings.rules)).rules:
        if not rule.runs_here or rule.is_disabled:
            continue
        for _, effect in tried(rule):
            if isinstance(effect, HttpCall):
                origins[request_of(post_of(effect)).origin] = None
        has_template |= any(each.kind == "http" and is_template(each) for each in actions_of(rule))
    return list(origins), has_template


def _origin_of(address: str) -> Origin:
    parts = urlsplit(address)
    return Origin(parts.scheme, parts.hostname or "", parts.port or 0)


def _answered(part: str, known: dict[str, Answered], origin: Origin) -> Iterator[Finding]:
    now = SystemClock().now().wall
    for address, answered in known.items():
        if _origin_of(address) != origin or now - answered.at > _FORGOTTEN_AFTER:
            continue
        path = urlsplit(address).path
        text = f"{path}: the daemon's last post, {_ago(now - answered.at)}: {answered.text or 'taken'}"
        yield Finding(part, "ok" if answered.is_taken else "warning", text)


def _ago(seconds: float) -> str:
    if seconds < 0:
        return "by a clock that has been set since"
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return f"{counted(int(seconds), 'second')} ago"


def reach(origin: Origin) -> str:
    """Whether somebody answers there who speaks HTTP. Raises TryLater."""
    address = f"{origin.scheme}://{origin.host}:{origin.port}"
    try:
        with closing(socket.create_connection((origin.host, origin.port), PATIENCE - 1.0)) as plain:
            if origin.scheme == "https":
                with ssl.create_default_context().wrap_socket(plain, server_hostname=origin.host) as secure:
                    said = _asked(secure, origin)
            else:
                said = _asked(plain, origin)
    except TimeoutError as error:
        raise TryLater(f"{address} is there, but does not answer") from error
    except OSError as error:
        raise TryLater(f"{address} cannot be reached: {error.strerror or error}") from error
    if not said.startswith(b"HTTP/"):
        hint = "" if origin.scheme == "https" else " (does this port want https?)"
        raise TryLater(f"{address} is there, but does not speak HTTP{hint}")
    return f"{address} answers"


def _asked(connection: socket.socket, origin: Origin) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    text = f"OPTIONS * HTTP/1.1\r\nHost: {host}:{origin.port}\r\nUser-Agent: edge-mask\r\nConnection: close\r\n\r\n"
    connection.sendall(text.encode())
    said = b""
    while len(said) < len(b"HTTP/") and (part := connection.recv(_BEGINNING)):
        said += part
    return said
