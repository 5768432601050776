"""Cameras of every kind through the installed command: how they hang, how they are asked, how they are left."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.capture.http_server import Answer, HttpCameraServer, Request, basic
from tests.end_to_end.daemon import BARE, COMMAND, Daemon, edge_mask, lines, write_config, write_model, write_scene
from tests.waiting import until

from edge_mask.messages import Image

PACKAGE = Path(__file__).parents[2] / "models" / "mask-detector"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 8)
    return tmp_path


def as_hung(upright: Image, rotate: int, mirror: bool) -> Image:
    """What a camera sends that hangs so that `rotate` and `mirror` make it upright."""
    image = cv2.flip(upright, 1) if mirror else upright
    return np.ascontiguousarray(np.rot90(image, rotate // 90))


def visits(site: Path) -> list[dict[str, Any]]:
    return lines(edge_mask("history", "--config", site / "config.yaml", "--json", cwd=site).out)


def check(site: Path) -> dict[str, tuple[str, str]]:
    """What the doctor says of each part."""
    said = edge_mask("check", "--config", site / "config.yaml", "--json", cwd=site)
    return {found["part"]: (found["state"], found["text"]) for found in lines(said.out)}


def test_a_bare_face_never_passes_however_the_camera_hangs_that_is_configured_so(tmp_path: Path) -> None:
    portrait = cv2.imread(str(PACKAGE / "golden" / "portrait.jpg"))
    assert portrait is not None
    ways = [(0, True), (90, False), (180, False), (180, True), (270, False)]
    cameras = []
    noise = np.random.default_rng(0)
    for number, (rotate, mirror) in enumerate(ways):
        folder = tmp_path / f"looks-{number}"
        folder.mkdir()
        for look in range(6):
            seen = np.clip(portrait.astype(int) + noise.integers(-3, 4, portrait.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{look}.png"), as_hung(seen, rotate, mirror))
        cameras.append(
            {"name": f"c{number}", "source": f"images:{folder}", "rotate": rotate, "mirror": mirror, "interval": "0.1s"}
        )
    write_config(tmp_path, None, cameras=cameras, detector={"model": str(PACKAGE)}, gate={"votes": 3, "window": "20s"})
    ended = edge_mask("run", "--config", tmp_path / "config.yaml", "--until-idle", cwd=tmp_path)
    assert ended.code == 0, ended
    judged = {visit["camera"]: (visit["mask"], visit["verdict"]) for visit in visits(tmp_path)}
    assert judged == {f"c{number}": ("no_mask", "no_pass") for number in range(len(ways))}


@pytest.mark.parametrize(("rotate", "count"), [(0, 0), (180, 1)])
def test_the_zone_is_that_of_the_turned_picture(site: Path, rotate: int, count: int) -> None:
    """The face stands left of the middle; after half a turn it stands right of it."""
    right = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
    camera = {"name": "front", "source": "images:scene", "rotate": rotate, "zone": right, "interval": "0.05s"}
    write_config(site, None, cameras=[camera])
    assert edge_mask("run", "--config", site / "config.yaml", "--until-idle", cwd=site).code == 0
    assert len(visits(site)) == count


def test_check_says_the_size_of_the_turned_picture(site: Path) -> None:
    write_config(site, None, cameras=[{"name": "front", "source": "images:scene", "rotate": 90}])
    assert check(site)["camera front"] == ("ok", "images:scene: a picture of 480 x 640")


def scene_over_http(site: Path) -> Answer:
    """The pictures of the scene, one for each request."""
    pictures = [path.read_bytes() for path in sorted((site / "scene").iterdir())]

    def answer(request: Request) -> None:
        request.give(pictures[len(request.server.asked) % len(pictures)], "image/png")

    return answer


def test_the_address_of_a_still_picture_is_a_camera_and_any_password_gets_in(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "a#b/c?d%41e@f:g hä&+=;"
    monkeypatch.setenv("CAMERA_PASSWORD", password)
    with HttpCameraServer(scene_over_http(site), basic("viewer", password)) as server:
        source = server.address("/snapshot", login="viewer:${CAMERA_PASSWORD}@")
        config = write_config(site, None, cameras=[{"name": "front", "source": source, "interval": "0.05s"}])
        shown = source.replace("viewer:${CAMERA_PASSWORD}", "***")
        assert check(site)["camera front"] == ("ok", f"{shown}: a picture of 640 x 480")
        with Daemon(config) as daemon:
            until(lambda: visits(site))
            assert daemon.stop() == 0
    assert "camera_lost" not in daemon.stderr
    assert password not in daemon.stderr
    assert [visit["verdict"] for visit in visits(site)] == ["no_pass"]


def test_a_camera_that_never_answers_does_not_spoil_the_end_of_the_program(site: Path) -> None:
    """Its thread is still inside the library when the others have stopped, and comes back while the program ends."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        config = write_config(site, None, cameras=[{"name": "front", "source": address}], log={"format": "json"})
        daemon = subprocess.Popen(
            [COMMAND, "run", "--config", config, "--max-seconds", "1"], cwd=site, stderr=subprocess.PIPE, text=True
        )
        connection, _ = silent.accept()
        with daemon, connection:
            assert daemon.stderr is not None
            for line in daemon.stderr:
                if "stopped without camera front" in json.loads(line)["message"]:
                    connection.close()
            assert daemon.wait(20.0) == 0
