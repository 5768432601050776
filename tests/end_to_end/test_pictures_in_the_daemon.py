"""Pictures of visits, looks and alerts through the installed daemon: what is named, what lies there, what is gone."""

import os
import shutil
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.act.exif_reader import read_exif
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    Daemon,
    edge_mask,
    lines,
    topic,
    write_config,
    write_model,
    write_scene,
)

from edge_mask.demo.show import FILM
from edge_mask.detect.model import ModelDetector
from edge_mask.messages import Image
from edge_mask.packages.load import load_package

pytestmark = pytest.mark.broker

MODEL = Path(__file__).parents[2] / "models" / "mask-detector"
SCENE = [BARE] * 6 + [None] * 4
"""One who is refused."""
JUDGED = {"votes": 3, "still": "ignore"}
"""Painted squares do not move."""
LONG = 30.0


def site(folder: Path, port: int | None, votes: int = 3, **snapshots: Any) -> Path:
    """A gate that sees the scene; the configuration."""
    write_scene(folder / "scene", SCENE)
    write_model(folder)
    return write_config(
        folder, port, gate={**JUDGED, "votes": votes}, snapshots={"dir": str(folder / "pictures"), **snapshots}
    )


def pictures(folder: Path) -> list[str]:
    """Names of whole files."""
    return sorted(path.name for path in (folder / "pictures").glob("[!.]*.jpg"))


def on(received: list[Received], kind: str) -> list[Any]:
    return [each.json() for each in received if each.topic == topic(kind)]


def history(config: Path) -> list[Any]:
    return lines(edge_mask("history", "--json", "--config", config, cwd=config.parent).out)


def until(condition: Any) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- the bundled sample --------------------------------------------------------------------------------------


def write_sample(folder: Path) -> list[Image]:
    """The first two visitors of the bundled film, four pictures a second; these are returned too."""
    film, kept = cv2.VideoCapture(str(FILM)), []
    rate = film.get(cv2.CAP_PROP_FPS)
    for number in range(int(12 * rate)):
        ok, image = film.read()
        assert ok
        if number % max(1, round(rate / 4)) == 0:
            kept.append(np.asarray(image, np.uint8))
    folder.mkdir()
    for number, image in enumerate(kept):
        cv2.imwrite(str(folder / f"{number:03}.png"), image)
    return kept


def test_pictures_of_the_sample_are_named_blurred_labelled_and_erased(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    images = write_sample(tmp_path / "sample")
    source = f"images:{tmp_path / 'sample'}"
    config = write_config(
        tmp_path, broker.port,
        device={"thing_name": "gate-01", "timezone": "Asia/Seoul"},
        cameras=[
            {"name": "front", "source": source, "role": "gate", "interval": "0.05s"},
            {"name": "hall", "source": source, "role": "cctv", "interval": "0.05s"},
        ],
        detector={"model": str(MODEL)}, gate=JUDGED, cctv={"streak": 3},
        snapshots={"dir": str(tmp_path / "pictures"), "visits": "all", "latest": "off"},
    )  # fmt: skip
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: len(on(got, "visits")) >= 2 and bool(on(got, "alerts")))
    visits, looks, (alert,) = on(heard, "visits"), on(heard, "looks"), on(heard, "alerts")
    assert [(visit["verdict"], visit["snapshot"] is None) for visit in visits] == [("no_pass", False), ("pass", False)]
    assert all((look["snapshot"] is not None) == (look["no_mask"] > 0) for look in looks)
    assert alert["snapshot"] in {look["snapshot"] for look in looks if look["ts"] == alert["ts"]}
    named = [each["snapshot"] for each in (*visits, *looks) if each["snapshot"] is not None]
    assert len(set(named)) == len(named)
    assert sorted(named) == pictures(tmp_path)
    assert [row["snapshot"] for row in history(config) if "verdict" in row] == [each["snapshot"] for each in visits]
    detector = load_package(MODEL, threads=1, score_threshold=None)
    for message in (*visits, *(look for look in looks if look["snapshot"])):
        check_exif(tmp_path / "pictures" / message["snapshot"], message)
        check_faces(tmp_path / "pictures" / message["snapshot"], images, detector)
    gone = edge_mask("erase", "--visit", visits[0]["id"], "--json", "--config", config, cwd=tmp_path)
    assert lines(gone.out)[0]["pictures"] == 1
    assert pictures(tmp_path) == sorted(set(named) - {visits[0]["snapshot"]})
    gone = edge_mask("erase", "--before", "2999-01-01", "--json", "--config", config, cwd=tmp_path)
    assert lines(gone.out)[0]["pictures"] == len(named) - 1
    assert pictures(tmp_path) == []


