"""A page of the database is overwritten: what is left of it arrives, and what is gone is counted and told."""

import random
import re
from contextlib import suppress
from pathlib import Path

import pytest
from tests.ledger.test_salvage import filled
from tests.recording.test_damaged_rows import ask, desk

from edge_mask.errors import DatabaseError

MESSAGES = 800


def overwrite_one_page(path: Path, seed: int) -> None:
    """Never the first one, with which the file is no database any more."""
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    number = chance.randrange(1, len(data) // page)
    data[number * page : (number + 1) * page] = chance.randbytes(page)
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(1, 13))
def test_no_message_is_lost_without_a_word(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "db"
    filled(path, MESSAGES)
    overwrite_one_page(path, seed)
    with desk(path) as it:
        delivered: set[str] = set()
        with suppress(DatabaseError):  # where a courier finds the damage
            delivered |= it.delivered()
        it.inspected()
        delivered |= it.delivered()
        it.recorded()
    told = [text for (text,) in ask(path, "SELECT text FROM faults WHERE code = 'damaged'")]
    assert told, "the file is damaged"
    lost = sum(int(found[1]) for text in told if (found := re.search(r"(\d+) messages?", text)))
    assert len(delivered & {f"id-{n}" for n in range(MESSAGES)}) + lost == MESSAGES
