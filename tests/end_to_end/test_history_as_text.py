"""What `history`, `stats`, `erase` and `outbox` print for a person who reads a terminal."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.decide.scenes import visits, watched
from tests.end_to_end.daemon import edge_mask, write_config
from tests.ledger.rows import batch, moment, visit, waiting

from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import OutboxRow
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Look

NARROW = 80
"""Columns of a terminal."""
IDS = [f"01a226b3-70a9-72db-af2b-a262de78d32{n}" for n in range(3)]


def config_of(folder: Path, events: Iterable[tuple[str, Event]], *rows: OutboxRow, role: str = "gate") -> Path:
    """A site whose camera has seen this, and what waits there."""
    with closing(Ledger(folder / "edge-mask.db", Bounds(), "boot-1")) as ledger:
        ledger.open()
        ledger.commit(batch(*rows, events=tuple(events)), moment())
    camera = {"name": "front", "source": f"images:{folder / 'scene'}", "role": role}
    return write_config(folder, None, cameras=[camera])


def bare(passed_through: bool | None) -> Event:
    (found,) = visits(watched(GateWatch("front", GatePolicy()), "NNNNNNN"))[:1]
    return replace(found, passed_through=passed_through)


def test_an_id_can_be_copied_from_the_history_into_replay_and_erase(tmp_path: Path) -> None:
    config = config_of(tmp_path, zip(IDS, map(bare, (True, False, None)), strict=True))
    shown = edge_mask("history", "--config", config, cwd=tmp_path).out.splitlines()
    assert [line.split()[0] for line in shown] == IDS, "each in one piece on the narrowest of terminals"
    assert all(len(line.partition("  ")[0]) < NARROW for line in shown)
    assert ["went through" in line for line in shown] == [True, False, False]
    assert ["did not go through" in line for line in shown] == [False, True, False]
    again = edge_mask("replay", shown[0].split()[0], "--config", config, cwd=tmp_path)
    assert (again.code, again.out.splitlines()[-1]) == (0, "same")
    erased = edge_mask("erase", "--visit", shown[1].split()[0], "--config", config, cwd=tmp_path)
    assert (erased.code, erased.out) == (0, "erased 1 visit, 0 alerts, 0 messages, 0 readings, 0 pictures\n")
    left = edge_mask("history", "--config", config, cwd=tmp_path).out
    assert [line.split()[0] for line in left.splitlines()] == [IDS[0], IDS[2]]


def test_the_figures_of_rooms_say_nothing_of_a_gate(tmp_path: Path) -> None:
    looks = [(f"l-{n}", Look(at=moment(n), camera="front", faces=1, no_mask=1, streak=n)) for n in range(3)]
    config = config_of(tmp_path, looks, role="cctv")
    shown = edge_mask("stats", "--config", config, cwd=tmp_path)
    assert shown.out.startswith("camera front:\n  hour "), shown
    assert shown.out.splitlines()[-1].split() == ["all", "3", "3"]
    assert not edge_mask("history", "--config", config, cwd=tmp_path).out


@pytest.mark.parametrize(
    ("role", "told"),
    [("cctv", "no camera saw anything\n"), ("gate", "judged 0   passed 0   refused 0\nno camera saw anything\n")],
)
def test_nothing_seen_is_said_without_empty_headings(tmp_path: Path, role: str, told: str) -> None:
    config = config_of(tmp_path, (), role=role)
    assert edge_mask("stats", "--config", config, cwd=tmp_path).out == told
    listed = edge_mask("history", "--config", config, cwd=tmp_path)
    assert (listed.code, listed.out, listed.err) == (0, "", "no visits\n")


def test_a_gate_that_became_a_room_keeps_its_figures(tmp_path: Path) -> None:
    config = config_of(tmp_path, [("v-1", visit())], role="cctv")
    assert "judged 1   passed 1   refused 0" in edge_mask("stats", "--config", config, cwd=tmp_path).out


@pytest.mark.parametrize(("count", "status", "deleted"), [
    (1, "pending   1 message, ", "deleted 1 message that has not been delivered\n"),
    (2, "pending   2 messages, ", "deleted 2 messages that have not been delivered\n"),
])  # fmt: skip
def test_one_is_one_and_two_are_several(tmp_path: Path, count: int, status: str, deleted: str) -> None:
    config = config_of(tmp_path, (), *map(waiting, range(count)))
    assert edge_mask("outbox", "status", "--config", config, cwd=tmp_path).out.startswith(status)
    assert edge_mask("outbox", "purge", "--yes", "--config", config, cwd=tmp_path).out == deleted
