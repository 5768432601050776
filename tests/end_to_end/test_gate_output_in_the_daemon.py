"""The gate's output through the installed command: a LED of the kernel stands for the relay."""

import os
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.act.trees import brightness, led
from tests.end_to_end.daemon import BARE, MASKED, Daemon, edge_mask, lines, write_config, write_model, write_scene
from tests.waiting import until

HANG = """
import os, pathlib, time
import edge_mask.vision.lane as lane

plain = lane.Lane.step

def step(self, stop):
    while pathlib.Path(os.environ["HANG"]).exists():
        time.sleep(0.05)
    plain(self, stop)

lane.Lane.step = step
"""
"""Loaded by Python before anything else: from the moment that the file is there, vision hangs."""


def gate(folder: Path, scene: list[Any], **times: Any) -> tuple[Path, Path, dict[str, str]]:
    """A configuration, the lamp, and the environment."""
    write_model(folder)
    write_scene(folder / "scene", scene)
    lamp = led(folder / "sys", "relay")
    config = write_config(
        folder, None, outputs=[{"name": "relay", "kind": "led", "path": "relay"}],
        gate={"votes": 3, "output": "relay", "still": "ignore", **times}, log={"format": "console", "level": "debug"},
    )  # fmt: skip
    return config, lamp, {"EDGE_MASK_SYSFS": str(folder / "sys")}


def test_it_opens_for_a_pass_and_closes_after_its_time_while_the_database_is_locked(tmp_path: Path) -> None:
    config, lamp, environ = gate(tmp_path, [None] * 30 + [MASKED] * 8, open_for="0.5s")
    with Daemon(config, environ=environ) as daemon:
        until(lambda: (lamp / "trigger").read_text() == "none")  # it is claimed: the house runs
        with closing(sqlite3.connect(tmp_path / "edge-mask.db", timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nothing can be written from here on
            until(lambda: brightness(lamp) == "255")
            until(lambda: brightness(lamp) == "0")
            other.execute("ROLLBACK")
        assert daemon.stop() == 0


def test_it_opens_for_nobody_else_and_a_stop_closes_it_in_the_middle_of_a_pass(tmp_path: Path) -> None:
    scene = [BARE] * 8 + [None] * 45 + [MASKED] * 8
    config, lamp, environ = gate(tmp_path, scene, open_for="60s", open_at_most="60s")
    with Daemon(config, environ=environ) as daemon:
        until(lambda: brightness(lamp) == "255")
        assert daemon.stop() == 0
    assert brightness(lamp) == "0"
    assert daemon.stderr.count("output relay: on") == 1
    history = edge_mask("history", "--json", "--config", config, cwd=tmp_path)
    assert [visit["verdict"] for visit in lines(history.out)] == ["no_pass", "pass"]


def test_kill_minus_nine_in_the_middle_of_a_pass_closes_it(tmp_path: Path) -> None:
    config, lamp, environ = gate(tmp_path, [MASKED] * 8, open_for="60s", open_at_most="60s")
    with Daemon(config, environ=environ) as daemon:
        until(lambda: brightness(lamp) == "255")
        daemon.process.kill()
        daemon.wait()
    until(lambda: brightness(lamp) == "0")


def test_a_daemon_that_is_stopped_in_its_tracks_leaves_no_gate_open(tmp_path: Path) -> None:
    # More looks than it takes: on a machine that is busy for two seconds, those before count no more.
    config, lamp, environ = gate(tmp_path, [MASKED] * 40, open_for="60s", open_at_most="60s")
    with Daemon(config, environ=environ) as daemon:
        until(lambda: brightness(lamp) == "255")
        daemon.send(signal.SIGSTOP)
        write_scene(tmp_path / "scene", [None] * 40)  # a second visit would open it again, and rightly
        until(lambda: brightness(lamp) == "0")
        daemon.send(signal.SIGCONT)
        # Two see it, and the one who looks first tells it: the guard, who switched off, or the gate's look at vision.
        until(lambda: re.search("(output relay|gate): back after", daemon.stderr))
        assert brightness(lamp) == "0"
        assert daemon.stop() == 0
    guard_said = "output relay: the daemon said nothing for a while, and it was switched off" in daemon.stderr
    gate_said = re.search(r"gate: vision has made no progress for \d+ s; output relay is off", daemon.stderr)
    assert guard_said or gate_said


def test_a_driver_that_hangs_stops_neither_visits_nor_the_daemon_and_is_tried_again(tmp_path: Path) -> None:
    scene = [None] * 30 + [MASKED] * 8 + [None] * 45 + [BARE] * 8
    config, lamp, environ = gate(tmp_path, scene, open_for="60s", open_at_most="60s")
    with Daemon(config, environ=environ) as daemon:
        until(lambda: (lamp / "trigger").read_text() == "none")
        os.mkfifo(tmp_path / "hangs")
        (tmp_path / "hangs").replace(lamp / "brightness")  # nobody reads it: whoever opens it waits for ever
        until(lambda: "output relay: the driver has not answered for 2 s; its process was ended" in daemon.stderr)

        def history() -> list[str]:
            ended = edge_mask("history", "--json", "--config", config, cwd=tmp_path)
            return [visit["verdict"] for visit in lines(ended.out)]

        until(lambda: history() == ["pass", "no_pass"])
        (tmp_path / "works").write_text("255")
        (tmp_path / "works").replace(lamp / "brightness")
        until(lambda: brightness(lamp) == "0")
        until(lambda: "output relay: back after" in daemon.stderr)
        assert daemon.stop() == 0
    assert "afresh" not in daemon.stderr


def test_when_vision_hangs_it_is_closed_long_before_the_watchdog_bites(tmp_path: Path) -> None:
    config, lamp, environ = gate(tmp_path, [MASKED] * 8, open_for="60s", open_at_most="60s")
    (tmp_path / "early").mkdir()
    (tmp_path / "early/sitecustomize.py").write_text(HANG)
    environ |= {"PYTHONPATH": str(tmp_path / "early"), "HANG": str(tmp_path / "hang")}
    with Daemon(config, environ=environ) as daemon:
        until(lambda: brightness(lamp) == "255")
        (tmp_path / "hang").touch()
        until(lambda: brightness(lamp) == "0")
        (tmp_path / "hang").unlink()
        until(lambda: "gate: back after" in daemon.stderr)
        assert daemon.stop() == 0
    assert len(re.findall(r"gate: vision has made no progress for \d s; output relay is off", daemon.stderr)) == 1


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"output": "door"}, 'gate.output: there is no output "door"; allowed: relay'),
        ({"output": "relay", "open_for": "0s"}, "gate.open_for: 0s is too small; allowed: a duration"),
        ({"output": "relay", "open_for": "2h"}, "gate.open_for: 2h is too large; allowed: a duration"),
        ({"output": "relay", "open_at_most": "1s"}, "gate.open_at_most: found 1s; allowed: at least open_for, 3s"),
        ({"output": "relay", "open_for": "40s"}, "gate.open_for: found 40s; allowed: at most gate.open_at_most, 30s"),
    ],
)
def test_times_and_names_that_cannot_be_meant(tmp_path: Path, section: dict[str, Any], sentence: str) -> None:
    write_model(tmp_path)
    outputs = [{"name": "relay", "kind": "led", "path": "relay"}]
    config = write_config(tmp_path, None, outputs=outputs, gate=section)
    ended = edge_mask("check", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert sentence in ended.err, ended
