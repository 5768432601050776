"""Annotations made elsewhere become the project's own, or a sentence says why not."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.importers import main
from training.pictures import read_scenes

VOC = """<annotation><filename>{file}</filename><object><name>{label}</name><bndbox><xmin>10</xmin><ymin>20</ymin>
<xmax>{xmax}</xmax><ymax>60</ymax></bndbox></object></annotation>"""


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((80, 100, 3), 90, np.uint8))
    return path


def voc(folder: Path, label: str = "with_mask", xmax: str = "50") -> Path:
    picture(folder / "images" / "a.png")
    (folder / "annotations").mkdir()
    (folder / "annotations" / "a.xml").write_text(VOC.format(file="a.png", label=label, xmax=xmax))
    return folder


def yolo(folder: Path, line: str = "0 0.3 0.5 0.4 0.5") -> Path:
    picture(folder / "images" / "a.png")
    picture(folder / "images" / "empty.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(line + "\n")
    (folder / "data.yaml").write_text("names: [mask, no_mask, incorrect]\n")
    return folder


def run(kind: str, folder: Path, data: Path, *more: str) -> int:
    return main([kind, str(folder), "--data", str(data), "--split", "train", *more])


def test_a_voc_folder_becomes_scenes_with_the_same_boxes(tmp_path: Path) -> None:
    assert run("voc", voc(tmp_path / "theirs"), tmp_path / "data") == 0
    (scene,) = read_scenes(tmp_path / "data" / "train" / "detection.json")
    assert scene.boxes.tolist() == [[0, 10, 20, 50, 60]]
    assert scene.pixels.shape == (80, 100, 3)


def test_a_yolo_folder_becomes_scenes_in_pixels_and_a_picture_without_labels_has_no_face(tmp_path: Path) -> None:
    assert run("yolo", yolo(tmp_path / "theirs"), tmp_path / "data") == 0
    first, second = read_scenes(tmp_path / "data" / "train" / "detection.json")
    assert first.boxes.tolist() == [[0, 10, 20, 50, 60]]
    assert len(second.boxes) == 0


def test_importing_twice_adds_nothing_twice_and_keeps_what_was_there(tmp_path: Path) -> None:
    run("voc", voc(tmp_path / "theirs"), tmp_path / "data")
    run("yolo", yolo(tmp_path / "others"), tmp_path / "data")
    run("yolo", tmp_path / "others", tmp_path / "data")
    files = [e["file"] for e in json.loads((tmp_path / "data" / "train" / "detection.json").read_text())["images"]]
    assert sorted(files) == ["images/others_a.png", "images/others_empty.png", "images/theirs_a.png"]


def test_a_foreign_label_is_asked_for_and_taken_from_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = voc(tmp_path / "theirs", label="helmet")
    assert run("voc", folder, tmp_path / "data") == 2
    assert "label 'helmet' is not known; say what it means with --label helmet=mask" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
    assert run("voc", folder, tmp_path / "data", "--label", "helmet=ignored") == 0
    (scene,) = read_scenes(tmp_path / "data" / "train" / "detection.json")
    assert len(scene.boxes) == 0


def test_a_box_that_is_no_number_is_a_sentence_with_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("voc", voc(tmp_path / "theirs", xmax="wide"), tmp_path / "data") == 2
    assert "a.xml: an object has the corners ['10', '20', 'wide', '60']" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["0 0.3 0.5", "0 30 50 40 50", "mask 0.3 0.5 0.4 0.5"])
def test_a_yolo_line_in_error_is_a_sentence_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert run("yolo", yolo(tmp_path / "theirs", line), tmp_path / "data") == 2
    assert f"a.txt, line 1: found '{line}'" in capsys.readouterr().err


def test_boxes_over_the_edge_are_cut_at_it(tmp_path: Path) -> None:
    assert run("voc", voc(tmp_path / "theirs", xmax="140"), tmp_path / "data") == 0
    (scene,) = read_scenes(tmp_path / "data" / "train" / "detection.json")
    assert scene.boxes[0, 3] == 100


def test_an_unknown_target_label_lists_the_allowed_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("voc", voc(tmp_path / "theirs"), tmp_path / "data", "--label", "a=scarf") == 2
    assert "expected NAME=LABEL with a label of mask, no_mask, incorrect, ignored" in capsys.readouterr().err
