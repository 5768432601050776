"""The sink as a service of systemd: understood by systemd, hardened, and in step with the command."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.deploy.manifests import DEPLOY
from tests.observe.test_unit import needs_systemd

from edge_mask.cli import main

UNIT = DEPLOY / "edge-mask-sink.service"


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    (tmp_path / UNIT.name).write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_it_has_little_to_break() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]


def test_it_runs_a_command_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    (words,) = re.findall(r"(?m)^ExecStart=\S+/edge-mask (.+)$", UNIT.read_text())
    command, option, _ = words.split()
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert option in capsys.readouterr().out
