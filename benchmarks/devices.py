"""Simulated devices: MQTT 5 at QoS 1 over asyncio, thousands in one process."""

import asyncio
import json
import random
import struct
import time
from collections.abc import Iterator
from typing import Any, Self

from edge_mask.wire.uuid7 import uuid7

_CONNACK, _PUBACK = 2, 4


def visit(thing: str, seq: int) -> tuple[str, bytes]:
    """The id and the bytes of a message such as a gate sends, about 350 bytes."""
    now = time.time()
    made = str(uuid7(int(now * 1000), random.getrandbits(74)))
    fields: dict[str, Any] = {
        "id": made, "seq": seq, "thing": thing, "v": 1,
        "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z",
        "camera": "front", "verdict": "pass", "ispass": 1, "mask": "mask", "mask_score": 0.9876, "temperature": 36.52,
        "reasons": [], "passed_through": True, "time_to_verdict_ms": 912, "snapshot": None,
    }  # fmt: skip
    return made, json.dumps(fields, separators=(",", ":")).encode()


class Device:
    """One connection. `acknowledged` counts; what the broker has not acknowledged is `waiting`."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.acknowledged = 0
        self.waiting: dict[int, str] = {}
        self._port = port
        self._packet = 0
        self._seq = 0
        self._room = asyncio.Event()
        self._room.set()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        client = self.name.encode()
        body = b"\x00\x04MQTT\x05\x02" + struct.pack(">H", 600) + b"\x00" + struct.pack(">H", len(client)) + client
        self._writer.write(b"\x10" + _length(len(body)) + body)
        await self._packet_of(_CONNACK)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._listening.cancel()
        self._writer.close()

    def publish(self) -> str:
        """A visit, at once; its id."""
        self._seq += 1
        self._packet = self._packet % 65_535 + 1
        made, payload = visit(self.name, self._seq)
        topic = f"edge-mask/{self.name}/visits".encode()
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", self._packet) + b"\x00" + payload
        self.waiting[self._packet] = made
        self._writer.write(b"\x32" + _length(len(body)) + body)
        return made

    async def publish_within(self, window: int) -> str:
        """The same, once fewer than `window` wait for their acknowledgement."""
        while len(self.waiting) >= window:
            self._room.clear()
            await self._room.wait()
        made = self.publish()
        await self._writer.drain()
        return made

    async def settled(self) -> None:
        """Until everything is acknowledged."""
        while self.waiting:
            await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        while True:
            body = await self._packet_of(_PUBACK)
            self.waiting.pop(struct.unpack(">H", body[:2])[0], None)
            self.acknowledged += 1
            self._room.set()

    async def _packet_of(self, kind: int) -> bytes:
        while True:
            first = (await self._reader.readexactly(1))[0]
            size = shift = 0
            while True:
                byte = (await self._reader.readexactly(1))[0]
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = await self._reader.readexactly(size)
            if first >> 4 == kind:
                return body


def _length(size: int) -> bytes:
    made = bytearray()
    while True:
        size, rest = divmod(size, 128)
        made.append(rest | (128 if size else 0))
        if not size:
            return bytes(made)


def quantiles(values: list[float]) -> Iterator[tuple[str, float]]:
    """p50, p99 and the largest, in milliseconds."""
    ordered = sorted(values)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        yield name, 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]
