"""Where the state of the sequences lies in the database: read whole at the start, written for what has changed.

Two sinks write the same rows: each joins what it knows with what is there, inside one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    text,
    tuple_,
    update,
)

from edge_mask.sink.partitions import bound
from edge_mask.sink.rows import LARGEST_SEQ, LONGEST_THING, LONGEST_TOPIC
from edge_mask.sink.schema import IN_UTF8, Id, Time, insert_new, messages, metadata
from edge_mask.sink.sequences import FARTHEST, MOST_GAPS, Key, Track, is_counted

AT_ONCE: Final = 200
"""Topics in one transaction."""
LOOKS_BACK: Final = 120.0
"""Seconds before the last save from which stored messages are looked through at the start."""
OPEN: Final = "open"
LOST: Final = "lost"

sequences = Table(
    "sequences",
    metadata,
    Column("thing", String(LONGEST_THING), primary_key=True),
    Column("topic", String(LONGEST_TOPIC), primary_key=True),
    Column("begun", Id, nullable=False),
    Column("newest", Id, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("upto_seq", BigInteger, nullable=False),
    Column("updated", Time, nullable=False),
    **IN_UTF8,
)
"""Up to which number the messages of each topic are stored."""

gaps = Table(
    "gaps",
    metadata,
    Column("thing", String(LONGEST_THING), primary_key=True),
    Column("topic", String(LONGEST_TOPIC), primary_key=True),
    Column("from_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    **IN_UTF8,
)
"""What is missing below that: `open` may still come, `lost` never will."""


def load(connection: Connection) -> tuple[dict[Key, Track], datetime | None]:
    """All of it, and when it was saved last."""
    found = {(row.thing, row.topic): _track(row) for row in connection.execute(select(sequences))}
    for row in connection.execute(select(gaps).order_by(gaps.c.from_seq)):
        if (track := found.get((row.thing, row.topic))) is not None:
            _spans(track, row.state).append((row.from_seq, row.to_seq))
    saved = connection.execute(text("SELECT max(updated) FROM sequences")).scalar()
    connection.rollback()
    return found, saved if saved is None or saved.tzinfo else saved.replace(tzinfo=UTC)


def recent(connection: Connection, saved: datetime) -> Iterator[tuple[Key, int, str]]:
    """Messages that were made about when the state was saved last, or since: a kill may have kept them out of it."""
    since = bound(saved - timedelta(seconds=LOOKS_BACK))
    query = select(messages.c.thing, messages.c.topic, messages.c.seq, messages.c.id).where(messages.c.seq.is_not(None))
    for row in connection.execute(query.where(messages.c.id >= since)):
        if is_counted(key := (row.thing, row.topic), row.seq):
            yield key, row.seq, str(row.id)
    connection.rollback()


# To MariaDB a text with blanks behind it is the same, but not for LIKE.
_COUNTED: Final = f"seq BETWEEN 1 AND {LARGEST_SEQ} AND topic NOT LIKE '% ' AND thing NOT LIKE '% '"
_ENDS = text(
    "SELECT thing, topic, min(seq) AS first_seq, max(seq) AS upto_seq, min(id{as_text}) AS begun,"
    " max(id{as_text}) AS newest FROM messages WHERE {counted} GROUP BY thing, topic"
)
_STEPS = text(
    "SELECT thing, topic, seq + 1 AS from_seq, following - 1 AS to_seq FROM (SELECT thing, topic, seq, lead(seq) OVER"
    " (PARTITION BY thing, topic ORDER BY seq) AS following FROM messages WHERE {counted}) AS numbers"
    " WHERE following > seq + 1 ORDER BY thing, topic, seq"
)


def discover(connection: Connection) -> dict[Key, Track]:
    """From the messages alone, once: a store that was filled before there was this table."""
    as_text = "::text" if connection.dialect.name == "postgresql" else ""
    ends, steps = (
        text(each.text.format(as_text=as_text.replace(":", "\\:"), counted=_COUNTED)) for each in (_ENDS, _STEPS)
    )
    rows = ((row, (row.thing, row.topic)) for row in connection.execute(ends))
    found = {key: _track(row) for row, key in rows if is_counted(key, row.upto_seq)}
    for row in connection.execute(steps):
        if (track := found.get((row.thing, row.topic))) is not None:
            is_far = row.to_seq - row.from_seq >= FARTHEST
            (track.lost if is_far else track.gaps).append((row.from_seq, row.to_seq))
    for track in found.values():
        track.give_up(track.gaps[:-MOST_GAPS])
    connection.rollback()
    return found


def save(connection: Connection, known: Mapping[Key, Track], now: datetime) -> dict[Key, Track]:
    """Join each with its row and write it; what is true now. Commits."""
    joined: dict[Key, Track] = {}
    keys = sorted(known)
    for begin in range(0, len(keys), AT_ONCE):
        joined |= _save(connection, {key: known[key] for key in keys[begin : begin + AT_ONCE]}, now)
        connection.commit()
    return joined


def _save(connection: Connection, known: Mapping[Key, Track], now: datetime) -> dict[Key, Track]:
    # What is new begins as the empty set: its gaps do not stand there yet.
    empty = [{**_row(key, track, now), "upto_seq": track.first - 1} for key, track in known.items()]
    connection.execute(insert_new(connection, sequences), empty)
    here = tuple_(sequences.c.thing, sequences.c.topic).in_(list(known))
    ordered = select(sequences).where(here).order_by(sequences.c.thing, sequences.c.topic).with_for_update()
    there = {(row.thing, row.topic): _track(row) for row in connection.execute(ordered)}
    missing = tuple_(gaps.c.thing, gaps.c.topic).in_(list(known))
    for row in connection.execute(select(gaps).where(missing).order_by(gaps.c.from_seq)):
        _spans(there[row.thing, row.topic], row.state).append((row.from_seq, row.to_seq))
    for key, track in known.items():
        before = _gap_rows(key, there[key])
        track.join(there[key])
        after = _gap_rows(key, track)
        if before != after:
            _write_gaps(connection, key, after)
    connection.execute(_UPDATE, [_changed(key, track, now) for key, track in known.items()])
    return dict(known)


_UPDATE = (
    update(sequences)
    .where(sequences.c.thing == bindparam("of_thing"), sequences.c.topic == bindparam("of_topic"))
    .values({name: bindparam(f"new_{name}") for name in ("begun", "newest", "first_seq", "upto_seq", "updated")})
)


def _changed(key: Key, track: Track, now: datetime) -> dict[str, Any]:
    row = _row(key, track, now)
    new = {f"new_{name}": value for name, value in row.items() if name not in ("thing", "topic")}
    return {"of_thing": key[0], "of_topic": key[1], **new}


def _write_gaps(connection: Connection, key: Key, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(delete(gaps).where(gaps.c.thing == key[0], gaps.c.topic == key[1]))
    if rows:
        connection.execute(insert(gaps), list(rows))


def _track(row: Any) -> Track:
    return Track(str(row.begun), str(row.newest), row.first_seq, row.upto_seq)


def _spans(track: Track, state: str) -> list[tuple[int, int]]:
    return track.gaps if state == OPEN else track.lost


def _row(key: Key, track: Track, now: datetime) -> dict[str, Any]:
    return {
        "thing": key[0], "topic": key[1], "begun": track.begun, "newest": track.newest, "first_seq": track.first,
        "upto_seq": track.upto, "updated": now,
    }  # fmt: skip


def _gap_rows(key: Key, track: Track) -> list[dict[str, Any]]:
    spans: Iterable[tuple[str, list[tuple[int, int]]]] = ((OPEN, track.gaps), (LOST, track.lost))
    return [
        {"thing": key[0], "topic": key[1], "from_seq": first, "to_seq": last, "state": state}
        for state, found in spans
        for first, last in found
    ]
