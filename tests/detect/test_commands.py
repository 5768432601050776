"""`edge-mask detect` and `edge-mask model`, as a user runs them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, GREEN, RED, picture, write_package, write_picture

from edge_mask.cli import main
from edge_mask.messages import Image
from edge_mask.picture import read_picture

VISITOR = picture((128, 64), ((32, 16, 16, 16), RED))
RIGHT = {"label": "mask", "score": 1.0, "box": [32, 16, 16, 16]}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "packages" / "tiny"
    folder.mkdir(parents=True)
    write_picture(folder / "golden.png", VISITOR)
    return write_package(
        folder,
        tiny.anchor_free(strides=[8]),
        decoding=ANCHOR_FREE | {"strides": [8]},
        golden=[{"picture": "golden.png", "answer": [RIGHT]}],
        limits=["Squares only.", {"size": 8}],
        figures={"made": {"confusion": [[1, 2], [3, 4]], "mAP": 0.123456}},
    )


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    write_picture(folder / "a.png", VISITOR)
    write_picture(folder / "inner" / "a.png", picture((64, 64)))
    (folder / "notes.txt").write_text("nothing to see")
    return folder


def write_video(path: Path, frames: list[Image]) -> Path:
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_pictures_of_a_folder_give_one_json_line_each(
    package: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(pictures), "--model", str(package), "--json"]) == 0
    out, err = capfd.readouterr()
    first, second = json_lines(out)
    assert err == ""
    assert first["inference_ms"] > 0
    score = first["detections"][0]["score"]
    assert first == {
        "file": str(pictures / "a.png"),
        "frame": 1,
        "detections": [{"label": "mask", "score": score, "box": [32, 16, 16, 16]}],
        "inference_ms": first["inference_ms"],
    }
    assert score > 0.99
    assert (second["file"], second["detections"]) == (str(pictures / "inner" / "a.png"), [])


def test_without_json_a_line_reads_like_a_sentence(
    package: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(pictures), "--model", str(package)]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert first.startswith(f"{pictures / 'a.png'}: mask 1.00 at 32,16 size 16x16 (")
    assert second.startswith(f"{pictures / 'inner' / 'a.png'}: no face (")


def test_every_frame_of_a_video_gets_a_line(package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    frames = [picture((128, 64)), VISITOR, picture((128, 64), ((64, 16, 16, 16), GREEN))]
    video = write_video(tmp_path / "door.avi", frames)
    assert main(["detect", str(video), "--model", str(package), "--json"]) == 0
    lines = json_lines(capfd.readouterr().out)
    assert [line["frame"] for line in lines] == [1, 2, 3]
    assert [[d["label"] for d in line["detections"]] for line in lines] == [[], ["mask"], ["no_mask"]]


def test_boxes_of_a_huge_picture_are_in_its_own_pixels(
    package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    huge = write_picture(tmp_path / "huge.jpg", cv2.resize(VISITOR, (8192, 4096), interpolation=cv2.INTER_NEAREST))
    assert main(["detect", str(huge), "--model", str(package), "--json"]) == 0
    (line,) = json_lines(capfd.readouterr().out)
    assert line["detections"][0]["box"] == pytest.approx([2048, 1024, 1024, 1024], abs=2)


def test_a_bad_file_gets_a_sentence_and_the_others_go_on(
    package: Path, pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (pictures / "b.jpg").write_text("a text that somebody named .jpg")
    (pictures / "c.png").write_bytes(b"")
    (pictures / "d.mp4").write_bytes(b"\1no film")
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = tmp_path / "missing.png"
    assert main(["detect", str(missing), str(empty), str(pictures), "--model", str(package), "--json"]) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2
    said = [line for line in err.splitlines() if line.startswith(str(tmp_path))]
    assert len(said) == 5
    assert said[0].startswith(f"{missing}: cannot be read (No such file")
    assert said[1] == f"{empty}: holds no pictures or videos"
    assert said[2].startswith(f"{pictures / 'b.jpg'}: is no picture")
    assert said[3] == f"{pictures / 'c.png'}: is empty (0 bytes)"
    assert said[4].startswith(f"{pictures / 'd.mp4'}: cannot be read as a video")


def test_a_threshold_changes_what_is_reported(package: Path, pictures: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["detect", str(pictures / "inner" / "a.png"), "--model", str(package), "--json", "--score-threshold"]
    assert main([*command, "0"]) == 0
    (line,) = json_lines(capfd.readouterr().out)
    assert len(line["detections"]) > 10
    with pytest.raises(SystemExit) as caught:
        main([*command, "50"])
    assert caught.value.code == 2
    assert "'50' is not a number between 0 and 1" in capfd.readouterr().err


def test_drawings_show_the_boxes_and_never_replace_what_was_read(
    package: Path, pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "drawn"
    assert main(["detect", str(pictures), "--model", str(package), "--draw", str(drawn)]) == 0
    assert sorted(path.name for path in drawn.iterdir()) == ["a-2.png", "a.png"]
    painted = read_picture(drawn / "a.png")
    assert painted.shape == VISITOR.shape
    assert (painted != VISITOR).any()
    assert (read_picture(drawn / "a-2.png") == 0).all()  # nobody there, nothing painted
    before = (pictures / "a.png").read_bytes()
    assert main(["detect", str(pictures / "a.png"), "--model", str(package), "--draw", str(pictures)]) == 1
    assert "choose another folder" in capfd.readouterr().err
    assert (pictures / "a.png").read_bytes() == before


def test_frames_of_a_video_are_drawn_with_their_numbers(package: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "door.avi", [VISITOR, VISITOR])
    assert main(["detect", str(video), "--model", str(package), "--draw", str(tmp_path / "drawn")]) == 0
    assert sorted(p.name for p in (tmp_path / "drawn").iterdir()) == ["door-000001.jpg", "door-000002.jpg"]


def test_a_model_that_cannot_run_ends_with_code_3_and_a_sentence(
    package: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (package / "model.tflite").write_bytes(b"something else")
    assert main(["detect", str(pictures), "--model", str(package)]) == 3
    assert main(["detect", str(pictures), "--model", "nowhere"]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "its sha256 is" in err
    assert "nowhere: no such model package" in err


def test_packages_are_listed_with_the_reason_for_those_that_cannot_be_read(
    package: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "list", str(package.parent)]) == 0
    assert capfd.readouterr().out == (
        f"{package}: tiny 1.0.0 (anchor_free, 64x64, mask, no_mask, incorrect, Apache-2.0)\n"
    )
    bad = package.parent / "bad"
    bad.mkdir()
    (bad / "model.yaml").write_text("name: bad\n")
    assert main(["model", "list", str(package.parent), "--json"]) == 1
    broken, good = json.loads(capfd.readouterr().out)
    assert broken["folder"] == str(bad)
    assert "files: field required" in broken["problem"]
    assert (good["name"], good["size"]) == ("tiny", [64, 64])


def test_a_card_that_yaml_cannot_read_does_not_hide_the_others(
    package: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {"deep": "notes: " + "[" * 5000, "keys": "? [a]\n: b", "odd": "name: !!int x"}
    for name, text in texts.items():
        (package.parent / name).mkdir()
        (package.parent / name / "model.yaml").write_text(text)
    assert main(["model", "list", str(package.parent)]) == 1
    listed = capfd.readouterr().out.splitlines()
    for line, told in zip(listed, ("nested more than 50 deep", "a key must be a word", "the tag", "tiny"), strict=True):
        assert told in line


def test_info_shows_the_whole_card(package: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", str(package)]) == 0
    text = capfd.readouterr().out
    for part in ("tiny 1.0.0", "64x64 rgb, letterbox top_left", "mask 0.5", "- Squares only.", "- 1, 2", "mAP: 0.1235"):
        assert part in text
    assert main(["model", "info", str(package), "--json"]) == 0
    content = json.loads(capfd.readouterr().out)
    assert content["folder"] == str(package)
    assert content["decoding"]["kind"] == "anchor_free"


def test_verify_says_what_holds_and_what_does_not(package: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify", str(package)]) == 0
    assert f"tiny 1.0.0 in {package}: holds" in capfd.readouterr().out
    write_picture(package / "golden.png", np.zeros_like(VISITOR))
    assert main(["model", "verify", str(package)]) == 3
    text = capfd.readouterr().out
    assert "FAILED  model.tflite on ai-edge-litert, golden golden.png: golden picture" in text
    assert "ok      model.tflite checksum" in text
    assert main(["model", "verify", str(package), "--json"]) == 3
    assert json.loads(capfd.readouterr().out)["passed"] is False
