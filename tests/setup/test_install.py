"""`make install`: a real installation in a folder that stands for /, and what it leaves alone."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.end_to_end.test_service import Manager
from tests.observe.test_unit import needs_systemd

ROOT = Path(__file__).parents[2]
ARTIFACT = "artifacts/edge-mask/0.1.0/edge-mask-amd64.zip"
Done = subprocess.CompletedProcess[str]


class Root:
    """A folder that stands for /, and an installation into it that uses no network."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        # OpenCV looks for its library behind the first place, which is the folder of the script elsewhere.
        self.environ = {**os.environ, "PYTHONPATH": f"{folder / 'none'}:{others(folder.with_name('others'))}"}
        self.words = [f"DESTDIR={folder}", f"PYTHON={sys.executable}", f"WHEELS={wheels}", "SITE=no"]
        (folder / "etc").mkdir(parents=True)
        (folder / "etc/group").write_text("root:x:0:\nvideo:x:44:\ngpio:x:986:\ndialout:x:20:\n")

    def make(self, goal: str, *words: str) -> Done:
        command = ["make", "--no-print-directory", goal, *self.words, *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=110, check=False
        )

    def at(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    @property
    def unit(self) -> str:
        return self.at("/etc/systemd/system/edge-mask.service").read_text()

    @property
    def releases(self) -> list[str]:
        return sorted(each.name for each in self.at("/opt/edge-mask/releases").iterdir())

    def contents(self) -> dict[str, tuple[int, int]]:
        """Every file and link with its inode and the time of its last change: equal only if nothing was written."""
        found = [each for each in self.folder.rglob("*") if each.name != ".lock" and "__pycache__" not in each.parts]
        return {
            str(each): (each.lstat().st_ino, each.lstat().st_mtime_ns)
            for each in found
            if each.is_symlink() or not each.is_dir()
        }


def others(folder: Path) -> Path:
    """The installed packages without this one, which the installation has to bring."""
    folder.mkdir()
    for place in (Path(each) for each in sys.path if each.endswith("site-packages")):
        for each in place.iterdir():
            is_ours = each.name.startswith(("edge_mask", "_edge_mask", "__editable__"))
            if not is_ours and not (folder / each.name).exists():
                (folder / each.name).symlink_to(each)
    return folder


@pytest.fixture(scope="module")
def wheels(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    with zipfile.ZipFile(built / ARTIFACT) as packed:
        [name] = [each for each in packed.namelist() if each.endswith(".whl")]
        (folder / Path(name).name).write_bytes(packed.read(name))
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """One installation; the tests that use it leave it as it was, or bring it back."""
    root = Root(tmp_path_factory.mktemp("root") / "root", wheels)
    done = root.make("install")
    assert done.returncode == 0, done.stderr
    return root


def as_installed(root: Root, place: Path) -> list[str]:
    """The command of the unit, with the paths that it has in the folder that stands for /."""
    [line] = [each for each in root.unit.splitlines() if each.startswith("ExecStart=")]
    return [str(root.at(word)) if word.startswith("/") else word for word in line.removeprefix("ExecStart=").split()]


def test_the_command_of_the_unit_is_a_daemon_that_becomes_ready_and_stops(installed: Root, tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    work = installed.at("/var/lib/edge-mask")
    work.mkdir(parents=True, exist_ok=True)
    environ = {**installed.environ, "NOTIFY_SOCKET": manager.address}
    with (tmp_path / "stderr").open("w") as stderr:
        daemon = subprocess.Popen(as_installed(installed, work), cwd=work, env=environ, stderr=stderr)
    try:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(15) == 0, (tmp_path / "stderr").read_text()
    finally:
        manager.close()
        daemon.kill()
        daemon.wait()
    assert (work / "edge-mask.db").exists()
    shutil.rmtree(work)


def test_the_command_on_the_path_runs_what_was_installed_and_nothing_else(installed: Root, tmp_path: Path) -> None:
    link = installed.at("/usr/local/bin/edge-mask")
    assert str(link.readlink()) == "/opt/edge-mask/current/bin/edge-mask"
    (tmp_path / "json.py").write_text("raise SystemExit('a file in the working folder must not be imported')")
    command: list[str | Path] = [installed.at("/opt/edge-mask/current/bin/edge-mask"), "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=installed.environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    where = "import edge_mask; print(edge_mask.__file__)"
    python = installed.at("/opt/edge-mask/current/bin/python")
    words: list[str | Path] = [python, "-P", "-c", where]
    found = subprocess.run(words, cwd=tmp_path, env=installed.environ, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(installed.folder))


@needs_systemd
def test_systemd_understands_the_unit_with_the_groups_of_the_machine(installed: Root, tmp_path: Path) -> None:
    shutil.copytree(installed.at("/etc/systemd/system"), tmp_path / "units")
    unit = tmp_path / "units/edge-mask.service"
    unit.write_text(installed.unit.replace("ExecStart=/opt", f"ExecStart={installed.folder}/opt"))
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path / 'units'}:"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    command: list[str | Path] = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
    groups = (tmp_path / "units/edge-mask.service.d/groups.conf").read_text()
    assert [line for line in groups.splitlines() if line.startswith("Supp")] == [
        "SupplementaryGroups=gpio",
        "SupplementaryGroups=dialout",
    ]
    assert "char-gpiochip" in groups
    assert "i2c" not in groups, "a unit that names a group which is not there does not start"


def test_a_second_installation_changes_nothing(installed: Root) -> None:
    before = installed.contents()
    done = installed.make("install")
    assert done.returncode == 0, done.stderr
    assert installed.contents() == before
    assert "Making release" not in done.stdout


def test_a_configuration_that_was_edited_stays(installed: Root) -> None:
    config = installed.at("/etc/edge-mask/config.yaml")
    before = config.read_text()
    assert before == (ROOT / "config/gate.yaml").read_text()
    config.write_text("mine: 1\n")
    assert installed.make("install").returncode == 0
    assert config.read_text() == "mine: 1\n"
    config.write_text(before)


def test_uninstalling_keeps_data_unless_it_is_told_otherwise(wheels: Path, tmp_path: Path) -> None:
    root = Root(tmp_path / "root", wheels)
    half = root.at("/opt/edge-mask/releases")
    kept = {"/etc/edge-mask/config.yaml", "/etc/edge-mask/mqtt-password", "/var/lib/edge-mask/edge-mask.db"}
    gone = {
        "/opt/edge-mask/releases/0.1.0-1/bin/python",
        "/etc/systemd/system/edge-mask.service",
        "/usr/local/bin/o",
    }
    for path in kept | gone:
        root.at(path).parent.mkdir(parents=True, exist_ok=True)
        root.at(path).write_text("x")
    root.at("/usr/local/bin/edge-mask").symlink_to("/opt/edge-mask/current/bin/edge-mask")
    done = root.make("uninstall")
    assert done.returncode == 0, done.stderr
    assert "Kept: /etc/edge-mask and /var/lib/edge-mask" in done.stdout
    assert not half.parent.exists()
    assert not root.at("/etc/systemd/system/edge-mask.service").exists()
    assert not root.at("/usr/local/bin/edge-mask").is_symlink()
    assert root.at("/usr/local/bin/o").exists()
    assert all(root.at(path).exists() for path in kept)
    assert root.make("uninstall", "PURGE=1").returncode == 0
    assert not any(root.at(path).exists() for path in kept)
    assert root.make("uninstall").returncode == 0, "there is nothing left to do"
