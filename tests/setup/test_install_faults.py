"""`make install` on machines that are made of a PATH: what it says when it cannot, and what stays as it was."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "sh", "env", "cat", "cksum", "dirname", "mkdir", "mktemp", "rm", "cp", "make", "chmod", "sed", "find", "sort",
    "cut", "awk", "ln", "mv", "readlink", "basename", "cmp", "rmdir", "grep", "flock",
)  # fmt: skip
FAKES = {
    "python3": """
case "$*" in
  *version_info\\[:2\\]\\)*) echo "$FAKE_VERSION" ;;
  *ensurepip,*) [ -z "$FAKE_NO_VENV" ] ;;
  *base_prefix\\)*) case "$*" in *sys.version*) echo "$FAKE_VERSION" ;; *) echo "$FAKE_BASE" ;; esac ;;
  *calcsize*) [ -z "$FAKE_32_BIT" ] ;;
  *find_spec*) [ -z "$FAKE_NO_PICAMERA2" ] ;;
  *"import numpy"*) [ -n "$FAKE_OLD_NUMPY" ] ;;
  "-m venv "*) for last in "$@"; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python" ;;
  "-m pip install"*) exit "$FAKE_PIP" ;;
  "-P -m edge_mask"*) [ -z "$FAKE_BROKEN" ] ;;
esac
""",
    "id": 'echo "$FAKE_UID"',
    "df": 'echo "Filesystem 1024-blocks Used Available"; echo "/dev/root 9 9 $FAKE_FREE_KB"',
    "sync": "",
    "systemctl": """
case "$1" in
  is-active) [ -n "$FAKE_ACTIVE" ] ;;
  restart) [ -z "$FAKE_FAILS" ] ;;
  show) echo "$FAKE_STATUS" ;;
