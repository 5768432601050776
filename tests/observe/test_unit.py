"""The systemd unit: understood by systemd, hardened, and in step with the daemon."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "component/edge-mask.service"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze comes with systemd, which is not here")


def settings(section: str) -> dict[str, list[str]]:
    """Every key of a section with its values; a key may come several times."""
    found: dict[str, list[str]] = {}
    inside = ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif "=" in line and not line.startswith("#") and inside == section:
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s", text)[1])  # type: ignore[index]  # a mistake here fails the test, as it should


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / "edge-mask.service").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "edge-mask.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_verifying_notices_a_misspelt_key(tmp_path: Path) -> None:
    """What the test above relies on: an unknown key is told on stderr only."""
    (tmp_path / "edge-mask.service").write_text("[Service]\nExecStart=/bin/true\nRestrt=always\n", encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "edge-mask.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Restrt" in done.stderr


@needs_systemd
def test_the_unit_gives_the_daemon_little_to_break() -> None:
    """Exposure at most 2.0 of 10; without hardening it would be 9.5."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:]


def test_the_unit_is_in_step_with_the_daemon() -> None:
    service = settings("Service")
    assert service["Type"] == ["notify"]
    assert "-HUP" in service["ExecReload"][0]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert seconds(service["TimeoutStopSec"][0]) > 5
    assert seconds(service["WatchdogSec"][0]) >= 30
    assert service["WorkingDirectory"] == ["/var/lib/" + service["StateDirectory"][0]]


def test_the_daemon_may_ask_whether_the_clock_is_set() -> None:
    """Otherwise every message of a device without a clock chip would say `clock_ok: false` for ever."""
    service = settings("Service")
    assert service.get("ProtectClock", ["no"]) == ["no"]
    assert "clock_adjtime" in service["SystemCallFilter"][-1].split()


def test_leds_of_the_board_can_be_outputs_though_the_rest_of_sys_is_read_only() -> None:
    service = settings("Service")
    assert service["ProtectKernelTunables"] == ["yes"]
    assert service["ReadWritePaths"] == ["-/sys/devices/platform/leds"]


def test_a_broken_configuration_brings_up_safe_mode_and_never_a_loop() -> None:
    service = settings("Service")
    assert " run --safe-mode --config " in service["ExecStart"][0]
    assert service["RestartPreventExitStatus"] == ["2"], "what it ends with where there is no page"


def test_the_component_has_no_safe_mode_since_its_nucleus_must_see_the_failure() -> None:
    assert "--safe-mode" not in (UNIT.parent / "run.sh").read_text(encoding="utf-8")


def test_the_unit_can_be_enabled() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep capital letters
    parser.read(UNIT, encoding="utf-8")
    assert parser["Install"]["WantedBy"] == "multi-user.target"
