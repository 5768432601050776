"""A package is trusted only when its checksum, shapes, labels and golden answers hold."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, GREEN, PLAIN_INPUT, RED, picture, write_package, write_picture
from tests.rights import closed

from edge_mask.errors import ModelError
from edge_mask.messages import Box
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package, shipped
from edge_mask.packages.package import choose_file, open_package
from edge_mask.packages.verify import verify_package

GRAPH = tiny.anchor_free(strides=[8])
DECODING = ANCHOR_FREE | {"strides": [8]}
SQUARE = picture((64, 64), ((16, 24, 8, 8), RED))


def package(folder: Path, **changes: Any) -> Path:
    return write_package(folder, GRAPH, **({"decoding": DECODING} | changes))


def golden(folder: Path, *answer: dict[str, Any], **tolerances: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write_picture(folder / "golden.png", SQUARE)
    return package(folder, golden=[{"picture": "golden.png", "answer": list(answer), **tolerances}])


RIGHT = {"label": "mask", "score": 1.0, "box": [16, 24, 8, 8]}


def test_a_package_whose_golden_answer_holds_is_loaded(tmp_path: Path) -> None:
    detector = load_package(golden(tmp_path, RIGHT), threads=1)
    assert detector.name == "tiny 1.0.0"
    assert detector.labels == ("mask", "no_mask", "incorrect")
    assert [face.label for face in detector.detect(SQUARE)] == ["mask"]
    assert detector.last_inference_ms > 0
    detector.close()
    detector.close()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([], "found mask 1.00 at \\[16, 24, 8, 8\\] that nobody expects"),
        ([RIGHT | {"label": "no_mask"}], "expected no_mask 1.00 at .*found mask 1.00"),
        ([RIGHT | {"score": 0.8}], "expected mask 0.80 .*± 0.05.*found mask 1.00"),
        ([RIGHT | {"box": [20, 24, 8, 8]}], "expected mask 1.00 at \\[20, 24, 8, 8\\]"),
        ([RIGHT, RIGHT], "expected mask 1.00"),
    ],
)
def test_a_package_with_another_golden_answer_is_refused(
    answer: list[dict[str, Any]], sentence: str, tmp_path: Path
) -> None:
    folder = golden(tmp_path, *answer)
    with pytest.raises(ModelError, match=sentence) as caught:
        load_package(folder)
    assert str(folder / "golden.png") in str(caught.value)
    assert load_package(folder, verify=False).name == "tiny 1.0.0"


def test_an_expected_face_at_its_threshold_may_be_missing(tmp_path: Path) -> None:
    faint = {"label": "incorrect", "score": 0.52, "box": [0, 0, 8, 8]}
    assert load_package(golden(tmp_path, RIGHT, faint, score_tolerance=0.05)).name == "tiny 1.0.0"


@pytest.mark.parametrize("threshold", [0.6, 1])
def test_an_expected_face_far_below_its_threshold_is_refused(threshold: float, tmp_path: Path) -> None:
    """Such a package would see nobody and hold all the same."""
    write_picture(tmp_path / "golden.png", SQUARE)
    faint = {"label": "incorrect", "score": 0.52, "box": [0, 0, 8, 8]}
    answer = [{"picture": "golden.png", "answer": [faint]}]
    folder = package(tmp_path, golden=answer, thresholds={"default": threshold, "mask": 1})
    with pytest.raises(ModelError, match=r"expected incorrect 0\.52"):
        load_package(folder)


def test_the_golden_answer_is_asked_with_the_cards_own_thresholds(tmp_path: Path) -> None:
    detector = load_package(golden(tmp_path, RIGHT), score_threshold=1.0)
    assert detector.detect(SQUARE) == []


def test_a_golden_box_is_in_pixels_of_the_file_also_where_the_picture_is_reduced_while_it_is_read(
    tmp_path: Path,
) -> None:
    write_picture(tmp_path / "golden.png", cv2.resize(SQUARE, (8192, 8192), interpolation=cv2.INTER_NEAREST))
    answer = RIGHT | {"box": [128 * side for side in (16, 24, 8, 8)]}
    folder = package(tmp_path, golden=[{"picture": "golden.png", "answer": [answer]}])
    assert load_package(folder, threads=1).name == "tiny 1.0.0"


def test_a_missing_golden_picture_is_named(tmp_path: Path) -> None:
    folder = golden(tmp_path, RIGHT)
    (folder / "golden.png").unlink()
    with pytest.raises(ModelError, match=r"golden.png: cannot be read \(No such file"):
        load_package(folder)


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "model.tflite").write_bytes(GRAPH + b"\0")
    with pytest.raises(ModelError, match=r"its sha256 is .*, the card expects .*install the package again"):
        load_package(folder, verify=False)


def test_a_file_that_was_cut_off_is_refused_by_its_checksum(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "model.tflite").write_bytes(GRAPH[: len(GRAPH) // 2])
    with pytest.raises(ModelError, match="was changed or cut off"):
        load_package(folder)


def with_content(folder: Path, content: bytes) -> Path:
    """A package whose card believes in whatever its file holds."""
    return write_package(folder, content, decoding=DECODING)


@pytest.mark.parametrize("content", [b"", b"not a graph", GRAPH[: len(GRAPH) // 2], b"\0" * 500])
def test_a_file_that_is_no_graph_is_refused_even_with_the_right_checksum(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model.tflite: (is no TFLite model|is empty|is no complete)"):
        load_package(with_content(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "model.tflite").unlink()
    with pytest.raises(ModelError, match=r"model.tflite: cannot be read \(No such file.*the card names it under files"):
        load_package(folder)


def test_a_graph_of_another_size_than_its_card_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"input.size: the card says 96x64, the graph takes 1x64x64x3 .*1x64x96x3"):
        load_package(package(tmp_path, input=PLAIN_INPUT | {"size": [96, 64]}))


def test_a_graph_with_fewer_labels_than_its_card_is_refused(tmp_path: Path) -> None:
    folder = write_package(tmp_path, tiny.anchor_free(strides=[8], labels=2), decoding=DECODING)
    with pytest.raises(ModelError, match="logits of stride 8 of shape 1x8x8x3; the graph gives 1x8x8x2, 1x8x8x4"):
        load_package(folder)


@pytest.mark.parametrize("inputs", [0, 2])
def test_a_graph_that_does_not_take_one_picture_is_refused(inputs: int, tmp_path: Path) -> None:
    graph = tiny.Graph()
    pictures = [tiny.picture_input(graph, (64, 64)) for _ in range(2)]
    cells = graph.cells(pictures[0], *tiny.looks(8), 8, (64, 64))
    with pytest.raises(ModelError, match=f"the graph has {inputs} inputs, expected one picture"):
        load_package(with_content(tmp_path, graph.finish(pictures[:inputs], [cells])))


def test_what_is_no_package_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such folder; a model package is a folder with a model.yaml"):
        load_package(tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"cannot be read .*a model package is a folder with a model.yaml"):
        load_package(tmp_path)


def test_each_runtime_gets_the_file_the_card_prefers_for_it(tmp_path: Path) -> None:
    digest = hashlib.sha256(GRAPH).hexdigest()
    files = [
        {"path": "int8.tflite", "sha256": digest, "precision": "int8", "prefer": ["ai-edge-litert"]},
        {"path": "float.tflite", "sha256": digest, "precision": "float"},
    ]
    card = open_package(package(tmp_path, files=files)).card
    assert choose_file(card, "ai-edge-litert").path == "int8.tflite"
    assert choose_file(card, "tflite-runtime").path == "float.tflite"
    only = open_package(package(tmp_path, files=files[:1])).card
    assert choose_file(only, "tflite-runtime").path == "int8.tflite"


def test_a_file_named_by_its_path_is_taken_whatever_the_card_prefers(tmp_path: Path) -> None:
    digest = hashlib.sha256(GRAPH).hexdigest()
    files = [
        {"path": "quick.tflite", "sha256": digest, "precision": "int8"},
        {
            "path": "exact.tflite",
            "sha256": digest,
            "precision": "float",
            "prefer": ["ai-edge-litert", "tflite-runtime"],
        },
    ]
    folder = package(tmp_path / "mine", files=files)
    for name in ("quick.tflite", "exact.tflite"):
        (folder / name).write_bytes(GRAPH)
    assert load_package(find_package(folder)).file == "exact.tflite"
    assert load_package(find_package(folder / "quick.tflite")).file == "quick.tflite"
    with pytest.raises(
        ModelError, match=r"other\.tflite: the card names no such file; it names quick.tflite, exact.tflite"
    ):
        load_package(find_package(folder / "other.tflite"))
    (folder / "quick.tflite").write_bytes(GRAPH + b" ")
    with pytest.raises(ModelError, match=r"quick.tflite: its sha256 is"):
        load_package(find_package(folder / "quick.tflite"))


def test_a_graph_outside_of_a_package_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "alone.tflite").write_bytes(GRAPH)
    with pytest.raises(ModelError, match=r"holds no model.yaml; a model package is a folder with one"):
        find_package(tmp_path / "alone.tflite")


@pytest.mark.parametrize("name", ["model.int8.tflite", "model.float.tflite"])
def test_a_file_of_the_package_that_came_along_is_found_like_the_package(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_package(f"models/mask-detector/{name}")
    assert found == shipped()[0] / "mask-detector" / name
    assert load_package(found).file == name


def test_a_threshold_given_by_the_user_replaces_all_of_the_card(tmp_path: Path) -> None:
    folder = package(tmp_path, thresholds={"default": 1.0, "no_mask": 0.5})
    image = picture((64, 64), ((16, 24, 8, 8), RED), ((40, 24, 8, 8), GREEN))
    assert [face.label for face in load_package(folder).detect(image)] == ["no_mask"]
    assert {face.label for face in load_package(folder, score_threshold=0.3).detect(image)} == {"mask", "no_mask"}


def test_what_stays_below_the_threshold_is_named_as_faint_so_that_pictures_can_hide_it(tmp_path: Path) -> None:
    folder = package(tmp_path, thresholds={"default": 1.0, "no_mask": 0.5})
    answer = load_package(folder).look(picture((64, 64), ((16, 24, 8, 8), RED), ((40, 24, 8, 8), GREEN)))
    assert [face.label for face in answer.faces] == ["no_mask"]
    assert [(face.label, face.box) for face in answer.faint] == [("mask", Box(16.0, 24.0, 8.0, 8.0))]


def test_at_most_max_faces_are_reported(tmp_path: Path) -> None:
    folder = package(tmp_path, decoding=DECODING | {"max_faces": 2})
    assert len(load_package(folder).detect(picture((64, 64), ((0, 0, 64, 64), RED)))) == 2


def test_a_package_is_found_where_it_is_named_or_where_the_program_brought_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    package(tmp_path / "mine")
    assert find_package("mine") == Path("mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty: holds no model.yaml"):
        find_package("empty")
    with pytest.raises(ModelError, match="~nobody-here/mine: there is no such home folder"):
        find_package("~nobody-here/mine")
    with pytest.raises(ModelError, match="nobody: no such model package"):
        find_package("nobody")
    for name in ("mask-detector", "models/mask-detector", "./models/mask-detector"):
        assert find_package(name) == shipped()[0] / "mask-detector"


@pytest.mark.parametrize("name", ["site-models/mask-detector", "models/old/mask-detector", "../models/mask-detector"])
def test_a_place_of_ones_own_never_becomes_the_package_that_came_along(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    with pytest.raises(ModelError, match=f"^{name}: no such model package"):
        find_package(name)


@pytest.mark.parametrize("name", ["mask-detector", "models/mask-detector", "site-models/mask-detector"])
def test_a_folder_without_a_card_never_becomes_the_package_that_came_along(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir(parents=True)
    with pytest.raises(ModelError, match=f"^{name}: holds no model.yaml"):
        find_package(name)


def test_a_closed_package_gets_a_sentence(tmp_path: Path) -> None:
    folder = package(tmp_path / "mine")
    with closed(folder), pytest.raises(ModelError, match=r"mine: cannot be looked into \(Permission denied\)"):
        find_package(folder)
    with closed(tmp_path), pytest.raises(ModelError, match=r"mine: .*\(Permission denied\)"):
        open_package(folder)


def test_verifying_names_everything_that_does_not_hold(tmp_path: Path) -> None:
    folder = golden(tmp_path, RIGHT)
    assert all(check.passed for check in verify_package(open_package(folder)))
    card = yaml.safe_load((folder / "model.yaml").read_text())
    card["files"].append({"path": "gone.tflite", "sha256": "0" * 64, "precision": "int8"})
    card["golden"][0]["answer"][0]["label"] = "incorrect"
    (folder / "model.yaml").write_text(yaml.safe_dump(card))
    failed = [check.what for check in verify_package(open_package(folder)) if not check.passed]
    assert "gone.tflite checksum" in failed
    assert any(what.endswith("golden golden.png") for what in failed)
    assert "model.tflite checksum" not in failed


@pytest.mark.parametrize("strides", [[8], [16]])
def test_a_stride_that_the_card_forgot_is_refused(strides: list[int], tmp_path: Path) -> None:
    """Its faces would be seen by nobody."""
    folder = write_package(tmp_path, tiny.anchor_free(strides=[8, 16]), decoding=ANCHOR_FREE | {"strides": strides})
    with pytest.raises(ModelError, match=r"decoding.strides: the graph also gives .* a stride that is not named"):
        load_package(folder)