def check_exif(path: Path, message: Any) -> None:
    exif = read_exif(path.read_bytes())
    assert exif["OffsetTimeOriginal"] == "+09:00"
    written = " ".join(exif[name] for name in ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal"))
    assert datetime.strptime(written, "%Y:%m:%d %H:%M:%S %f %z") == datetime.fromisoformat(message["ts"])
    assert (exif["Model"], exif["ImageDescription"].partition(":")[0]) == ("gate-01", message["camera"])


def check_faces(path: Path, images: list[Image], detector: ModelDetector) -> None:
    """Nothing fine is left of a face, and everything else is as the camera saw it."""
    kept = cv2.imread(str(path))
    assert kept is not None
    seen = min(images, key=lambda image: float(np.abs(image[300:].astype(int) - kept[300:]).mean()))
    found = detector.look(seen)
    assert found.faces
    elsewhere = np.ones(seen.shape[:2], bool)
    for box in [each.box for each in (*found.faces, *found.faint)]:
        elsewhere[int(max(0, box.y - 0.6 * box.h)) : int(box.y + 1.6 * box.h)] = False
    for box in [each.box for each in found.faces]:
        face = slice(int(max(0, box.y)), int(box.y + box.h)), slice(int(max(0, box.x)), int(box.x + box.w))
        assert detail(kept[face]) < 0.25 * detail(seen[face])
        assert likeness(kept[face], seen[face]) < 0.25
    assert np.abs(kept[elsewhere].astype(int) - seen[elsewhere]).mean() < 3


def sharp(part: Any) -> Any:
    """What is finer than a sixth of a face: eyes, mouth, the edge of a mask."""
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), max(1.0, part.shape[1] / 16))


def detail(part: Any) -> float:
    return float(sharp(part).std())


def likeness(kept: Any, seen: Any) -> float:
    """Correlation of what is fine in both."""
    return float(np.corrcoef(sharp(kept).ravel(), sharp(seen).ravel())[0, 1])


# -- faults --------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_changes_no_visit(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = site(tmp_path, broker.port, visits="all")
    (tmp_path / "pictures").write_text("a file is in the way")
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: "write_failed" in [fault["code"] for fault in on(got, "errors")])
    (visit,) = on(heard, "visits")
    assert (visit["verdict"], visit["reasons"]) == ("no_pass", ["no_mask"])
    (fault,) = [fault for fault in on(heard, "errors") if fault["code"] == "write_failed"]
    assert fault["component"] == "snapshots"
    assert visit["snapshot"] in fault["text"]
    assert [row["id"] for row in history(config) if "verdict" in row] == [visit["id"]]


def test_a_picture_without_a_certain_verdict_is_gone_in_time_though_the_daemon_was_killed(tmp_path: Path) -> None:
    config = site(tmp_path, None, votes=6, visits="all")
    write_scene(tmp_path / "scene", [BARE, MASKED] * 45 + [MASKED] * 80)
    with Daemon(config) as daemon:
        until(lambda: any(name.endswith("-pass.jpg") and "temp-" not in name for name in pictures(tmp_path)))
        daemon.send(signal.SIGKILL)
        daemon.wait()
    certain, unsure = pictures(tmp_path)
    assert (unsure.startswith("temp-"), unsure.endswith("-unsure.jpg")) == (True, True)
    folder = tmp_path / "pictures"
    half = folder / f".{unsure}.part"
    shutil.copy(folder / unsure, half)
    os.utime(half, (1e9, 1e9))
    mine = folder / "temp-holiday.jpg"
    mine.write_bytes(b"not ours")
    with Daemon(site(tmp_path, None, visits="none", temp_ttl="1s")) as daemon:
        until(lambda: not (folder / unsure).exists() and not half.exists())
        assert daemon.stop() == 0
    assert pictures(tmp_path) == sorted([certain, mine.name])
    told = {row["snapshot"] for row in history(config) if "verdict" in row}
    assert {certain, unsure} <= told, "the name said that it would go"
    gone = edge_mask("erase", "--before", "2999-01-01", "--config", config, cwd=tmp_path)
    assert gone.out.endswith(", 1 picture\n")
    assert pictures(tmp_path) == [mine.name]
