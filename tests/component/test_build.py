"""component/build.sh: what lies in the artifact, and that the same sources give the same bytes."""

import re
import subprocess
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from tests.component.recipes import problems, resources

from component import build

ROOT = Path(__file__).parents[2]
HERE = Path("artifacts/edge-mask/0.1.0")
PAGES = (".css", ".html", ".js", ".png", ".svg", ".toml", ".webmanifest")
"""What the page consists of besides its modules."""


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", ROOT / "component/build.sh", *words], capture_output=True, text=True, check=False)


def test_there_is_an_artifact_for_each_architecture_where_gdk_looks_for_it(built: Path) -> None:
    assert sorted(path.name for path in (built / HERE).iterdir()) == ["edge-mask-aarch64.zip", "edge-mask-amd64.zip"]
    assert sorted(path.name for path in (built / "recipes").iterdir()) == ["edge-mask-0.1.0.yaml", "recipe.yaml"]


def test_the_artifact_holds_what_installs_and_runs_the_program(built: Path) -> None:
    with zipfile.ZipFile(built / HERE / "edge-mask-amd64.zip") as artifact:
        assert artifact.namelist() == [
            "BUILD", "LICENSE", "bookworm.txt", "config.yaml", "constraints.txt", "install.sh", "run.sh",
            "wheels/edge_mask-0.1.0-py3-none-any.whl",
        ]  # fmt: skip
        assert artifact.read("BUILD").startswith(b"0.1.0-")
        modes = {entry.filename: entry.external_attr >> 16 for entry in artifact.infolist()}
        assert modes["install.sh"] == modes["run.sh"] == 0o755
        with artifact.open("wheels/edge_mask-0.1.0-py3-none-any.whl") as wheel, zipfile.ZipFile(wheel) as program:
            assert "edge_mask/_models/mask-detector/model.yaml" in program.namelist()
            packed = set(program.namelist())
    pages = [path for path in (ROOT / "src/edge_mask/web").rglob("*") if path.suffix in PAGES]
    assert {path.suffix for path in pages} >= {".css", ".html", ".js", ".svg", ".toml", ".webmanifest"}
    assert not {str(path.relative_to(ROOT / "src")) for path in pages} - packed


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    wheels = list((built / HERE).iterdir())
    folder = tmp_path / "again"
    with zipfile.ZipFile(wheels[0]) as artifact:
        artifact.extractall(folder)
    (folder / "wheels").touch()  # another time than before
    build._pack(folder, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == wheels[0].read_bytes() == wheels[1].read_bytes()


def test_the_devices_get_the_versions_that_were_tested() -> None:
    lines = build._constraints().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[^\s;]+( ; [^;]+)?", line) for line in lines)
    names = [line.partition("==")[0] for line in lines]
    assert {"numpy", "opencv-python-headless", "awsiotsdk", "ai-edge-litert", "pydantic"} <= set(names)
    for name in ("opencv-python-headless", "awsiotsdk"):
        assert f"{name}=={version(name)}" in lines, "that is what runs here"


@pytest.mark.parametrize(("python", "numpy"), [("3.11", "1"), ("3.12", "2"), ("3.13", "2")])
def test_wheels_for_another_python_are_those_that_its_device_will_ask_for(python: str, numpy: str) -> None:
    markers = "numpy==1 ; python_full_version < '3.12'\nnumpy==2 ; python_full_version >= '3.12'\nsix==1\n"
    assert build._for_python(python, markers) == f"numpy=={numpy}\nsix==1\n"


def test_every_condition_of_a_version_is_one_that_is_understood() -> None:
    markers = {line.partition(" ; ")[2] for line in build._constraints().splitlines()}
    assert {each.split()[0] for each in markers if each} <= {
        "python_full_version", "sys_platform", "platform_python_implementation", "implementation_name"
    }  # fmt: skip


def test_beside_picamera2_of_raspberry_pi_os_12_numpy_stays_below_2() -> None:
    lines = build._constraints(for_bookworm=True).splitlines()
    assert [line for line in lines if line.startswith("numpy")] == ["numpy<2"]
    assert len([line for line in lines if line.startswith("opencv-python-headless")]) == 1


def test_the_built_recipe_is_one_that_both_nuclei_take(built: Path) -> None:
    assert problems(yaml.safe_load((built / "recipes/recipe.yaml").read_text())) == []


def test_a_recipe_for_one_thing_allows_that_thing_alone() -> None:
    made = yaml.safe_load(build._recipe("0.1.0", build.MACHINES, "firmware", "gate-01"))
    assert problems(made) == []
    topics = resources(made, "aws.greengrass#PublishToIoTCore")
    assert "edge-mask/gate-01/visits" in topics
    assert [each for each in topics if each.startswith(("edge-mask/+", "$aws/things/+"))] == []
    assert made["Manifests"][0]["Artifacts"][0]["Uri"] == "s3://firmware/edge-mask/0.1.0/edge-mask-amd64.zip"


def test_a_recipe_for_one_architecture_promises_no_other() -> None:
    made = yaml.safe_load(build._recipe("0.1.0", ["aarch64"], "firmware", None))
    assert [each["Platform"]["architecture"] for each in made["Manifests"]] == ["aarch64"]


def test_a_recipe_for_another_version_is_not_built() -> None:
    with pytest.raises(SystemExit, match=r"recipe\.yaml is not for version 9\.9\.9"):
        build._recipe("9.9.9", build.MACHINES, "firmware", None)


def test_a_misspelt_option_is_named() -> None:
    done = run("--closde")
    assert (done.returncode, "--closde" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_python_in_words_is_named() -> None:
    done = run("--closed", "--python", "three")
    assert (done.returncode, "'three' is no version such as 3.11" in done.stderr) == (2, True)


def test_an_architecture_that_nobody_builds_is_named() -> None:
    done = run("--arch", "riscv64")
    assert done.returncode == 2
    assert "riscv64" in done.stderr
