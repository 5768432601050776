"""Several cameras, one slow model, through the installed command: turns, streaks, figures, and the last pictures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.capture.http_server import HttpCameraServer, Request
from tests.end_to_end.daemon import Daemon, edge_mask, topic, write_config

from edge_mask.messages import Image
from edge_mask.picture import read_picture

pytestmark = pytest.mark.broker

PACKAGE = Path(__file__).parents[2] / "models" / "mask-detector"
ROOMS = ("hall", "yard", "stairs")


def portraits() -> list[bytes]:
    """A bare face as a living camera sends it: no two pictures are the same."""
    face = cv2.imread(str(PACKAGE / "golden" / "portrait.jpg"))
    assert face is not None
    noise = np.random.default_rng(0)
    seen = [np.clip(face.astype(int) + noise.integers(-6, 7, face.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    return [cv2.imencode(".jpg", each)[1].tobytes() for each in seen]


@pytest.fixture(scope="module")
def cameras() -> Iterator[HttpCameraServer]:
    pictures = portraits()

    def stream(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        for number in range(1_000_000):
            picture = pictures[number % len(pictures)]
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
            request.wfile.write(head + picture + b"\r\n")
            if request.server.stopped.wait(0.005):
                return

    with HttpCameraServer(stream) as server:
        yield server


def rooms_of(health: Received) -> dict[str, Any]:
    found: dict[str, Any] = health.json()["cameras"]
    return found


def test_three_rooms_share_a_model_that_is_too_slow_for_them(
    tmp_path: Path, cameras: HttpCameraServer, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """Two ask for a hundred looks a second each, one for one a second; everybody in them is without a mask."""
    pauses = dict(zip(ROOMS, ("0.01s", "0.01s", "1s"), strict=True))
    config = write_config(
        tmp_path, broker.port,
        cameras=[
            {"name": name, "role": "cctv", "source": cameras.address(f"/{name}"), "interval": pause}
            for name, pause in pauses.items()
        ],
        detector={"model": str(PACKAGE), "threads": 1},
        cctv={"streak": 3, "rearm_after": "0s"}, detections="off", health={"interval": "2s"},
        snapshots={"dir": str(tmp_path / "pictures"), "blur_faces": True, "latest": "on", "latest_every": "1s"},
    )  # fmt: skip
    with Daemon(config) as daemon:
        told = subscriber.wait_for(
            lambda got: (
                sum(each.topic == topic("alerts") for each in got) >= 3
                and any(each.topic == topic("health") and rooms_of(each)["stairs"]["interval_s"] for each in got)
            ),
            timeout=60,
        )
        assert daemon.stop() == 0
    health = next(rooms_of(e) for e in reversed(told) if e.topic == topic("health") and rooms_of(e)["stairs"]["fps"])
    assert health["hall"]["fps"] == pytest.approx(health["yard"]["fps"], rel=0.3), "each has its turn"
    assert health["hall"]["interval_s"] > 0.01, "the interval that was reached, not the one that was asked for"
    assert health["stairs"]["interval_s"] < 3.0, "who asks for little is not left behind"
    ended = edge_mask("stats", "--json", "--config", config, cwd=tmp_path)
    by_camera = {each["camera"]: each for each in json.loads(ended.out)["by_camera"]}
    assert [by_camera[name]["alerts"] for name in ROOMS] == [1, 1, 1], "one alert for each streak"
    assert by_camera["hall"]["looks"] == by_camera["hall"]["no_mask_looks"] > by_camera["stairs"]["looks"] >= 3
    the_last_pictures_are_kept_hidden_and_erased(tmp_path, config)


def the_last_pictures_are_kept_hidden_and_erased(folder: Path, config: Path) -> None:
    kept = sorted((folder / "pictures").glob("latest-*"))
    assert [path.name for path in kept] == sorted(f"latest-{name}.jpg" for name in ROOMS)
    face = cv2.imread(str(PACKAGE / "golden" / "portrait.jpg"))
    assert face is not None
    assert all(edges(read_picture(path)) < edges(face) / 3 for path in kept), "nobody can be made out"
    ended = edge_mask("erase", "--before", "2100-01-01", "--json", "--config", config, cwd=folder)
    assert json.loads(ended.out)["pictures"] >= 3
    assert not list((folder / "pictures").glob("*latest-*"))


def edges(picture: Image) -> float:
    """How much there is to see where the face is."""
    return float(cv2.Laplacian(picture[75:172, 123:210], cv2.CV_64F).var())