esac
""",
    "apt-get": 'case "$*" in *install*) touch "$APT_DONE" ;; esac',
    "touch": "",
}


class Machine:
    """A copy of what an installation reads, and nothing on the PATH but tools, and programs that note their calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.state = {"FAKE_VERSION": "3.11", "FAKE_UID": "0", "FAKE_PIP": "0", "FAKE_FREE_KB": "9000000"}
        for name in ("bin", "run", "repository/src/edge_mask"):
            (folder / name).mkdir(parents=True)
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        for name, text in FAKES.items():
            (self.bin / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$LOG"\n{text}\n')
            (self.bin / name).chmod(0o755)
        for name in ("scripts", "config", "component", "requirements", "models"):
            (self.repository / name).symlink_to(ROOT / name)
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.repository)
        # The script goes to the folder above its own, which must be this copy.
        (self.repository / "scripts").unlink()
        shutil.copytree(ROOT / "scripts", self.repository / "scripts")
        (folder / "group").write_text("video:x:44:\n")
        self.version("0.1.0")

    def version(self, number: str) -> None:
        (self.repository / "src/edge_mask/__init__.py").write_text(f'__version__ = "{number}"\n')

    def make(self, goal: str, *words: str, umask: str = "022", **state: str) -> "subprocess.CompletedProcess[str]":
        """Without DESTDIR among the words it is an installation on the machine itself."""
        self.log.unlink(missing_ok=True)
        names = ("NO_VENV", "32_BIT", "NO_PICAMERA2", "OLD_NUMPY", "BROKEN", "ACTIVE", "FAILS", "BASE")
        environ = {
            **{f"FAKE_{name}": "" for name in names}, "PATH": str(self.bin), "SBIN": "", "LOG": str(self.log),
            "APT_DONE": str(self.folder / "apt"), "RUNNING_SYSTEMD": str(self.folder / "run"),
            "GROUP_FILE": str(self.folder / "group"), "RPI_ISSUE": str(self.folder / "rpi-issue"),
            "STATEDIR": str(self.folder / "var/lib/edge-mask"), "PREFIX": str(self.folder / "opt/edge-mask"),
            "BINDIR": str(self.folder / "usr/bin"), "SYSCONFDIR": str(self.folder / "etc"), "PYTHON": "python3",
            **self.state, **state,
        }  # fmt: skip
        command = [
            "sh",
            "-c",
            'umask "$1"; shift; exec "$@"',
            "sh",
            umask,
            "make",
            "--no-print-directory",
            goal,
            *words,
        ]
        return subprocess.run(
            command, cwd=self.repository, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    def calls(self, of: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.split()[0] == of]

    def link(self, name: str) -> str:
        return (self.folder / "opt/edge-mask" / name).readlink().name

    @property
    def constraints(self) -> str:
        """What bound the versions of the release in use."""
        return (self.folder / "opt/edge-mask/current/constraints.txt").read_text()

    @property
    def releases(self) -> list[str]:
        return sorted(each.name for each in (self.folder / "opt/edge-mask/releases").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sentences(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("make:")]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"FAKE_UID": "1000"}, "only root may do this: sudo make install"),
        ({"FAKE_VERSION": "3.9"}, "Python 3.11 or newer is needed, and python3 is Python 3.9"),
        ({"PYTHON": "python9"}, "There is no python9 here"),
        ({"FAKE_32_BIT": "1"}, "python3 is a 32-bit program, and there are no wheels of OpenCV and LiteRT for it"),
        ({"FAKE_FREE_KB": "204800"}, "has 200 MB of free space; a new release needs 800 MB"),
        ({"PREFIX": "/"}, "PREFIX / cannot be used: give a folder for edge-mask alone"),
        ({"PREFIX": "/usr"}, "PREFIX /usr cannot be used"),
        ({"PREFIX": "/usr/local"}, "PREFIX /usr/local cannot be used"),
        ({"PREFIX": "/opt/../etc"}, "\"/opt/../etc\" cannot be used: '..' may lead out of the folder that is meant"),
        ({"DESTDIR": "/mnt/image/.."}, "\"/mnt/image/..\" cannot be used: '..' may lead out of the folder"),
        ({"STATEDIR": "/var/lib"}, "STATEDIR /var/lib cannot be used: it ends with /edge-mask"),
        ({"PREFIX": "/home/pi/edge-mask"}, "the service sees nothing below /home and /root"),
        ({"FAKE_BASE": "/home/pi/.pyenv"}, "the Python in /home/pi/.pyenv cannot be used: the service sees nothing"),
        ({"PREFIX": "edge-mask"}, '"edge-mask" is no absolute path'),
        ({"PREFIX": "/opt/edge mask"}, '"/opt/edge mask" cannot be used; allowed: letters'),
        ({"FAKE_PIP": "1"}, "the packages could not be installed: what pip says stands above"),
        ({"FAKE_BROKEN": "1"}, "what was installed does not start: the reason stands above"),
        ({"SITE": "maybe"}, 'SITE is "maybe"; allowed: yes, no'),
        ({"PURGE": "yes"}, 'PURGE is "yes"; allowed: 1, or nothing'),
        ({"WHEELS": "/nowhere"}, 'WHEELS is "/nowhere", and there is no such folder'),
        ({"EXAMPLE": "gat.yaml"}, "there is no example config/gat.yaml; allowed: analyse.yaml cctv.yaml gate.yaml "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_sentence_and_nothing_is_switched(
    machine: Machine, state: dict[str, str], sentence: str
) -> None:
    done = machine.make("install", **state)
    assert done.returncode != 0
    [said] = sentences(done)
    assert sentence in said
    assert machine.calls("systemctl") == []
    assert not (machine.folder / "opt/edge-mask/current").exists()
    assert not (machine.folder / "etc/systemd").exists()


def test_a_first_installation_enables_the_service_and_says_what_to_do_next(machine: Machine) -> None:
    done = machine.make("install")
    assert (done.returncode, done.stderr) == (0, "")
    assert "systemctl enable --quiet edge-mask.service" in machine.calls("systemctl")
    assert not any("restart" in call for call in machine.calls("systemctl")), "an example is not started unasked"
    assert f"edit {machine.folder}/etc/edge-mask/config.yaml, then" in done.stdout
    unit = (machine.folder / "etc/systemd/system/edge-mask.service").read_text()
    program, config = "opt/edge-mask/current/bin/edge-mask", "etc/edge-mask/config.yaml"
    assert f"ExecStart={machine.folder}/{program} run --safe-mode --config {machine.folder}/{config}\n" in unit
    assert (machine.folder / "usr/bin/edge-mask").resolve() == (
        machine.folder / "opt/edge-mask/releases" / machine.link("current") / "bin/edge-mask"
    )


def test_a_second_run_makes_nothing_and_restarts_nothing(machine: Machine) -> None:
    machine.make("install")
    done = machine.make("install", FAKE_ACTIVE="1")
    assert "nothing was changed" in done.stdout
    assert machine.calls("systemctl") == []
    assert not [call for call in machine.calls("python3") if "-m venv" in call or "-m pip" in call]


def test_an_upgrade_restarts_the_service_and_keeps_the_release_before_and_no_older_one(machine: Machine) -> None:
    names = []
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        machine.version(version)
        done = machine.make("install", FAKE_ACTIVE="1")
        assert done.returncode == 0, done.stderr
        assert "systemctl restart edge-mask.service" in machine.calls("systemctl")
        names.append(machine.link("current"))
    assert [name.partition("-")[0] for name in names] == ["0.1.0", "0.2.0", "0.3.0"]
    assert machine.releases == names[1:]
    assert machine.link("previous") == names[1]
    done = machine.make("rollback")
    assert (machine.link("current"), machine.link("previous")) == (names[1], names[2])
    assert "systemctl try-restart edge-mask.service" in machine.calls("systemctl")
    assert done.stdout == f"edge-mask is {names[1]} now; it was {names[2]}.\n"


@pytest.mark.parametrize("fault", ["FAKE_PIP", "FAKE_BROKEN", "FAKE_FREE_KB"])
def test_an_upgrade_that_fails_leaves_the_old_release_running_and_the_next_try_repairs_it(
    machine: Machine, fault: str
) -> None:
    machine.make("install")
    old = machine.link("current")
    machine.version("0.2.0")
    done = machine.make("install", **{fault: "1"})
    assert done.returncode != 0
    assert machine.link("current") == old
    assert machine.calls("systemctl") == []
    assert machine.make("install").returncode == 0
    assert machine.link("current").startswith("0.2.0-")


def test_a_release_that_does_not_start_as_a_service_is_told_with_the_way_back(machine: Machine) -> None:
    machine.make("install")
    machine.version("0.2.0")
    done = machine.make("install", FAKE_ACTIVE="1", FAKE_FAILS="1")
    assert done.returncode != 0
    [said] = sentences(done)
    assert "does not start: journalctl -u edge-mask -n 50 says why. Back to the one before: sudo make rollback" in said
    assert machine.make("rollback").returncode == 0
    assert machine.link("current").startswith("0.1.0-")


def test_a_release_that_comes_up_in_safe_mode_is_told_with_what_says_why(machine: Machine) -> None:
    machine.make("install")
    machine.version("0.2.0")
    done = machine.make("install", FAKE_ACTIVE="1", FAKE_STATUS="safe mode: config.yaml:3: nonsense: unknown key")
    assert done.returncode != 0
    [said] = sentences(done)
    assert "its configuration is broken: edge-mask check --config" in said


def test_a_release_that_was_killed_half_way_is_made_anew(machine: Machine) -> None:
    machine.make("install")
    release = machine.folder / "opt/edge-mask/releases" / machine.link("current")
    (release / ".complete").unlink()
    (release / "rubbish").touch()
    done = machine.make("install")
    assert done.returncode == 0, done.stderr
    assert (release / ".complete").exists()
    assert not (release / "rubbish").exists()


def test_a_release_whose_interpreter_went_away_is_made_anew(machine: Machine) -> None:
    machine.make("install")
    python = machine.folder / "opt/edge-mask/releases" / machine.link("current") / "bin/python"
    python.unlink()
    assert machine.make("install").returncode == 0
    assert python.exists()


def test_the_service_may_read_what_a_careful_root_has_installed(machine: Machine) -> None:
    done = machine.make("install", umask="077")
    assert done.returncode == 0, done.stderr
    for path in ("opt/edge-mask", "opt/edge-mask/releases", "opt/edge-mask/current/bin", "etc/edge-mask/config.yaml"):
        assert (machine.folder / path).stat().st_mode & 0o044 == 0o044, path


def test_an_environment_that_was_made_by_hand_at_that_place_is_told_and_left(machine: Machine) -> None:
    hand = machine.folder / "opt/edge-mask/pyvenv.cfg"
    hand.parent.mkdir(parents=True)
    hand.touch()
    done = machine.make("install")
    assert "holds an environment that was made by hand. It is not used any more" in done.stdout
    assert hand.exists()


def test_two_installations_at_once_do_not_mix(machine: Machine) -> None:
    (machine.folder / "opt/edge-mask").mkdir(parents=True)
    with (machine.folder / "opt/edge-mask/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = machine.make("install")
    assert "another installation is at work in" in done.stderr
    assert machine.make("install").returncode == 0


def test_without_systemd_it_is_installed_and_says_how_to_start_it(machine: Machine) -> None:
    done = machine.make("install", RUNNING_SYSTEMD=str(machine.folder / "none"), FAKE_BASE="/home/pi/.pyenv")
    assert done.returncode == 0
    assert "There is no systemd here" in done.stdout
    assert f"{machine.folder}/usr/bin/edge-mask run --config" in done.stdout
    assert machine.calls("systemctl") == []


def test_into_another_root_no_package_is_installed_and_no_service_touched(machine: Machine) -> None:
    (machine.folder / "rpi-issue").touch()
    root = str(machine.folder / "image")
    done = machine.make("install", f"DESTDIR={root}", "PREFIX=/opt/edge-mask", FAKE_UID="1000", FAKE_NO_PICAMERA2="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert [machine.calls(name) for name in ("systemctl", "apt-get", "id")] == [[], [], []]
    assert (Path(root) / "opt/edge-mask/current/bin/edge-mask").exists()


def test_on_a_pi_its_camera_library_is_installed_and_seen_and_numpy_stays(machine: Machine) -> None:
    (machine.folder / "rpi-issue").touch()
    done = machine.make("install", FAKE_NO_PICAMERA2="1", FAKE_OLD_NUMPY="1")
    assert "apt-get install -y -qq --no-install-recommends python3-picamera2" in machine.calls("apt-get")
    assert "Still missing after apt-get installed it: python3-picamera2" in done.stderr, "the fake brings none"
    done = machine.make("install", FAKE_OLD_NUMPY="1")
    assert done.returncode == 0, done.stderr
    calls = "\n".join(machine.calls("python3"))
    assert "-m venv --system-site-packages" in calls
    assert machine.constraints == (ROOT / "requirements/bookworm.txt").read_text()
    assert "picamera2" in (machine.folder / "etc/edge-mask/config.yaml").read_text()


def test_elsewhere_packages_of_the_system_are_not_seen(machine: Machine) -> None:
    machine.make("install", FAKE_OLD_NUMPY="1")
    calls = "\n".join(machine.calls("python3"))
    assert "--system-site-packages" not in calls
    pinned = [line for line in machine.constraints.splitlines() if line.startswith(("numpy", "paho"))]
    assert {line.partition("==")[0] for line in pinned} == {"numpy", "paho-mqtt"}, "the versions that were tested"
    assert "\\" not in machine.constraints
    assert "hash" not in machine.constraints


def test_wheels_of_a_closed_network_are_taken_without_an_index(machine: Machine) -> None:
    (machine.folder / "wheels").mkdir()
    machine.make("install", f"WHEELS={machine.folder / 'wheels'}", "EXTRAS=aws")
    [call] = [call for call in machine.calls("python3") if "pip install" in call]
    assert f"--no-index --find-links {machine.folder}/wheels" in call
    assert call.endswith("edge-mask[aws]==0.1.0")
    assert machine.constraints == "", "the versions are those of the folder"


def test_there_is_nothing_to_go_back_to_after_the_first_installation(machine: Machine) -> None:
    machine.make("install")
    done = machine.make("rollback")
    assert done.returncode != 0
    assert "there is no earlier release in" in done.stderr


def test_uninstalling_stops_the_service_and_keeps_what_is_the_users(machine: Machine) -> None:
    machine.make("install")
    database = machine.folder / "var/lib/edge-mask/edge-mask.db"
    database.parent.mkdir(parents=True)
    database.touch()
    own = machine.folder / "etc/systemd/system/edge-mask.service.d/override.conf"
    own.parent.mkdir(exist_ok=True)
    own.touch()
    done = machine.make("uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert "systemctl disable --now --quiet edge-mask.service" in machine.calls("systemctl")
    assert database.exists()
    assert own.exists()
    assert (machine.folder / "etc/edge-mask/config.yaml").exists()
    assert not (machine.folder / "opt/edge-mask").exists()
    assert machine.make("uninstall", "PURGE=1").returncode == 0
    assert not database.parent.exists()
    assert not own.parent.exists()
    assert not (machine.folder / "etc/edge-mask").exists()


def test_a_pi_with_the_old_numpy_gets_the_tested_versions_of_everything_else() -> None:
    def versions(name: str) -> dict[str, str]:
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        pinned = (line.split()[0].split("==") for line in lines if "==" in line and not line.startswith(("#", " ")))
        return {each[0]: each[1] for each in pinned}

    old, tested = versions("bookworm.txt"), versions("dev.txt")
    assert {name for name, version in old.items() if tested[name] != version} == {"opencv-python-headless", "ml-dtypes"}


def test_a_purge_deletes_no_folder_that_is_not_its_own(machine: Machine) -> None:
    others = machine.folder / "var/lib/others.db"
    others.parent.mkdir(parents=True)
    others.touch()
    done = machine.make("uninstall", "PURGE=1", STATEDIR=str(others.parent))
    assert done.returncode != 0
    assert "it ends with /edge-mask" in done.stderr
    assert others.exists()
