"""Another model by a wish: installed, verified, in use; or the one before looks on."""

from pathlib import Path
from typing import Any

import pytest
from tests.control.site import Site, running
from tests.detect import packages, tiny_tflite
from tests.end_to_end.daemon import BARE, write_scene
from tests.waiting import PATIENCE

from edge_mask.app.plan import Plan
from edge_mask.control.wishes import Models
from edge_mask.errors import DatabaseError, EdgeMaskError, ModelError, Refused
from edge_mask.packages.store import Store


def write(folder: Path, version: str) -> Path:
    graph = tiny_tflite.anchor_free(strides=(16,))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    return packages.write_package(folder, graph, decoding=decoding, version=version)


def with_camera(folder: Path, model: str = "tiny-1.0") -> Site:
    """A camera and the package tiny 1.0; `model` is the configured name in the folder of packages."""
    write_scene(folder / "scene", [BARE])
    store = Store(folder / "models")
    store.install(write(folder / "made", "1.0"))
    if model == "current":
        store.activate("tiny-1.0")
    camera = {"name": "front", "source": f"images:{folder / 'scene'}", "loop": True}
    detector = {"model": str(folder / "models" / model), "threads": 1}
    pictures = {"dir": str(folder / "snapshots")}
    return Site(folder, cameras=[camera], detector=detector, sensors=[], snapshots=pictures)


def ours(models: Models) -> list[str]:
    return [version for name, version in models.installed if name == "tiny"]


def ask(site: Site, action: Any, version: str | None = None, **more: Any) -> Models:
    name = None if action in ("list", "rollback") else "tiny"
    return site.wishes.model(action, name, version, **more).result(PATIENCE)


@pytest.mark.parametrize("model", ["tiny-1.0", "current"])
def test_a_model_is_installed_activated_rolled_back_and_removed(tmp_path: Path, model: str) -> None:
    with running(with_camera(tmp_path, model)) as site:
        assert ask(site, "list").active == ("tiny", "1.0")
        installed = ask(site, "install", "1.1", source=write(tmp_path / "new", "1.1"))
        assert (installed.active, ours(installed)) == (("tiny", "1.0"), ["1.0", "1.1"])
        assert ask(site, "activate", "1.1").active == ("tiny", "1.1")
        assert site.wishes.in_force().model == ("tiny", "1.1")
        assert ask(site, "rollback").active == ("tiny", "1.0")
        ask(site, "install", "1.2", source=write(tmp_path / "newer", "1.2"))
        with pytest.raises(Refused, match="is the way back"):
            ask(site, "remove", "1.1")
        assert ours(ask(site, "remove", "1.2")) == ["1.0", "1.1"]
        assert sorted(path.name for path in (tmp_path / "models").glob("tiny*")) == ["tiny-1.0", "tiny-1.1"]


def test_a_chosen_model_looks_after_the_next_start_too(tmp_path: Path) -> None:
    with running(with_camera(tmp_path)) as site:
        ask(site, "install", "1.1", source=write(tmp_path / "new", "1.1"))
        ask(site, "activate", "1.1")
    with running(site):
        assert site.wishes.in_force().model == ("tiny", "1.1")


def test_a_model_whose_house_cannot_be_built_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fails = Plan.build, [DatabaseError("the disk went away")]

    with running(with_camera(tmp_path, "current")) as site:
        ask(site, "install", "1.1", source=write(tmp_path / "new", "1.1"))

        def build(self: Plan, door: Any) -> Any:
            if fails:
                raise fails.pop()
            return real(self, door)

        monkeypatch.setattr(Plan, "build", build)
        with pytest.raises(DatabaseError, match="went away"):
            ask(site, "activate", "1.1")
        assert site.wishes.in_force().model == ("tiny", "1.0")
        assert (tmp_path / "models" / "current").readlink() == Path("tiny-1.0")
        assert not (tmp_path / "models" / "previous").is_symlink()


def test_a_damaged_package_is_not_activated(tmp_path: Path) -> None:
    with running(with_camera(tmp_path)) as site:
        ask(site, "install", "1.1", source=write(tmp_path / "new", "1.1"))
        (tmp_path / "models" / "tiny-1.1" / "model.tflite").write_bytes(b"a bad sector")
        with pytest.raises(ModelError, match="its sha256 is"):
            ask(site, "activate", "1.1")
        assert site.wishes.in_force().model == ("tiny", "1.0")


@pytest.mark.parametrize(
    ("action", "version", "sentence"),
    [
        ("activate", "9", r"tiny 9: is not installed; there are: .*tiny 1.0"),
        ("remove", "1.0", "tiny 1.0: looks now"),
        ("install", "1.1", "none was given"),
        ("rollback", None, "there is no previous package"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(tmp_path: Path, action: str, version: str | None, sentence: str) -> None:
    with running(with_camera(tmp_path)) as site:
        with pytest.raises(EdgeMaskError, match=sentence):
            ask(site, action, version)
        assert site.wishes.in_force().model == ("tiny", "1.0")


def test_what_came_along_can_be_chosen_but_not_removed(tmp_path: Path) -> None:
    with running(with_camera(tmp_path)) as site:
        came = next(model for model in ask(site, "list").installed if model[0] != "tiny")
        chosen = site.wishes.model("activate", *came).result(PATIENCE)
        assert chosen.active == came
        assert ask(site, "rollback").active == ("tiny", "1.0")
        with pytest.raises(Refused, match="came with the program and stays"):
            site.wishes.model("remove", *came).result(PATIENCE)


def test_another_package_than_the_wanted_one_is_not_installed(tmp_path: Path) -> None:
    with running(with_camera(tmp_path)) as site:
        with pytest.raises(ModelError, match=r"is tiny 1.1, and not tiny 1.2"):
            ask(site, "install", "1.2", source=write(tmp_path / "new", "1.1"))
        assert ours(ask(site, "list")) == ["1.0"]
