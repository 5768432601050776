"""`edge-mask detect` on files as they lie about: links, closed folders, odd names; originals stay what they are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, RED, picture, write_package, write_picture
from tests.rights import closed

from edge_mask.cli import main

VISITOR = picture((128, 64), ((32, 16, 16, 16), RED))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "tiny", tiny.anchor_free(strides=[8]), decoding=ANCHOR_FREE | {"strides": [8]})


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "inner").mkdir(parents=True)
    write_picture(tmp_path / "pictures" / "inner" / "a.jpg", VISITOR)
    return tmp_path / "pictures"


@pytest.mark.parametrize("folder", ["", "inner", "new", "inner/new"])
def test_drawings_below_a_folder_that_is_read_would_replace_originals_and_are_refused(
    folder: str, package: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (pictures / "inner" / "a.jpg").read_bytes()
    assert main(["detect", str(pictures), "--model", str(package), "--draw", str(pictures / folder)]) == 1
    assert "or from a folder above it; choose another folder" in capfd.readouterr().err
    assert (pictures / "inner" / "a.jpg").read_bytes() == before
    assert sorted(path.name for path in pictures.rglob("*")) == ["a.jpg", "inner"]


def test_drawings_into_the_folder_that_a_link_leads_to_are_refused(
    package: Path, pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "b.jpg"
    link.symlink_to(pictures / "inner" / "a.jpg")
    (tmp_path / "out").symlink_to(pictures / "inner")
    for read, out in ((tmp_path / "links", pictures / "inner"), (link, tmp_path / "out")):
        assert main(["detect", str(read), "--model", str(package), "--draw", str(out)]) == 1
        assert f"{link} is read from there; choose another folder" in capfd.readouterr().err


def test_a_link_in_the_output_folder_is_replaced_and_what_it_led_to_is_not(
    package: Path, pictures: Path, tmp_path: Path
) -> None:
    original = pictures / "inner" / "a.jpg"
    before = original.read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").symlink_to(original)
    assert main(["detect", str(pictures), "--model", str(package), "--draw", str(out)]) == 0
    assert original.read_bytes() == before
    assert not (out / "a.jpg").is_symlink()
    assert (out / "a.jpg").read_bytes() != before


@pytest.mark.parametrize("shape", [(9000, 101), (101, 9000)])
def test_a_box_never_leaves_a_long_picture(
    shape: tuple[int, int], package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    height, width = shape
    long = write_picture(tmp_path / "long.png", np.full((height, width, 3), RED, np.uint8))
    assert main(["detect", str(long), "--model", str(package), "--json", "--score-threshold", "0"]) == 0
    found = json.loads(capfd.readouterr().out)["detections"]
    assert found
    for x, y, w, h in (face["box"] for face in found):
        assert 0 <= x <= x + w <= width + 0.01
        assert 0 <= y <= y + h <= height + 0.01


def test_a_closed_folder_gets_a_sentence_and_the_others_go_on(
    package: Path, pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    (secret / "deep").mkdir(parents=True)
    write_picture(pictures / "b.png", VISITOR)
    given = [secret, secret / "deep", secret / "clip.avi", pictures]
    with closed(secret), closed(pictures / "inner"):
        assert main(["detect", *map(str, given), "--model", str(package)]) == 1
    out, err = capfd.readouterr()
    assert err.splitlines() == [
        f"{path}: cannot be read (Permission denied)" for path in (*given[:3], pictures / "inner")
    ]
    assert out.startswith(f"{pictures / 'b.png'}: mask")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_name_that_is_no_utf_8_is_written_with_escapes(options: list[str], package: Path, tmp_path: Path) -> None:
    done, content = cv2.imencode(".png", VISITOR)
    assert done
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / os.fsdecode(b"b\xff.avi")).write_bytes(b"\1no film")
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(content.tobytes())
    command = [sys.executable, "-m", "edge_mask", "detect", str(folder), "--model", str(package), *options]
    ran = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"}, capture_output=True)
    out, err = ran.stdout.decode("utf-8"), ran.stderr.decode("utf-8")
    assert "Traceback" not in err
    assert ran.returncode == 1
    assert r"b\udcff.avi: its name is not UTF-8 text" in err
    name = json.loads(out)["file"] if options else out
    assert name.startswith(str(folder / r"caf\udce9.png"))


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--score-threshold=abc", "'abc' is not a number between 0 and 1"),
        ("--score-threshold=nan", "'nan' is not a number between 0 and 1"),
        ("--threads=x", "'x' is not a whole number between 1 and 64"),
        ("--threads=65", "'65' is not a whole number between 1 and 64"),
    ],
)
def test_an_option_that_is_no_number_is_answered_with_what_is_allowed(
    option: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["detect", "a.png", option])
    assert caught.value.code == 2
    assert sentence in capfd.readouterr().err
