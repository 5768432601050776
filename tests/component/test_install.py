"""The scripts of the component, run as a nucleus runs them, in a work folder and from an artifact of their own."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ARTIFACT = Path("artifacts/edge-mask/0.1.0/edge-mask-amd64.zip")


class Component:
    """An artifact as the nucleus unpacked it, and its work folder."""

    def __init__(self, built: Path, folder: Path) -> None:
        self.artifact = folder / "unarchived" / "edge-mask-amd64"
        self.work = folder / "work" / "edge-mask"
        with zipfile.ZipFile(built / ARTIFACT) as packed:
            packed.extractall(self.artifact)  # without the bits that make it executable, as the nuclei do

    def script(self, name: str, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", self.artifact / name, f"{self.work}/", *words],
            env={**os.environ, "PYTHON": sys.executable, **environ},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    @property
    def environments(self) -> list[str]:
        return sorted(path.name for path in self.work.glob("environment-*"))


@pytest.fixture
def component(built: Path, tmp_path: Path) -> Component:
    return Component(built, tmp_path)


FAKE_PYTHON = """#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
  *version_info*) echo "${FAKE_VERSION-3.11}" ;;
  *"import ensurepip"*) [ -z "${FAKE_NO_VENV-}" ] ;;
  *"import sys, numpy"*) [ -n "${FAKE_OLD_NUMPY-}" ] ;;
  "-m venv"*) for last in "$@"; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python" ;;
  "-m pip install"*) exit "${FAKE_PIP-0}" ;;
  "-m edge_mask run"*) echo "runs in $(pwd)" ;;
esac
"""


@pytest.fixture
def python(tmp_path: Path) -> dict[str, str]:
    """An interpreter that notes what it is asked for."""
    path = tmp_path / "python"
    path.write_text(FAKE_PYTHON)
    path.chmod(0o755)
    return {"PYTHON": str(path), "LOG": str(tmp_path / "log")}


def asked(python: dict[str, str], what: str) -> list[str]:
    log = Path(python["LOG"])
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if what in line]


def test_an_installation_that_is_there_is_not_done_again(component: Component, python: dict[str, str]) -> None:
    for _ in range(2):
        done = component.script("install.sh", "false", **python)
        assert (done.returncode, done.stderr) == (0, "")
    assert len(asked(python, "-m pip install")) == 1
    assert component.script("run.sh", **python).stdout == f"runs in {component.work}\n"


def test_an_interrupted_installation_is_done_again(component: Component, python: dict[str, str]) -> None:
    assert component.script("install.sh", **python, FAKE_PIP="1").returncode == 1
    assert component.environments
    assert component.script("run.sh", **python).returncode == 1, "half an installation does not run"
    assert component.script("install.sh", **python).returncode == 0
    assert component.script("run.sh", **python).returncode == 0


def test_an_environment_whose_python_is_gone_is_made_anew(component: Component, python: dict[str, str]) -> None:
    component.script("install.sh", **python)
    (environment,) = component.work.glob("environment-*")
    (environment / "bin/python").unlink()
    assert component.script("install.sh", **python).returncode == 0
    assert component.script("run.sh", **python).returncode == 0


def test_without_wheels_of_the_dependencies_the_index_is_asked(component: Component, python: dict[str, str]) -> None:
    component.script("install.sh", **python)
    (line,) = asked(python, "-m pip install")
    assert "--no-index" not in line
    assert line.endswith("edge_mask-0.1.0-py3-none-any.whl[aws]")


def test_a_closed_artifact_asks_no_index(component: Component, python: dict[str, str]) -> None:
    (component.artifact / "CLOSED").touch()
    component.script("install.sh", **python)
    (line,) = asked(python, "-m pip install")
    assert "--no-index" in line


@pytest.mark.parametrize("wish", ["true", '{"system_site_packages":"true"}'])
def test_picamera2_of_the_system_is_seen_when_it_is_wished(
    component: Component, python: dict[str, str], wish: str
) -> None:
    """As a text, or as the object around it that some versions of nucleus lite fill in."""
    component.script("install.sh", wish, **python, FAKE_OLD_NUMPY="yes")
    (line,) = asked(python, "-m venv")
    assert "--system-site-packages" in line
    (environment,) = component.work.glob("environment-*")
    constraints = (environment / "constraints.txt").read_text().splitlines()
    assert [line for line in constraints if line.startswith("numpy")] == ["numpy<2"], "compiled against NumPy 1"
    assert len([line for line in constraints if line.startswith("opencv-python-headless")]) == 1


def test_the_system_stays_out_when_it_is_not_wished(component: Component, python: dict[str, str]) -> None:
    component.script("install.sh", "false", **python, FAKE_OLD_NUMPY="yes")
    (line,) = asked(python, "-m venv")
    assert "--system-site-packages" not in line
    (environment,) = component.work.glob("environment-*")
    tested = (component.artifact / "constraints.txt").read_text()
    assert (environment / "constraints.txt").read_text() == tested


def test_a_rolled_back_version_is_still_installed(component: Component, python: dict[str, str]) -> None:
    versions = []
    for build in ("0.1.0-a", "0.1.1-b", "0.1.0-a"):
        (component.artifact / "BUILD").write_text(f"{build}\n")
        component.script("install.sh", **python)
        component.script("run.sh", **python)
        versions.append(component.environments)
    assert [len(each) for each in versions] == [1, 2, 2]
    assert len(asked(python, "-m pip install")) == 2, "the second time it was there"


def test_versions_older_than_the_one_before_make_room(component: Component, python: dict[str, str]) -> None:
    for build in ("a", "b", "c"):
        (component.artifact / "BUILD").write_text(f"{build}\n")
        component.script("install.sh", **python)
        component.script("run.sh", **python)
    assert component.environments == ["environment-b-no", "environment-c-no"]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"FAKE_VERSION": "3.9"}, "Python 3.11 or newer is needed, and"),
        ({"FAKE_NO_VENV": "yes"}, "has no venv; let root run: apt-get install python3-venv"),
        ({"FAKE_PIP": "1"}, "build the artifact with component/build.sh --closed"),
    ],
)
def test_what_the_device_lacks_is_said(
    component: Component, python: dict[str, str], state: dict[str, str], sentence: str
) -> None:
    done = component.script("install.sh", **python, **state)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_a_component_that_is_not_installed_says_so(component: Component) -> None:
    component.work.mkdir(parents=True)
    done = component.script("run.sh")
    assert done.returncode == 1
    assert "is not installed in" in done.stderr


def test_a_folder_with_a_blank_in_its_name_is_fine(built: Path, tmp_path: Path, python: dict[str, str]) -> None:
    component = Component(built, tmp_path / "green grass")
    assert component.script("install.sh", **python).returncode == 0
    assert component.script("run.sh", **python).returncode == 0
