"""The set-up of `make demo` and `make test`, on machines that are made of a PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "env", "cat", "cksum", "dirname", "mkdir", "mktemp", "rm", "cp", "make", "touch", "chmod")
FAKES = {
    "python3": """
case "$*" in
  *version_info\\[:2\\]\\)*) echo "$FAKE_VERSION" ;;
  *ensurepip,*) [ -z "$FAKE_NO_VENV" ] ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install"*) exit "$FAKE_PIP" ;;
esac
""",
    "id": 'echo "$FAKE_UID"',
    "sudo": '[ -n "$FAKE_SUDO" ] || exit 1; shift; exec "$@"',
    "apt-get": """
case "$*" in
  *install*) [ -z "$FAKE_APT" ] || { echo "E: $FAKE_APT" >&2; exit 100; }
    for name in mosquitto cc systemd-analyze chromium promtool postgres mariadbd docker-registry minisign; do
      cp "$BIN/true" "$BIN/$name"
    done
    FAKE_NO_VENV= ;;
esac
""",
    "mosquitto": "",
    "cc": "",
    "systemd-analyze": "",
    "chromium": "",
    "promtool": "",
    "postgres": "",
    "mariadbd": "",
    "docker-registry": "",
    "minisign": "",
    "true": "",
}


class Machine:
    """A copy of what the set-up consists of, and nothing on the PATH but tools, and programs that note their calls."""

    def __init__(self, folder: Path, without: tuple[str, ...] = (), **state: str) -> None:
        self.repository = folder / "repository"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.state = {"FAKE_VERSION": "3.11", "FAKE_UID": "0", "FAKE_PIP": "0"} | state
        self.bin.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        for name, text in FAKES.items():
            if name not in without:
                self.install(name, text)
        for name in ("scripts/prepare", "Makefile", "pyproject.toml"):
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.repository / name)
        (self.repository / "requirements").mkdir()
        (self.repository / "requirements/dev.txt").write_text("x==1\n")

    def install(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$LOG"\n{text}\n')
        (self.bin / name).chmod(0o755)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": str(self.bin),
            "BIN": str(self.bin),
            "LOG": str(self.log),
            "SBIN": "",
            "POSTGRES": "",
            **self.state,
        }
        for name in ("FAKE_NO_VENV", "FAKE_SUDO", "FAKE_APT"):
            environment.setdefault(name, "")
        return subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def calls(self, *of: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if not of or line.split()[0] in of]


LACKS = ("mosquitto", "cc")
PACKAGES = "mosquitto gcc libc6-dev"


@pytest.mark.parametrize(
    ("without", "state", "sentence"),
    [
        (
            LACKS,
            {"FAKE_UID": "1000"},
            f"Missing here: {PACKAGES}. Paste `sudo apt-get install -y {PACKAGES}`, then try",
        ),
        ((*LACKS, "sudo"), {"FAKE_UID": "1000"}, f"Let root run `apt-get install -y {PACKAGES}`, then try again."),
        ((*LACKS, "apt-get"), {}, f"Missing here: {PACKAGES} (Debian's names). There is no apt-get:"),
        ((), {"FAKE_VERSION": "3.9"}, "Python 3.11 or newer is needed, and python3 is Python 3.9:"),
        ((), {"PYTHON": "python9"}, "There is no python9 here"),
        (("python3",), {"FAKE_UID": "1000"}, "Paste `sudo apt-get install -y python3 python3-venv`"),
        ((), {"FAKE_UID": "1000", "FAKE_NO_VENV": "1"}, "Paste `sudo apt-get install -y python3.11-venv`"),
    ],
)
def test_what_is_missing_and_may_not_be_installed_stops_the_tests_at_once(
    tmp_path: Path, without: tuple[str, ...], state: dict[str, str], sentence: str
) -> None:
    machine = Machine(tmp_path, without, **state)
    ended = machine.run("make", "--no-print-directory", "test")
    assert ended.returncode != 0
    said = [line for line in ended.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1, ended.stderr
    assert sentence in said[0]
    assert ended.stdout == ""
    assert not machine.calls("apt-get")
    assert not [call for call in machine.calls("python3") if " -m " in call], "nothing was begun"
    assert not (machine.repository / ".venv").exists()


@pytest.mark.parametrize(("state", "through"), [({}, "apt-get"), ({"FAKE_UID": "1000", "FAKE_SUDO": "1"}, "sudo")])
def test_what_is_missing_is_installed_when_the_user_may(tmp_path: Path, state: dict[str, str], through: str) -> None:
    machine = Machine(tmp_path, LACKS, **state)
    ended = machine.run("scripts/prepare", "system", "python", "test")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"Installing {PACKAGES} ...\n"
    assert machine.calls("apt-get") == [
        "apt-get update -qq",
        f"apt-get install -y -qq --no-install-recommends {PACKAGES}",
    ]
    assert bool(machine.calls("sudo")) is (through == "sudo")


def test_a_machine_that_has_everything_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ended = machine.run("scripts/prepare", "system", "python", "test", "make")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert not machine.calls("apt-get", "sudo", "id")


def test_the_demo_needs_nothing_that_only_the_tests_need(tmp_path: Path) -> None:
    machine = Machine(tmp_path, (*LACKS, "systemd-analyze", "apt-get", "sudo"), FAKE_UID="1000")
    ended = machine.run("make", "--no-print-directory", "environment")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (machine.repository / ".venv/.installed").exists()


def test_an_installation_that_fails_shows_why(tmp_path: Path) -> None:
    machine = Machine(tmp_path, LACKS, FAKE_APT="Unable to locate package mosquitto")
    ended = machine.run("scripts/prepare", "system", "test")
    assert ended.returncode != 0
    assert ended.stderr.startswith("E: Unable to locate package mosquitto\n")
    assert ended.stderr.endswith(f"apt-get could not install {PACKAGES}: what it says stands above.\n")


def environment(machine: Machine) -> "subprocess.CompletedProcess[str]":
    machine.log.unlink(missing_ok=True)
    return machine.run("scripts/prepare", "environment", ".venv", "requirements/dev.txt")


def made(machine: Machine) -> tuple[int, int]:
    """How many environments were made and filled."""
    calls = machine.calls("python3")
    return sum(" -m venv" in call for call in calls), sum("--require-hashes" in call for call in calls)


def test_an_environment_is_made_once_and_brought_up_to_date_with_its_requirements(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert environment(machine).stdout == "Creating the environment in .venv (about a minute, once) ...\n"
    assert made(machine) == (1, 1)
    (machine.repository / "pyproject.toml").touch()
    assert (environment(machine).stdout, made(machine)) == ("", (0, 0)), "a new date changes nothing"
    (machine.repository / "requirements/dev.txt").write_text("x==2\n")
    assert environment(machine).stdout == "Bringing the environment in .venv up to date ...\n"
    assert made(machine) == (0, 1)


def test_an_interrupted_set_up_is_begun_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path, FAKE_PIP="130")
    ended = environment(machine)
    assert ended.returncode != 0
    assert ended.stderr.startswith("The packages of requirements/dev.txt could not be installed")
    (machine.repository / ".venv/half").touch()
    machine.state["FAKE_PIP"] = "0"
    environment(machine)
    assert made(machine) == (1, 1)
    assert not (machine.repository / ".venv/half").exists()
    assert not (machine.repository / ".venv/.unfinished").exists()


def test_an_interrupted_update_is_done_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    environment(machine)
    (machine.repository / "requirements/dev.txt").write_text("x==2\n")
    machine.state["FAKE_PIP"] = "130"
    assert environment(machine).returncode != 0
    machine.state["FAKE_PIP"] = "0"
    environment(machine)
    assert made(machine) == (0, 1)


def test_an_environment_made_by_hand_is_filled_and_one_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    environment(machine)
    mark = machine.repository / ".venv/by-hand"
    mark.touch()
    (machine.repository / ".venv/.installed").unlink()
    environment(machine)
    assert (made(machine), mark.exists()) == ((0, 1), True)
    machine.repository = machine.repository.rename(tmp_path / "moved")
    environment(machine)
    assert (made(machine), (machine.repository / ".venv/by-hand").exists()) == ((1, 1), False)


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    environment(machine)
    (machine.repository / ".venv/bin/python").unlink()
    environment(machine)
    assert made(machine) == (1, 1)


def test_what_was_not_tested_is_said_in_one_line_for_each_reason(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/detect/test_peers.py"]
    ended = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"EDGE_MASK_PEERS": str(tmp_path)}, capture_output=True, text=True
    )
    lines = ended.stdout.splitlines()
    told = lines[next(number for number, line in enumerate(lines) if " not tested here " in line) + 1 :]
    assert told[0] == "2 tests: the peers' weights are not part of this project; EDGE_MASK_PEERS names their folder"
    assert len(told) == 2, "beside it the totals alone"


def test_the_gate_names_no_package_of_its_own() -> None:
    assert "apt" not in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / "scripts/prepare", os.X_OK)
