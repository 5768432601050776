"""The tables that the readers ask, as SQLAlchemy sees them; `migrations.py` is what creates all of them."""

from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()


def _moment() -> list[Column[float] | Column[int] | Column[str]]:
    return [Column("wall", Float), Column("mono", Float), Column("synced", Integer), Column("boot", String)]


outbox = Table(
    "outbox", metadata,
    Column("id", Integer, primary_key=True), Column("destination", String), Column("state", Integer),
    Column("class", Integer, key="priority"), Column("topic", String), Column("message_id", String),
    Column("payload", LargeBinary), Column("qos", Integer), Column("retain", Integer), Column("properties", String),
    Column("bytes", Integer), Column("reason", String), *_moment(),
)  # fmt: skip
totals = Table(
    "totals", metadata,
    Column("state", Integer, primary_key=True), Column("messages", Integer), Column("bytes", Integer),
)  # fmt: skip
counters = Table("counters", metadata, Column("name", String, primary_key=True), Column("value", Integer))
visits = Table(
    "visits", metadata,
    Column("id", String, primary_key=True), Column("camera", String), Column("verdict", String),
    Column("ispass", Integer), Column("mask", String), Column("mask_score", Float), Column("temperature", Float),
    Column("reasons", String), Column("passed_through", Integer), Column("snapshot", String), *_moment(),
)  # fmt: skip
PENDING, SET_ASIDE = 0, 1
"""States of an outbox row: waits to leave; refused by the other side and kept for a person to see."""
