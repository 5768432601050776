"""Films of a gate through the installed command and the model that ships: each visitor makes the visits they should."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.daemon import edge_mask, lines, write_config
from tests.films.camera import write_film
from tests.films.scenes import FPS, SCENES, Scene

PACKAGE = Path(__file__).parents[2] / "models" / "mask-detector"


AT_ONCE = 10
"""Cameras in one run. A slow machine that falls behind would stretch the films, and what happens in them."""


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Of all films, each before a camera of its own, those of one length together."""
    scenes = sorted(enumerate(SCENES), key=lambda each: each[1].seconds)
    batches = [scenes[begin : begin + AT_ONCE] for begin in range(0, len(scenes), AT_ONCE)]
    return [visit for batch in batches for visit in filmed(tmp_path_factory.mktemp("clips"), batch)]


def filmed(folder: Path, scenes: Sequence[tuple[int, Scene]]) -> list[dict[str, Any]]:
    """The visits of some films."""
    cameras = []
    for number, scene in scenes:
        film = write_film(folder / f"{scene.name}.avi", scene.pictures(number), FPS)
        zone = None if scene.zone is None else [list(corner) for corner in scene.zone]
        cameras.append({"name": scene.name, "source": f"file:{film}", "interval": "0.2s", "zone": zone})
    write_config(folder, None, cameras=cameras, detector={"model": str(PACKAGE), "threads": 2}, gate={})
    ended = edge_mask("run", "--config", folder / "config.yaml", "--until-idle", cwd=folder)
    assert ended.code == 0, ended
    return lines(edge_mask("history", "--config", folder / "config.yaml", "--json", cwd=folder).out)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_film_makes_its_visits(scene: Scene, visits: list[dict[str, Any]]) -> None:
    mine = [visit for visit in visits if visit["camera"] == scene.name]
    assert sorted(" ".join([visit["verdict"], *visit["reasons"]]) for visit in mine) == sorted(scene.visits), mine
