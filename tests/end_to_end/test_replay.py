"""`edge-mask replay`: a stored visit is decided again from its record, or a sentence says why not."""

import json
import re
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.decide.scenes import sight, track, visits, watched
from tests.end_to_end.daemon import edge_mask, lines, write_config
from tests.ledger.rows import batch, moment

from edge_mask import cli
from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.record import MadeBy
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import MASK, NO_MASK, Visit

MADE_BY = MadeBy("0.0.9", "mask-detector 1.7.1", "0123456789abcdef" * 4)


def someone(looks: str, temperature: float = 36.6) -> Visit:
    """Whoever is seen so at a gate with a thermometer."""
    watch = GateWatch("front", GatePolicy(fever_above=37.5), made_by=MADE_BY)
    return visits(watched(watch, looks, temperatures=[temperature]))[0]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A device with two stored visits, `v-bare` and `v-masked`."""
    with closing(Ledger(tmp_path / "edge-mask.db", Bounds(), "boot-1")) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("v-bare", someone("NNNNNNN")), ("v-masked", someone("MMNMMMMM")))), moment())
    return write_config(tmp_path, None)


@pytest.fixture
def replay(site: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        code = cli.main(["replay", *words, "--config", str(site)])
        return code, *capsys.readouterr()

    return run


def change(site: Path, name: str, **columns: Any) -> None:
    """Another value in the row of a visit."""
    with closing(sqlite3.connect(site.with_name("edge-mask.db"))) as connection:
        for column, value in columns.items():
            connection.execute(f"UPDATE visits SET {column} = ? WHERE id = ?", (value, name))
        connection.commit()


def content(site: Path, name: str) -> dict[str, Any]:
    with closing(sqlite3.connect(site.with_name("edge-mask.db"))) as connection:
        (packed,) = connection.execute("SELECT record FROM visits WHERE id = ?", (name,)).fetchone()
    found: dict[str, Any] = json.loads(zlib.decompress(packed))
    return found


def rewrite(site: Path, name: str, **changes: Any) -> None:
    """Other content in its record."""
    change(site, name, record=zlib.compress(json.dumps({**content(site, name), **changes}).encode()))


def test_a_visit_is_shown_look_by_look_and_is_the_same(site: Path) -> None:
    shown = edge_mask("replay", "v-bare", "--config", site, cwd=site.parent)
    assert (shown.code, shown.err) == (0, "")
    told = shown.out.splitlines()
    assert told[0].startswith("visit v-bare  front  ")
    assert told[1].startswith("edge-mask 0.0.9 (this is ")
    assert told[2] == f"sha256 {MADE_BY.sha256}"
    assert "votes 5, window 2.0" in told[3]
    table = told[5 : told.index("", 5)]
    assert re.match(r"at +label +score +x +y +w +h +", table[0])
    assert [line.split()[:3] for line in table[1:]] == [[f"{n * 0.2:.1f}", "no_mask", "0.9"] for n in range(5)]
    assert table[-1].endswith("JUDGED    no_pass no_mask")
    assert told[-3:] == [
        "then: no_pass, no_mask (0.90), 36.6, because: no_mask",
        "now:  no_pass, no_mask (0.90), 36.6, because: no_mask",
        "same",
    ]


def test_the_same_as_data(replay: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = replay("v-masked", "--json")
    (told,) = lines(out)
    assert (code, told["same"], told["differs"], told["visit"]["id"]) == (0, True, [], "v-masked")
    assert (told["program"], told["model"], told["sha256"]) == (MADE_BY.program, MADE_BY.model, MADE_BY.sha256)
    assert told["gate"]["fever_above"] == 37.5
    assert [look["label"] for look in told["looks"]] == [MASK, MASK, NO_MASK, MASK, MASK, MASK, MASK], "five ahead"
    assert told["again"]["verdict"] == "pass"


def test_settings_are_those_of_the_record_and_not_of_the_file(site: Path) -> None:
    write_config(site.parent, None, gate={"votes": 9, "min_face": 0.8})
    assert edge_mask("replay", "v-bare", "--config", site, cwd=site.parent).code == 0


def test_another_answer_is_told_with_exit_code_1(site: Path, replay: Callable[..., tuple[int, str, str]]) -> None:
    change(site, "v-bare", verdict="pass", ispass=1, reasons="[]", mask_score=0.81)
    code, out, err = replay("v-bare")
    assert (code, err) == (1, "")
    assert out.splitlines()[-1] == (
        "differs: verdict was pass, now no_pass; mask_score was 0.81, now 0.9; reasons was none, now no_mask"
    )
    code, out, _ = replay("v-bare", "--json")
    assert (code, lines(out)[0]["same"], len(lines(out)[0]["differs"])) == (1, False, 3)


def test_settings_that_decide_nothing_now_are_another_answer(
    site: Path, replay: Callable[..., tuple[int, str, str]]
) -> None:
    rewrite(site, "v-bare", gate={**content(site, "v-bare")["gate"], "votes": 50})
    code, out, _ = replay("v-bare")
    assert (code, out.splitlines()[-2:]) == (
        1, ["now:  nothing", "differs: the visit was no_pass, now nothing is decided"],
    )  # fmt: skip


def test_a_look_that_weighs_something_else_now_shows_both(
    site: Path, replay: Callable[..., tuple[int, str, str]]
) -> None:
    rewrite(site, "v-bare", weights=[0.5, 1.0, 1.0, 1.0, 1.0])
    code, out, _ = replay("v-bare")
    assert (code, "0.5, now 1.0" in out) == (0, True)
    _, out, _ = replay("v-bare", "--json")
    first = lines(out)[0]["looks"][0]
    assert (first["weight"], first["weight_again"]) == (0.5, 1.0)


def test_a_visit_on_which_no_label_has_won_is_decided_again(
    site: Path, replay: Callable[..., tuple[int, str, str]]
) -> None:
    with closing(Ledger(site.with_name("edge-mask.db"), Bounds(), "boot-1")) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("v-unsure", someone("MN" * 20)),)), moment())
    code, out, _ = replay("v-unsure")
    assert code == 0
    assert out.splitlines()[-2] == "now:  no_pass, no label, 36.6, because: unsure"


def test_an_id_that_nobody_has_is_a_sentence(replay: Callable[..., tuple[int, str, str]]) -> None:
    assert replay("v-9") == (
        1, "", "v-9: there is no such visit; edge-mask history shows their ids\n",
    )  # fmt: skip


def test_a_visit_of_an_older_database_is_a_sentence(site: Path, replay: Callable[..., tuple[int, str, str]]) -> None:
    change(site, "v-bare", record=None)
    assert replay("v-bare") == (
        1, "", "v-bare: has no record; it was stored by an edge-mask that kept none\n",
    )  # fmt: skip


def test_a_record_of_a_newer_version_is_a_sentence(site: Path, replay: Callable[..., tuple[int, str, str]]) -> None:
    rewrite(site, "v-bare", v=99)
    code, out, err = replay("v-bare")
    assert (code, out) == (1, "")
    assert err == ("v-bare: the record has version 99, this program knows 1: it was written by a newer edge-mask\n")


@pytest.mark.parametrize("record", [b"", b"\x00" * 40, "text", 5], ids=["empty", "zeros", "text", "number"])
def test_a_damaged_record_is_a_sentence(site: Path, replay: Callable[..., tuple[int, str, str]], record: Any) -> None:
    change(site, "v-bare", record=record)
    code, out, err = replay("v-bare", "--json")
    assert (code, out) == (1, "")
    assert err.startswith("v-bare: the record is damaged")


def test_a_damaged_row_is_a_sentence(site: Path, replay: Callable[..., tuple[int, str, str]]) -> None:
    change(site, "v-bare", reasons="{", mask_score="high")
    assert replay("v-bare") == (
        1, "", "v-bare: its row is damaged (mask_score, reasons): what was said is not known\n",
    )  # fmt: skip


def test_looks_before_the_first_one_of_the_record_are_told(
    site: Path, replay: Callable[..., tuple[int, str, str]]
) -> None:
    watch, said = GateWatch("front", GatePolicy(), made_by=MADE_BY), []
    for number in range(2000):
        seen = [track(NO_MASK if number < 1900 else MASK, x=200.0 + number % 7)]
        said += visits(watch.observe(sight(seen, number / 30)))
    with closing(Ledger(site.with_name("edge-mask.db"), Bounds(), "boot-1")) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("v-long", said[-1]),)), moment())
    code, out, _ = replay("v-long")
    assert code == 0
    assert re.search(r"^1\d\d\d looks before these found no room", out, re.MULTILINE)
    assert out.splitlines()[-1] == "same"


def test_no_database_and_no_id_are_wrong(tmp_path: Path) -> None:
    config = write_config(tmp_path, None)
    ended = edge_mask("replay", "v", "--config", config, cwd=tmp_path)
    assert (ended.code, "there is no such database yet" in ended.err) == (4, True)
    assert edge_mask("replay", "--config", config, cwd=tmp_path).code == 2
    assert edge_mask("replay", "", "--config", config, cwd=tmp_path).code == 2


def test_history_shows_no_record(site: Path) -> None:
    for how in ("--json", "--csv"):
        assert "record" not in edge_mask("history", how, "--config", site, cwd=site.parent).out
