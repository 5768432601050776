"""Every visit of a long recording, decided again from what the database keeps of it."""

import json
import random
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.rows import BOOT

from edge_mask.decide import GatePolicy, GateWatch, Sight
from edge_mask.decide.look import Evidence
from edge_mask.decide.record import MOST_BYTES, MadeBy, decide_again, differences, unpack
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import INCORRECT, MASK, NO_MASK, Box, Event, Face, Reading, Visit
from edge_mask.recording.intake import Intake
from edge_mask.track import Tracker
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

PEOPLE = 300
NOISE = 0.2
"""Part of the looks that show another label than the true one."""
MADE_BY = MadeBy("0.1.0", "mask-detector 1.7.1", "0123456789abcdef" * 4)
LABELS = (MASK, NO_MASK, INCORRECT)
KINDS = {
    ("pass",), ("no_pass", "no_mask"), ("no_pass", "incorrect"), ("no_pass", "fever"),
    ("no_pass", "temperature_missing"), ("left", "True"), ("clock", "False"), ("clock", "True"),
}  # fmt: skip


def at(seconds: float) -> Moment:
    """The clock is set after five minutes."""
    return Moment(Seconds(51.3 + seconds), Unix(1_790_000_000.0 + seconds), synced=seconds > 300)


def sights(chance: random.Random) -> Iterator[Sight]:
    """People who come one after the other, some of them in pairs, some only for a moment, some change their mask."""
    tracker, now = Tracker(), 0.0
    for _ in range(PEOPLE):
        now += chance.uniform(1.5, 6.0)  # nobody is there
        places = [100.0, 400.0][: 1 + (chance.random() < 0.2)]
        labels = [chance.choice(LABELS) for _ in places]
        every = chance.choice([0.05, 0.2, 0.2, 0.5])
        warm = None if chance.random() < 0.2 else chance.gauss(36.8, 0.7)
        for _ in range(chance.choice([3, 8, 20, 60])):
            now += every * chance.uniform(0.9, 1.1)
            if chance.random() < 0.02:
                labels[0] = chance.choice(LABELS)
            faces = [_face(chance, label, x) for label, x in zip(labels, places, strict=True) if chance.random() < 0.95]
            yield _sight(chance, tracker, faces, now, warm)


def _face(chance: random.Random, label: str, x: float) -> Face:
    seen = label if chance.random() >= NOISE else chance.choice([each for each in LABELS if each != label])
    side = chance.gauss(110.0, 2.0)
    return Face(seen, chance.uniform(0.55, 0.99), Box(chance.gauss(x, 3.0), chance.gauss(150.0, 3.0), side, side * 1.2))


def _sight(chance: random.Random, tracker: Tracker, faces: list[Face], now: float, warm: float | None) -> Sight:
    tracks = tracker.update(faces, at(now))
    evidence = {track.id: Evidence(*(round(chance.uniform(0.1, 9.0), 3) for _ in range(5))) for track in tracks}
    taken = [round(chance.gauss(warm, 0.05), 2)] if warm is not None else []
    readings = [Reading("forehead", "temperature", value, "C", at(now - 0.1)) for value in taken]
    return Sight(tracks=tracks, width=640, height=480, at=at(now), readings=readings, evidence=evidence)


@dataclass(frozen=True)
class Recorded:
    """What a gate has said, and the database that keeps it."""

    path: Path
    said: list[Visit]
    sent: list[bytes]


def record(path: Path) -> Recorded:
    """Everything through the gate and into a real database."""
    watch = GateWatch("front", GatePolicy(fever_above=37.5), made_by=MADE_BY)
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        intake = Intake(
            thing="gate-01", topics=Topics("edge-mask/{thing}", "gate-01"), sequences=ledger.sequences,
            shadows=ledger.shadows, boot=BOOT, new_id=IdMaker().make,
        )  # fmt: skip
        events: list[Event] = []
        last = at(0.0)
        for sight in sights(random.Random(26)):
            events += watch.observe(sight)
            last = sight.at
        events += watch.finish(last)
        admitted = [intake.admit(event) for event in events]
        rows = [row for each in admitted for row in each.events]
        sent = [row for each in admitted for row in each.outgoing]
        ledger.commit(Batch(events=rows, outgoing=sent), last)
    said = [event for event in events if isinstance(event, Visit)]
    return Recorded(path, said, [row.message.payload for row in sent])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record(tmp_path_factory.mktemp("recorded") / "db")


def test_every_visit_of_a_long_recording_is_decided_again_to_the_same_answer(recorded: Recorded) -> None:
    reader = Reader(recorded.path)
    stored = [reader.visit(each["id"]) for each in reader.visits()]
    assert len(stored) == len(recorded.said) > PEOPLE / 2
    seen = set()
    for found in stored:
        assert found is not None
        visit, packed = found
        assert packed is not None
        assert len(packed) <= MOST_BYTES
        again = unpack(packed)
        assert differences(visit, decide_again(again)) == []
        assert (again.made_by, again.clock_ok) == (MADE_BY, visit["clock_ok"])
        seen |= {(visit["verdict"], *visit["reasons"]), ("left", str(again.has_left)), ("clock", str(again.clock_ok))}
    assert seen >= KINDS, "the recording shows every kind of visit"


def test_no_message_carries_a_record(recorded: Recorded) -> None:
    fields = {field for payload in recorded.sent for field in json.loads(payload)}
    assert "verdict" in fields
    assert not {"record", "looks", "evidence"} & fields


def test_a_record_holds_no_picture(recorded: Recorded) -> None:
    """Numbers, and the words of labels, units, settings and fields."""
    for visit in recorded.said:
        assert visit.record is not None
        told = json.loads(zlib.decompress(visit.record))
        assert set(_words(told["looks"])) <= {*LABELS, "C"}


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value
