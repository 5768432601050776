"""A damaged file never keeps the daemon down and never takes readable rows with it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment, visit, waiting

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.inspection import Inspection
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.upkeep import check_up, purge, repair
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Priority


def filled(path: Path, count: int = 400) -> None:
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        for start in range(0, count, 100):
            made = [waiting(n, size=300) for n in range(start, start + 100)]
            ledger.commit(batch(*made, events=((f"v{start}", visit()),)), moment())
        ledger.sequences.next("visits", live=False)


def test_a_file_whose_beginning_is_destroyed_is_set_aside_and_the_daemon_starts(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path, 100)
    path.write_bytes(b"this was an SD card once" * 1000)
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(waiting(1)), moment())
        assert ledger.file.salvaged is not None
        assert ledger.file.salvaged.lost is None
        assert ledger.file.salvaged.aside.read_bytes().startswith(b"this was")


def test_pages_overwritten_among_the_rows_cost_only_the_rows_on_them(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size * 3 // 4 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    salvaged = repair(path)
    assert salvaged is not None
    assert salvaged.lost is not None
    with closing(Outbox(path, "mqtt")) as outbox:
        kept = outbox.after({}, 1000)
    assert len(kept) + salvaged.lost == 400
    assert len(kept) > 200
    assert repair(path) is None


def test_rows_behind_the_damage_come_behind_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        for start in range(0, 3000, 100):
            events = tuple((f"v{n:05}", visit(moment(n), temperature=36.0)) for n in range(start, start + 100))
            ledger.commit(batch(events=events), moment(start))
    leaves = [n for n in range(path.stat().st_size // 4096) if is_leaf_of_visits(path, n)]
    with path.open("r+b") as file:
        file.seek(leaves[len(leaves) // 2] * 4096)
        file.write(b"\xff" * 4096)
    assert repair(path) is not None
    with closing(sqlite3.connect(path)) as connection:
        kept = [at for (at,) in connection.execute("SELECT mono FROM visits ORDER BY rowid")]
    assert 2900 < len(kept) < 3000
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (moment(0).mono, moment(2999).mono)


def is_leaf_of_visits(path: Path, number: int) -> bool:
    page = path.read_bytes()[number * 4096 : (number + 1) * 4096]
    return page[0] == 13 and b"front" in page


def test_a_file_damaged_while_the_daemon_runs_is_salvaged_on_reopening(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    with closing(Ledger(path, Bounds(), BOOT)) as ledger, closing(Outbox(path, "mqtt")) as reader:
        ledger.open()
        assert reader.after({}, 1)
        with path.open("r+b") as file:
            file.seek(path.stat().st_size * 3 // 4 // 4096 * 4096)
            file.write(b"\x00\xff" * 4096)
        ledger.file.reopen()
        assert ledger.file.salvaged is not None
        ledger.commit(batch(waiting(1000)), moment())
        assert reader.after({}, 1000)[-1].message.id == "id-1000", "a reader follows to the new file"
    assert Reader(path).outbox_status(moment(), BOOT)["pending"] > 200


def test_without_its_table_of_contents_a_file_still_has_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    data = path.read_bytes()
    leaves = [n for n in range(1, len(data) // 4096) if b"CREATE TRIGGER" in data[n * 4096 : (n + 1) * 4096]]
    for leaf in leaves:
        path.write_bytes(data[: leaf * 4096] + b"\xa5" * 4096 + data[(leaf + 1) * 4096 :])
        salvaged = repair(path)
        assert salvaged is not None
        assert (salvaged.lost, salvaged.lost_events) == (0, 0)
        with closing(Outbox(path, "mqtt")) as outbox:
            assert len(outbox.after({}, 1000)) == 400
    assert leaves


@pytest.mark.parametrize("name", [b"retain INTEGER", b"outbox_order", b"UPDATE totals SET"])
def test_a_flipped_bit_in_the_table_of_contents_costs_no_rows(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    data = path.read_bytes()
    assert name in data
    path.write_bytes(data.replace(name, name[:2] + bytes([name[2] ^ 4]) + name[3:], 1))
    with pytest.raises(DatabaseError, match="repair"):
        check_up(path)
    with closing(Inspection(path)) as inspection:
        assert inspection.broken_pages()
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        assert ledger.file.salvaged is not None
        assert (ledger.file.salvaged.lost, ledger.file.salvaged.lost_events) == (0, 0)
        ledger.commit(batch(waiting(1000)), moment())
    with closing(Outbox(path, "mqtt")) as outbox:
        assert len(outbox.after({}, 1000)) == 401
    check_up(path)


def test_repair_of_a_sound_file_compacts_it(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    assert purge(path, refused_only=False) == 400
    size = path.stat().st_size
    assert repair(path) is None
    assert path.stat().st_size < size
    assert Reader(path).outbox_status(moment(), BOOT)["pending"] == 0


def test_a_damaged_file_behind_a_symbolic_link_is_replaced_where_it_lies(tmp_path: Path) -> None:
    path, link = tmp_path / "card" / "edge-mask.db", tmp_path / "edge-mask.db"
    path.parent.mkdir()
    filled(path, 100)
    path.write_bytes(b"this was an SD card once" * 1000)
    link.symlink_to(path)
    with closing(Ledger(link, Bounds(), BOOT)) as ledger:
        ledger.open()
        assert ledger.file.salvaged is not None
        assert ledger.file.salvaged.aside.parent == path.parent
    assert link.is_symlink()
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_rows_of_a_salvaged_file_are_numbered_on_so_that_couriers_that_read_on_find_them(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path)
    purge(path, refused_only=False)
    with closing(Ledger(path, Bounds(), BOOT)) as ledger, closing(Outbox(path, "mqtt")) as reader:
        ledger.open()
        ledger.commit(batch(waiting(400)), moment())
        (last,) = reader.after({}, 10)
        assert last.row == 401
        path.write_bytes(b"\xff" * path.stat().st_size)
        path.with_name("edge-mask.db-wal").write_bytes(b"")
        ledger.file.reopen()
        assert ledger.file.salvaged is not None
        assert ledger.file.salvaged.rows == 0
        ledger.commit(batch(waiting(401)), moment())
        cursors = {Priority.TELEMETRY: last.row}
        assert [pending.message.id for pending in reader.after(cursors, 10)] == ["id-401"]
