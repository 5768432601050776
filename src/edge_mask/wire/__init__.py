"""The wire format: topics, JSON payloads, ids. Pure: no connection, no disk, no clock."""

from edge_mask.wire.encode import Encoded, announcement, birth, encode, will
from edge_mask.wire.envelope import VERSION, envelope, mark_late, restamp, timestamp, to_bytes
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

__all__ = [
    "VERSION", "Encoded", "IdMaker", "Topics", "announcement", "birth", "encode", "envelope", "mark_late", "restamp",
    "timestamp", "to_bytes", "will",
]  # fmt: skip
