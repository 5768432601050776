"""The machine's state, read from real file trees."""

import os
from pathlib import Path

import psutil
import pytest

from edge_mask.app.health import health_values
from edge_mask.observe.machine import Machine, Probe


def write(root: Path, file: str, text: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "proc/stat", "cpu  100 10 50 800 40 0 0 0 0 0\ncpu0 1 2 3 4\n")
    write(tmp_path, "proc/meminfo", "MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\n")
    write(tmp_path, "proc/self/status", "Name:\tpython\nVmRSS:\t   2048 kB\n")
    write(tmp_path, "proc/uptime", "86412.70 300.00\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "acpitz\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "20000\n")
    write(tmp_path, "sys/class/thermal/thermal_zone10/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone10/temp", "54236\n")
    return tmp_path


def test_processor_use_is_counted_between_two_looks_without_waiting_for_disks(root: Path) -> None:
    probe = Probe(root)
    assert probe.read().cpu is None
    write(root, "proc/stat", "cpu  130 10 70 840 50 0 0 0 99 99\n")
    assert probe.read().cpu == 50.0


def test_memory_and_uptime_and_the_processors_own_thermometer_are_read(root: Path) -> None:
    machine = Probe(root).read()
    assert machine == Machine(cpu=None, memory=25.0, rss=2048 * 1024, soc_temperature=54.2, uptime_s=86412.7)


def test_without_a_zone_named_for_the_processor_the_first_one_counts(root: Path) -> None:
    write(root, "sys/class/thermal/thermal_zone10/type", "battery\n")
    assert Probe(root).read().soc_temperature == 20.0


def test_a_machine_that_says_nothing_gives_nothing(tmp_path: Path) -> None:
    nothing = Machine(cpu=None, memory=None, rss=None, soc_temperature=None, uptime_s=None)
    assert Probe(tmp_path).read() == nothing


@pytest.mark.parametrize("text", ["", "nonsense", "cpu a b c d e f g h", "cpu 1 2"])
def test_a_machine_that_talks_nonsense_gives_nothing(root: Path, text: str) -> None:
    for file in ("stat", "meminfo", "self/status", "uptime"):
        write(root, f"proc/{file}", text)
    write(root, "sys/class/thermal/thermal_zone10/temp", text)
    assert Probe(root).read() == Machine(cpu=None, memory=None, rss=None, soc_temperature=None, uptime_s=None)


def test_a_thermometer_that_goes_away_gives_nothing(root: Path) -> None:
    probe = Probe(root)
    (root / "sys/class/thermal/thermal_zone10/temp").unlink()
    assert probe.read().soc_temperature is None


def test_this_machine_is_read_as_others_read_it() -> None:
    probe = Probe()
    sum(number * number for number in range(300_000))
    machine = probe.read()
    assert machine.rss is not None
    assert machine.rss == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.2)
    assert machine.memory == pytest.approx(psutil.virtual_memory().percent, abs=10)
    assert machine.uptime_s is not None
    assert machine.uptime_s > 0
    assert machine.cpu is None or 0 <= machine.cpu <= 100


def test_the_health_message_has_the_fields_of_the_contract() -> None:
    machine = Machine(cpu=1.0, memory=2.0, rss=3, soc_temperature=4.0, uptime_s=5.0)
    outbox = {"pending": 1, "bytes": 2, "oldest_s": 3.0, "dropped": {"age": 0}, "refused": 9}
    found = health_values(
        machine, fps=9.87654, inference_ms=12.3456, frames_replaced=7, outbox=outbox, clock_synced=True
    )
    assert found == {
        "cpu": 1.0,
        "memory": 2.0,
        "rss": 3,
        "soc_temperature": 4.0,
        "uptime_s": 5.0,
        "fps": 9.88,
        "inference_ms": 12.35,
        "frames_replaced": 7,
        "outbox": {"pending": 1, "bytes": 2, "oldest_s": 3.0, "dropped": {"age": 0}},
        "clock_synced": True,
    }
