"""A kill, a power cut or a second process: packages are whole or not there, and nothing stays behind."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.packages.test_store import contents, package, zipped

from edge_mask.cli import main
from edge_mask.errors import ModelError, Refused
from edge_mask.packages import atomic
from edge_mask.packages.load import load_package
from edge_mask.packages.store import Store
from edge_mask.units import Seconds

KILLED = -9
DEADLY = """
import os, sys
from edge_mask.cli import main
from edge_mask.packages import atomic, store
name, at, then_kill = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "after"
real, calls = getattr(store, name), []
def deadly(*arguments, **options):
    calls.append(1)
    if len(calls) == at and not then_kill:
        os.kill(os.getpid(), 9)
    result = real(*arguments, **options)
    if len(calls) == at:
        os.kill(os.getpid(), 9)
    return result
setattr(store, name, deadly)
sys.exit(main(sys.argv[4:]))
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return package(tmp_path / "made", "1.0")


def killed_at(step: str, call: int, when: str, *command: str | Path) -> None:
    """Run the command; the process is killed before or after that call of a step."""
    ran = subprocess.run([sys.executable, "-c", DEADLY, step, str(call), when, *map(str, command)], check=False)
    assert ran.returncode == KILLED


def break_(folder: Path) -> None:
    (folder / "model.tflite").write_bytes(b"a bad sector")


def lose_the_graph(folder: Path) -> None:
    (folder / "model.tflite").unlink()


def break_the_card(folder: Path) -> None:
    (folder / "model.yaml").write_bytes(bytes(300))


