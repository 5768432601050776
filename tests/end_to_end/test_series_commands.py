"""The commands on series, as a person types them, on the database that a daemon left."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_series_learning import DAYS, store
from tests.app.watching import Site, Turned
from tests.end_to_end.daemon import Ended, edge_mask, lines, write_config

from edge_mask.cli import main

MAIN: dict[str, Any] = {
    "name": "main",
    "kind": "serial",
    "path": "/dev/nobody",
    "pattern": r"^(?P<flow>[\d.]+) (?P<pressure>[\d.]+)$",
    "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}, "pressure": {"unit": "bar"}},
    "outliers": {},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    now = datetime.now(UTC).timestamp()
    store(Site(tmp_path, clock=Turned(wall=now)), DAYS, int(now // 60) - 5)
    return write_config(tmp_path, None, cameras=[], sensors=[MAIN])


def series(config: Path, *words: str) -> Ended:
    return edge_mask("series", *words, "--config", config, cwd=config.parent)


def test_what_was_learned_is_shown_and_can_be_taken_back(config: Path) -> None:
    flow = ("--sensor", "main", "--quantity", "flow")
    before = lines(series(config, "status", "--json").out)
    assert [(each["quantity"], each["criteria"]["version"], each["model"]) for each in before] == [
        ("flow", 0, None), ("pressure", 0, None),
    ]  # fmt: skip
    assert before[0]["last"] - before[0]["first"] == DAYS * 86400
    assert before[1]["first"] is None

    learned = series(config, "learn", *flow)
    assert learned.code == 0, learned
    assert learned.out.splitlines()[0].startswith("main flow: criteria: version 1, from ")
    assert learned.out.splitlines()[1].startswith("main flow: model: from ")
    assert series(config, "learn", *flow).code == 0
    listed = lines(series(config, "criteria", "--json", *flow).out)
    assert [(each["version"], each["active"]) for each in listed] == [(0, False), (1, False), (2, True)]
    assert series(config, "criteria", "activate", "1", *flow).out.startswith("main flow: version 1 is in force")
    told = series(config, "criteria", *flow).out.splitlines()
    assert [line[0] for line in told] == [" ", "*", " "]
    assert "version 1, learned 20" in told[1]

    status = series(config, "status", *flow).out
    assert "30.0 days of minutes, the last" in status
    assert re.search(r"criteria of version 1, \d min old", status)
    found = {each["part"]: (each["state"], each["text"]) for each in lines(check(config).out)}
    assert found["series main pressure"][1].startswith("nothing is stored yet; criteria are learned from three weeks")
    state, text = found["series main flow"]
    assert state == "ok"
    assert "leaks from " in text
    assert "% of the night minimum on" in text
    assert re.search(r"forecasts by a model of (29|30) days, the last \d+ min ago", text)


def test_a_damaged_version_is_listed_and_says_how_to_repair(config: Path) -> None:
    flow = ("--sensor", "main", "--quantity", "flow")
    assert series(config, "learn", *flow).code == series(config, "learn", *flow).code == 0
    (folder,) = config.parent.glob("*.db.series/main.flow.*")
    (folder / "criteria/0002.yaml").write_text("max: [")
    listed = series(config, "criteria", *flow)
    assert [line[0] for line in listed.out.splitlines()] == [" ", "*", "!"]
    assert "main flow: version 2 cannot be used: " in listed.out
    assert "version 1 is used instead (edge-mask series criteria activate N puts one in force)" in listed.err
    found = lines(series(config, "criteria", "--json", *flow).out)
    assert [(each["active"], "problem" in each) for each in found] == [(False, False), (True, False), (False, True)]
    (folder / "active").write_text("seven")
    assert "active: holds no number; " in series(config, "criteria", *flow).err
    assert series(config, "status", *flow).err == ""
    shown = series(config, "criteria", "show", *flow).out
    assert re.search(r"version: 1  # learned 20\d\d-\d\d-\d\d \d\d:\d\d from (29|30) days", shown)
    assert "# minutes that a value may stay exactly the same" in shown
    assert series(config, "criteria", "activate", "1", *flow).code == 0
    assert series(config, "criteria", *flow).err == ""


def check(config: Path) -> Ended:
    return edge_mask("check", "--config", config, "--json", cwd=config.parent)


def test_what_cannot_be_done_is_a_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("learn", "--quantity", "pressure"), 1, "main pressure: criteria: main pressure: 0 days"),
        (("forecast",), 1, "main flow: no forecast yet"),
        (("status", "--sensor", "nobody"), 1, "there is no such series; there are: main flow, main pressure"),
        (("criteria", "activate"), 2, "activate needs the number of a version"),
        (("criteria", "activate", "1"), 2, "say --sensor and --quantity; there are main flow; main pressure"),
        (("criteria", "activate", "7", "--quantity", "flow"), 1, "there is no version 7; there are 0 (shipped)"),
        (("criteria", "activate", "-1"), 2, ""),
        (("criteria", "show", "x"), 2, "'x' is not the number of a version"),
        (("criteria", "forget"), 2, "invalid choice"),
        (("criteria", "show", "0", "--quantity", "flow"), 0, "# main flow\nversion: 0  # shipped"),
    ]
    for words, code, sentence in cases:
        try:
            ended = main(["series", *words, "--config", str(config)])
        except SystemExit as wrong_usage:
            ended = int(wrong_usage.code or 0)
        said = "".join(capsys.readouterr())
        assert (ended, sentence in said, "Traceback" in said) == (code, True, False), (words, said)


@pytest.mark.parametrize("command", ["status", "learn", "forecast", "criteria"])
def test_without_a_database_each_command_says_so(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, None, cameras=[], sensors=[MAIN])
    assert main(["series", command, "--config", str(config)]) == 4
    said = "".join(capsys.readouterr())
    assert "there is no such database yet; it appears when the daemon first runs" in said


def test_without_series_the_commands_say_so(tmp_path: Path) -> None:
    plain = {name: value for name, value in MAIN.items() if name != "outliers"}
    config = write_config(tmp_path, None, cameras=[], sensors=[plain])
    ended = series(config, "status")
    assert (ended.code, ended.err.startswith("no series are kept")) == (1, True)
