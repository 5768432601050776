"""Scores of a finished package are settled anew; its files stay, and so does the old card where that fails."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import pytest
import yaml
from training.judge import detections, open_detector
from training.pictures import load_held_out
from training.recalibrate import main

from edge_mask.packages.load import load_file
from edge_mask.packages.package import open_package

SHIPPED = Path(__file__).parents[2] / "models" / "mask-detector"
PORTRAITS = ("portrait.jpg", "portrait-mask.jpg")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the shipped package whose scores were moved so far that hardly any face is seen."""
    folder = shutil.copytree(SHIPPED, tmp_path / "mask-detector")
    card = read(folder)
    card["calibration"] = {label: {"slope": 1.0, "offset": -9.0} for label in card["labels"]}
    (folder / "model.yaml").write_text(yaml.safe_dump(card))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden portraits, one bare and one masked, side by side and smaller and smaller."""
    folder = tmp_path_factory.mktemp("data")
    golden = {one["picture"]: one["answer"][0] for one in read(SHIPPED)["golden"]}
    images = []
    for place, width in enumerate(np.linspace(160, 24, 24).round().astype(int).tolist()):
        parts: list[np.ndarray] = []
        boxes = []
        for name in PORTRAITS:
            whole = cv2.imread(str(SHIPPED / "golden" / name))
            assert whole is not None
            scale = width / whole.shape[1]
            x, y, w, h = (side * scale for side in golden[f"golden/{name}"]["box"])
            x += sum(part.shape[1] for part in parts)
            boxes.append({"cls": golden[f"golden/{name}"]["label"], "bbox": [x, y, x + w, y + h]})
            parts.append(cv2.resize(whole, (width, round(whole.shape[0] * scale)), interpolation=cv2.INTER_AREA))
        picture = np.full((200, 320, 3), 114, np.uint8)
        picture[: parts[0].shape[0], : 2 * width] = np.hstack([cv2.resize(p, parts[0].shape[1::-1]) for p in parts])
        (folder / "val").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "val" / f"{place}.png"), picture)
        images.append({"file": f"{place}.png", "boxes": boxes})
    (folder / "val" / "detection.json").write_text(json.dumps({"images": images}))
    return folder


def read(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = yaml.safe_load((folder / "model.yaml").read_text())
    return card


def test_from_a_half_on_there_are_as_many_answers_as_faces(package: Path, data: Path) -> None:
    before = read(package)
    assert main([str(package), "--data", str(data), "--version", "9.1", "--note", "Settled again."]) == 0
    after = read(package)
    assert after["version"] == "9.1"
    assert str(after["training"]["history"]).endswith(" Settled again.")
    assert after["files"] == before["files"]
    lines = list(after["calibration"].values())
    assert len(lines) == 3
    assert all(line == lines[0] for line in lines), "one for all labels"
    held_out = load_held_out(data)
    seen = detections(open_detector(package, "float"), [p.pixels for p in held_out.scenes], 0.5, one_each=True)
    faces = sum(len(p.boxes) for p in held_out.scenes)
    assert abs(sum(len(one.scores) for one in seen) - faces) <= 2
    assert sorted(p.name for p in package.parent.iterdir()) == ["mask-detector"], "nothing is left beside it"


def test_the_golden_answers_are_those_of_the_new_scores(package: Path, data: Path) -> None:
    assert main([str(package), "--data", str(data)]) == 0
    opened = open_package(package)
    assert [one.picture for one in opened.card.golden] == [f"golden/{name}" for name in PORTRAITS]
    for file in opened.card.files:
        load_file(opened, file, threads=1, runtime="ai-edge-litert")


def test_a_changed_model_file_is_refused_and_the_card_stays(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (package / "model.yaml").read_bytes()
    with (package / "model.int8.tflite").open("ab") as file:
        file.write(b"more")
    assert main([str(package), "--data", str(data)]) == 2
    assert "model.int8.tflite" in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card


def test_a_version_that_is_none_is_refused_and_the_card_stays(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (package / "model.yaml").read_bytes()
    assert main([str(package), "--data", str(data), "--version", "two words"]) == 2
    assert "version" in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card
    assert sorted(p.name for p in package.parent.iterdir()) == ["mask-detector"]


def test_a_package_of_one_file_or_of_other_labels_is_refused(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = read(package)
    card["files"] = [one for one in card["files"] if one["precision"] == "float"]
    (package / "model.yaml").write_text(yaml.safe_dump(card))
    assert main([str(package), "--data", str(data)]) == 2
    assert "expected float and int8" in capsys.readouterr().err


def test_missing_data_is_a_sentence(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(package), "--data", str(tmp_path / "nowhere")]) == 2
    assert "no such annotation file" in capsys.readouterr().err


def test_pictures_without_a_face_are_refused(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "val").mkdir()
    cv2.imwrite(str(tmp_path / "val" / "a.png"), np.full((40, 40, 3), 90, np.uint8))
    (tmp_path / "val" / "detection.json").write_text(json.dumps({"images": [{"file": "a.png", "boxes": []}]}))
    card = (package / "model.yaml").read_bytes()
    assert main([str(package), "--data", str(tmp_path)]) == 2
    assert "no picture of val/detection.json has a face" in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card


def test_too_few_faces_are_refused_and_the_card_stays(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = shutil.copytree(data, tmp_path / "few")
    file = few / "val" / "detection.json"
    file.write_text(json.dumps({"images": json.loads(file.read_text())["images"][:3]}))
    card = (package / "model.yaml").read_bytes()
    assert main([str(package), "--data", str(few)]) == 2
    assert "it takes 30 right answers" in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card


def test_a_golden_picture_that_would_show_nobody_is_refused_and_the_card_stays(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(package / "golden" / PORTRAITS[0]), np.full((90, 90, 3), 90, np.uint8))
    card = (package / "model.yaml").read_bytes()
    assert main([str(package), "--data", str(data)]) == 2
    assert "shows no face from 0.5 on" in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card


def test_a_note_has_its_place_or_is_refused(package: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = read(package)
    card["training"] = "in a cellar"
    (package / "model.yaml").write_text(yaml.safe_dump(card))
    assert main([str(package), "--data", str(data), "--note", "Settled again."]) == 2
    assert "training in model.yaml is no mapping" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[" * 100_000, "is no JSON"),
        (b"\xff\xfe{}", "is no JSON"),
        ({"images": {"a": 1}}, 'expected JSON {"images": [...]}'),
        ({"images": ["a.png"]}, 'images[0]: expected {"file":'),
        ({"images": [{"boxes": []}]}, "images[0]: expected"),
        ({"images": [{"file": 3}]}, "images[0]: expected"),
        ({"images": [{"file": "a.png", "boxes": None}]}, "a.png: boxes: expected a list, found None"),
        ({"images": [{"file": "a.png", "boxes": [[1, 2, 3, 4]]}]}, "found [1, 2, 3, 4]"),
        *(
            ({"images": [{"file": "a.png", "boxes": [{"cls": "mask", "bbox": wrong}]}]}, "a.png: expected")
            for wrong in (
                [1, 2, 3],
                ["a", 2, 3, 4],
                "abcd",
                None,
                [True, 2, 3, 4],
                [1, 2, 3, 1e308],
                [1, 2, 3, 10**400],
            )
        ),
        ({"images": [{"file": "a.png", "boxes": [{"bbox": [1, 2, 3, 4]}]}]}, "a.png: unknown label None"),
        (
            {"images": [{"file": "a.png", "boxes": [{"cls": "mask", "bbox": [60, 2, 70, 4]}]}]},
            "box [60, 2, 70, 4] lies beside the picture, which has 50 × 40 pixels",
        ),
    ],
)
def test_annotations_that_are_none_are_a_sentence_and_the_card_stays(
    content: Any, sentence: str, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "val").mkdir()
    cv2.imwrite(str(tmp_path / "val" / "a.png"), np.full((40, 50, 3), 90, np.uint8))
    text = json.dumps(content) if isinstance(content, dict) else content
    (tmp_path / "val" / "detection.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    card = (package / "model.yaml").read_bytes()
    assert main([str(package), "--data", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err
    assert (package / "model.yaml").read_bytes() == card


def test_a_run_that_is_stopped_says_so_and_leaves_the_package(
    package: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (package / "model.yaml").read_bytes()
    monkeypatch.setattr("training.recalibrate.measure", mock.Mock(side_effect=KeyboardInterrupt))
    assert main([str(package), "--data", str(data)]) == 130
    assert capsys.readouterr().err == "stopped; the package is as it was\n"
    assert (package / "model.yaml").read_bytes() == card


def test_a_file_of_a_package_is_not_its_folder(package: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(package / "model.float.tflite"), "--data", str(data)]) == 2
    assert "is a file; give the folder of its package" in capsys.readouterr().err


def test_a_sentence_about_the_card_names_the_users_own_file(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package), "--data", str(data), "--version", "two words"]) == 2
    assert f"error: {package / 'model.yaml'}:" in capsys.readouterr().err
