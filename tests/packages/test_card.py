"""A card that is wrong gets a sentence with file, line and key; one that is right says what its labels mean."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.detect.packages import card

from edge_mask.errors import ModelError
from edge_mask.packages.card import Card
from edge_mask.packages.card_file import read_card
from edge_mask.packages.location import find_package


def written(folder: Path, content: Any) -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    (folder / "model.yaml").write_text(text)
    return folder


def graph_card(**changes: Any) -> dict[str, Any]:
    return card({"model.tflite": b"graph"}, **changes)


def test_a_full_card_is_read_as_it_is_written(tmp_path: Path) -> None:
    content = graph_card(
        version=1.0,
        thresholds={"default": 0.4, "incorrect": 0.6},
        calibration={"mask": {"slope": 0.9, "offset": -0.1}},
        golden=[{"picture": "golden.png", "answer": [{"label": "mask", "score": 0.9, "box": [1, 2, 3, 4]}]}],
        figures={"mAP2": 0.75, "command": "make figures"},
        training="See the notes.",
        limits=["small faces", "dark rooms"],
    )
    found = read_card(written(tmp_path, content))
    assert [found.name, found.version, *found.labels] == ["tiny", "1.0", "mask", "no_mask", "incorrect"]
    assert [found.thresholds.of(label) for label in found.labels] == [0.4, 0.4, 0.6]
    assert list(found.golden[0].answer[0].box) == [1, 2, 3, 4]
    assert found.figures == {"mAP2": 0.75, "command": "make figures"}
    assert found.meanings == ("mask", "no_mask", "incorrect")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"lables": ["mask"]}, r"model.yaml:\d+: lables: unknown key; did you mean labels\?"),
    ({"input": {"size": [64, 64], "colour": "rgb"}}, r"input.colour: unknown key; did you mean color\?"),
    (
        {"decoding": {"kind": "anchor_free", "strides": [8], "max_face": 3}},
        r"decoding.max_face: unknown key; did you mean max_faces\?",
    ),
    ({"decoding": {"kind": "yolov8", "strides": [8]}}, r"decoding.strides: unknown key here$"),
    ({"decoding": {"kind": "yolo11"}}, r"decoding: .*'yolov5', 'yolov8'"),
    (
        {"decoding": {"kind": "anchor_free", "strides": [8], "nms": {"support": 0.5}}},
        r"support, decay and share tell labels apart and need class_agnostic: false",
    ),
    (
        {"decoding": {"kind": "anchor_free", "strides": [8], "nms": {"floor": 0.4}}},
        r"floor says who votes, supports and shares, and there is no vote, support or share",
    ),
    ({"decoding": {"kind": "anchor_free"}}, r"decoding.strides: field required"),
    ({"labels": []}, r"labels: .*at least 1 item"),
    ({"labels": ["mask", "mask"]}, r"labels: one comes twice"),
    ({"labels": ["with", "no_mask"]}, r"label_map: say what 'with' means: mask, no_mask, incorrect or ignored"),
    ({"label_map": {"wiht": "mask"}}, r"label_map: wiht is none of the labels"),
    (
        {"label_map": {"mask": "masked"}},
        r"label_map.mask: .*'incorrect' or 'ignored', found 'masked'",
    ),
    ({"thresholds": {"default": 50}}, r"thresholds.default: .*less than or equal to 1, found 50"),
    ({"input": {"size": [64], "color": "rgb", "letterbox": {}}}, r"input.size"),
    ({"input": {"size": [64, 64], "color": "rgb"}}, r"input: expected either letterbox"),
    (
        {"input": {"size": [64, 64], "color": "rgb", "letterbox": {}, "resize": "stretch"}},
        r"input: expected either letterbox",
    ),
    ({"input": {"size": [64, 64], "color": "rgb", "scale": 0, "letterbox": {}}}, r"input: scale is 0"),
    ({"files": []}, r"files: .*at least 1 item"),
    ({"files": [{"path": "../x", "sha256": "0" * 64, "precision": "float"}]}, r"files\[0\].path: .*inside the package"),
    ({"files": [{"path": "/x", "sha256": "0" * 64, "precision": "float"}]}, r"files\[0\].path: .*inside the package"),
    ({"files": [{"path": "x", "sha256": "abc", "precision": "float"}]}, r"files\[0\].sha256: .*found 'abc'"),
    ({"decoding": {"kind": "ssd_raw", "grids": [[1, 1]], "sizes": [], "ratios": [[1]]}}, r"1 grids, 0 sizes and 1"),
    ({"decoding": {"kind": "ssd_raw", "grids": [[1, 1]], "sizes": [[]], "ratios": [[1]]}}, r"at least one of each"),
    ({"decoding": {"kind": "ssd_postprocess", "outputs": ["boxes"] * 4}}, r"boxes, labels, scores and count"),
    ({"calibration": {"mask": {"offset": math.nan}}}, r"calibration.mask.offset: .*finite number, found nan"),
    ({"calibration": {"mask": {"slope": math.inf}}}, r"calibration.mask.slope: .*finite number, found inf"),
    ({"input": {"size": [64, 64], "color": "rgb", "scale": math.inf, "letterbox": {}}}, r"input.scale.*finite number"),
    (
        {"input": {"size": [64, 64], "color": "rgb", "mean": [0, math.nan, 0], "letterbox": {}}},
        r"input.mean.*finite number",
    ),
    ({"decoding": {"kind": "anchor_free", "strides": [8], "size_scale": math.inf}}, r"size_scale: .*finite number"),
    ({"version": None}, r"version: field required"),
    ({"version": True}, r"version: expected a number or text, found true"),
    ({"thresholds": {"default": True}}, r"thresholds.default: expected a number or text, found true"),
    ({"labels": ["mask", False]}, r"labels\[1\]: expected a number or text, found false"),
    ({"decoding": {"kind": "yolov8", "max_faces": True}}, r"decoding.max_faces: expected a number or text"),
    ({"calibration": {"mask": {"slope": -1}}}, r"calibration.mask.slope: .*greater than 0, found -1"),
    ({"name": None}, r"name: field required"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_what_is_wrong_with_a_card_is_said_with_its_place(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=sentence) as caught:
        read_card(written(tmp_path, graph_card(**change)))
    assert str(caught.value).startswith(f"{tmp_path / 'model.yaml'}:")


def test_the_line_is_the_one_of_the_key(tmp_path: Path) -> None:
    text = yaml.safe_dump(graph_card(), sort_keys=False).replace("color:", "colour:")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "colour:" in line)
    with pytest.raises(ModelError, match=f"model.yaml:{line}: input.colour: unknown key; did you mean color?"):
        read_card(written(tmp_path, text))


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read_card(written(tmp_path, graph_card(licence=None, extra=1, thresholds={"default": -1})))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "expected keys and values, found NoneType"), ("- a\n- b\n", "found list"), ("a: [", "not valid YAML")],
)
def test_a_card_that_is_no_mapping_gets_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=sentence):
        read_card(written(tmp_path, text))


@pytest.mark.parametrize("version", ["1.10", "1", "1.2.0", "'1.10'", "1e3", "2026-11-20", "2026-13-45", "1_0"])
def test_a_version_is_the_text_that_is_written(version: str, tmp_path: Path) -> None:
    text = yaml.safe_dump(graph_card(version=None)) + f"version: {version}\n"
    assert read_card(written(tmp_path, text)).version == version.strip("'")


@pytest.mark.parametrize(
    ("notes", "sentence"),
    [
        ("!!int x", "the tag .*int. cannot be used here"),
        ("!!int ''", "the tag .*int. cannot be used here"),
        ("!!bool x", "the tag .*bool. cannot be used here"),
        ("!!float x", "the tag .*float. cannot be used here"),
        ("!!timestamp 2026-11-20", "the tag .*timestamp. cannot be used here"),
        ("!!python/name:os.system x", "the tag .*os.system. cannot be used here"),
        ("[" * 5000 + "]" * 5000, "nested more than 50 deep"),
        ("{a: " * 5000 + "}" * 5000, "nested more than 50 deep"),
    ],
    ids=lambda text: text[:20],
)
def test_a_value_that_yaml_cannot_make_gets_a_sentence_with_its_line(notes: str, sentence: str, tmp_path: Path) -> None:
    text = yaml.safe_dump(graph_card())
    with pytest.raises(ModelError, match=sentence) as caught:
        read_card(written(tmp_path, f"{text}notes: {notes}\n"))
    assert str(caught.value).startswith(f"{tmp_path / 'model.yaml'}:{len(text.splitlines()) + 1}: ")


def test_a_card_that_is_not_text_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="it is not UTF-8 text"):
        read_card(tmp_path)


def test_a_card_cannot_be_changed() -> None:
    made = Card.model_validate(graph_card())
    with pytest.raises(ValueError, match="frozen"):
        setattr(made, "name", "other")  # noqa: B010  # an assignment would be refused by the type checker already


def examples() -> list[dict[str, Any]]:
    """The YAML examples of the guide that are parts of a card."""
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block.split("```")[0]) for block in guide.split("```yaml\n")[1:]]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["decoding"]["kind"])
def test_the_examples_of_the_guide_are_good_cards(example: dict[str, Any], tmp_path: Path) -> None:
    assert read_card(written(tmp_path, graph_card(**example))).decoding.kind == example["decoding"]["kind"]


def test_the_guide_explains_every_key_and_every_kind() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert {example["decoding"]["kind"] for example in examples()} == {
        "anchor_free", "ssd_postprocess", "ssd_raw", "yolov8", "classifier",
    }  # fmt: skip
    assert "### yolov5, yolov8" in guide
    for key in Card.model_fields:
        assert f"`{key}`" in guide or f"`{key}." in guide, key


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = yaml.safe_dump(graph_card(), sort_keys=False) + "name: other\n"
    with pytest.raises(ModelError, match=rf"model.yaml:{len(text.splitlines())}: name: given twice, first on line 1"):
        read_card(written(tmp_path, text))


@pytest.mark.parametrize(
    "notes",
    ["&a [*a]", "{a: &a {b: *a}}", "[" + ", ".join(f"&n{i} [{', '.join([f'*n{i - 1}'] * 9) or 1}]" if i else "&n0 [1]"
                                                  for i in range(9)) + "]"],
    ids=["a list in itself", "a mapping in itself", "a billion laughs"],
)  # fmt: skip
def test_a_few_lines_that_stand_for_endlessly_many_values_are_refused(notes: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"aliases stand for over 5000 values; use fewer aliases|contains itself"):
        read_card(written(tmp_path, yaml.safe_dump(graph_card()) + f"notes: {notes}\n"))


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    shared = {"slope": 1.2, "offset": 0.1}
    text = yaml.safe_dump(graph_card(calibration={"mask": shared, "no_mask": shared}))
    assert "*id" in text
    assert read_card(written(tmp_path, text)).calibration["no_mask"].slope == 1.2


@pytest.mark.parametrize("name", ["mask-detector", "mask-detector-416"])
def test_the_limits_of_our_models_name_animals_and_vehicles(name: str) -> None:
    """A dog or a motorcycle may pass the gate: who installs one must be able to read it."""
    limits = str(read_card(find_package(f"models/{name}")).limits)
    assert "Animals and vehicles" in limits
