"""Frames of the event stream: how a component and the nucleus talk over their socket.

Prelude (total length, length of the headers, CRC-32 of both), headers, payload, CRC-32 of all. Big-endian.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

APPLICATION, ERROR, PING, PING_RESPONSE, CONNECT, CONNECT_ACK = 0, 1, 2, 3, 4, 5
ACCEPTED, TERMINATE = 1, 2
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
"""Types of headers with a fixed size, as struct reads them."""


@dataclass(frozen=True, slots=True)
class Frame:
    headers: Mapping[str, Any]
    payload: bytes = b""

    @property
    def kind(self) -> int:
        return int(self.headers[":message-type"])

    @property
    def flags(self) -> int:
        return int(self.headers[":message-flags"])

    @property
    def stream(self) -> int:
        return int(self.headers[":stream-id"])

    def json(self) -> Any:
        return json.loads(self.payload) if self.payload else {}


def encode(frame: Frame) -> bytes:
    headers = b"".join(_header(name, value) for name, value in frame.headers.items())
    prelude = struct.pack(">II", 16 + len(headers) + len(frame.payload), len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + frame.payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def _header(name: str, value: int | str) -> bytes:
    start = bytes([len(name)]) + name.encode()
    if isinstance(value, int):
        return start + b"\x04" + struct.pack(">i", value)
    return start + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


async def read(reader: asyncio.StreamReader, at_most: int) -> Frame:
    """The next frame. Raises IncompleteReadError at the end, ValueError for one that is too long or damaged."""
    prelude = await reader.readexactly(12)
    total, headers_length, checksum = struct.unpack(">III", prelude)
    if total > at_most:
        raise ValueError(f"a frame of {total} bytes")
    rest = await reader.readexactly(total - 12)
    if zlib.crc32(prelude[:8]) != checksum or zlib.crc32(prelude + rest[:-4]) != struct.unpack(">I", rest[-4:])[0]:
        raise ValueError("a checksum is wrong")
    return Frame(_headers(rest[:headers_length]), rest[headers_length:-4])


def _headers(raw: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while at < len(raw):
        start = at + 1 + raw[at]
        name, kind = raw[at + 1 : start].decode(), raw[start]
        at = start + 1
        if kind in _FIXED:
            found[name] = struct.unpack_from(_FIXED[kind], raw, at)[0]
            at += struct.calcsize(_FIXED[kind])
        elif kind == 7:
            length = struct.unpack_from(">H", raw, at)[0]
            found[name] = raw[at + 2 : at + 2 + length].decode()
            at += 2 + length
        else:
            raise ValueError(f"a header of type {kind}")
    return found