def lose_everything(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("harm", [break_, lose_the_graph, break_the_card, lose_everything])
@pytest.mark.parametrize("in_a_zip", [False, True], ids=["folder", "zip"])
def test_a_broken_package_is_repaired_by_installing_its_version_again(
    harm: Callable[[Path], None],
    in_a_zip: bool,
    models: Path,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = Store(models)
    store.install(source)
    store.activate("tiny-1.0")
    harm(models / "tiny-1.0")
    with pytest.raises(ModelError):
        load_package(models / "current")
    given = zipped(source, tmp_path / "made.zip", below="tiny") if in_a_zip else source
    assert main(["model", "install", str(given), "--models", str(models)]) == 0
    assert capsys.readouterr().out == f"repaired {models / 'tiny-1.0'}\n"
    assert load_package(models / "current").name == "tiny 1.0"
    assert contents(models) == ["current", "tiny-1.0"]


def test_a_broken_package_stays_when_what_is_given_for_it_is_broken_too(models: Path, source: Path) -> None:
    store = Store(models)
    store.install(source)
    (models / "tiny-1.0" / "model.tflite").write_bytes(b"a bad sector")
    break_(source)
    with pytest.raises(ModelError, match="does not hold what it promises"):
        store.install(source)
    assert (models / "tiny-1.0" / "model.tflite").read_bytes() == b"a bad sector"
    assert contents(models) == ["tiny-1.0"]


def test_a_file_system_that_cannot_exchange_two_folders_gets_the_repair_in_two_steps(
    models: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(models)
    store.install(source)
    break_(models / "tiny-1.0")
    monkeypatch.setattr(atomic, "_EXCHANGE", 1 << 20)  # the system refuses a flag that it does not know
    assert store.install(source)[1]
    assert load_package(models / "tiny-1.0").name == "tiny 1.0"
    assert contents(models) == ["tiny-1.0"]


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ("unpack", "before"),
        ("verify_package", "after"),
        ("flush", "after"),
        ("exchange", "before"),
        ("exchange", "after"),
    ],
)
@pytest.mark.parametrize("then", ["install", "list"])
def test_what_a_killed_installation_left_is_removed_by_the_next_command(
    step: str, when: str, then: str, models: Path, source: Path
) -> None:
    store = Store(models)
    if step == "exchange":
        store.install(source)
        break_(models / "tiny-1.0")
    killed_at(step, 1, when, "model", "install", source, "--models", models)
    assert [name for name in contents(models) if name.startswith(".staging-")]
    if then == "list":
        main(["model", "list", str(models)])
        assert set(contents(models)) <= {"tiny-1.0"}
    elif (step, when) == ("exchange", "after"):
        with pytest.raises(ModelError, match="is installed already"):
            store.install(source)
    else:
        store.install(source)
    if then == "install":
        assert contents(models) == ["tiny-1.0"]
        assert load_package(models / "tiny-1.0").name == "tiny 1.0"


@pytest.fixture
def held(models: Path) -> Iterator[None]:
    """Another process is at work in the folder."""
    models.mkdir()
    opened = os.open(models, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    yield
    os.close(opened)


def test_a_staging_folder_that_is_in_use_is_left_alone(models: Path, held: None, tmp_path: Path) -> None:
    (models / ".staging-ab12cd_3" / "package").mkdir(parents=True)
    main(["model", "list", str(models)])
    assert contents(models) == [".staging-ab12cd_3"]
    with (
        pytest.raises(Refused, match="models: another `edge-mask model` has been at work there"),
        atomic.locked(models, Seconds(0.0)),
    ):
        pass


@pytest.mark.parametrize("name", [".staging-mine", ".staging-ab12cd_3/notes", ".cache", ".staging"])
def test_folders_that_are_not_ours_are_left_alone(name: str, models: Path) -> None:
    (models / name).mkdir(parents=True)
    assert main(["model", "list", str(models)]) == 0
    assert (models / name).is_dir()


def test_installations_at_the_same_time_take_turns(models: Path, source: Path) -> None:
    command = [sys.executable, "-m", "edge_mask", "model", "install", str(source), "--models", str(models)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    said = [b"".join(process.communicate()) for process in running]
    assert sorted(process.returncode for process in running) == [0, 3, 3]
    assert sum(b"is installed already" in each for each in said) == 2
    assert contents(models) == ["tiny-1.0"]


@pytest.fixture
def three(models: Path, tmp_path: Path) -> Store:
    """Three packages; 1.1 is in use and 1.0 was before it."""
    store = Store(models)
    for version in ("1.0", "1.1", "1.2"):
        store.install(package(tmp_path / version, version))
    store.activate("tiny-1.0")
    store.activate("tiny-1.1")
    return store


@pytest.mark.parametrize("call", [1, 2])
def test_an_activation_that_was_killed_leaves_a_choice_that_works_and_can_be_repeated(
    call: int, three: Store, models: Path
) -> None:
    killed_at("flush", call, "before", "model", "activate", "tiny-1.2", "--models", models)
    assert load_package(models / "current").name == ("tiny 1.1" if call == 1 else "tiny 1.2")
    assert three.activate("tiny-1.2").card.version == "1.2"
    assert three.rollback().card.version == "1.1"
    assert three.rollback().card.version == "1.2"


@pytest.mark.parametrize("call", [1, 2])
def test_a_rollback_that_was_killed_has_gone_back(call: int, three: Store, models: Path) -> None:
    """Written the other way round, a kill between the two links forgot where to go back to."""
    killed_at("flush", call, "before", "model", "rollback", "--models", models)
    assert load_package(models / "current").name == "tiny 1.0"


def test_a_link_that_was_half_made_is_no_hindrance(three: Store, models: Path) -> None:
    for name in (".current.new", ".previous.4711"):
        (models / name).symlink_to("tiny-1.0")
    assert three.activate("tiny-1.2").card.version == "1.2"
    assert not [name for name in contents(models) if name.startswith(".")]


def test_a_package_that_is_gone_is_not_what_one_rolls_back_to(three: Store, models: Path) -> None:
    shutil.rmtree(models / "tiny-1.1")
    three.activate("tiny-1.2")
    assert three.rollback().card.version == "1.0"
