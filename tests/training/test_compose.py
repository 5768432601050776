"""Training samples: boxes stay on their faces whatever is done to the picture."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.annotations import BadData
from training.augment import compressed, dusk, light_and_colour, motion_blur, sensor_noise, spoil
from training.compose import Composer, place, warp
from training.geometry import FILL, clip_boxes, letterbox, nms
from training.paste import FaceBank, blend, clear_faces, cut_out, free_spot
from training.pictures import DataSet, Picture, Pixels, Single, load_training
from training.smoke import generate

RED = (255, 0, 0)


def red_square(width: int = 200, height: int = 150, box: tuple[int, int, int, int] = (60, 40, 110, 90)) -> Picture:
    pixels = np.full((height, width, 3), 20, np.uint8)
    x1, y1, x2, y2 = box
    pixels[y1:y2, x1:x2] = RED
    return Picture(pixels, np.array([[0, *box]], np.float32))


def extent_of_red(pixels: Pixels) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(pixels[..., 0] > 130)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@settings(max_examples=60)
@given(
    scale=st.floats(0.3, 2.0), x=st.floats(-20, 10), y=st.floats(-20, 10),
    flip=st.booleans(), stretch=st.floats(0.9, 1.1),
)  # fmt: skip
def test_a_box_stays_on_its_face_through_scale_shift_mirror_and_stretch(
    scale: float, x: float, y: float, flip: bool, stretch: float
) -> None:
    picture = red_square()
    pixels, boxes = warp(picture, 480, scale, x, y, flip=flip, stretch=stretch)
    # Half a pixel of the result, and half of one of the picture where area shrinking rounded its size.
    assert np.abs(np.array(extent_of_red(pixels)) - boxes[0, 1:]).max() <= 0.5 + 0.5 * max(1.0, scale)


@settings(max_examples=60)
@given(scale=st.floats(0.3, 2.0), flip=st.booleans(), turn=st.floats(-0.25, 0.25))
def test_a_box_stays_round_the_middle_of_a_turned_face(scale: float, flip: bool, turn: float) -> None:
    # The soft edges of a disc weigh the same on all sides, so its centre of mass tells where it lies, to a fraction.
    disc = red_square(box=(60, 40, 110, 90))
    rows, columns = np.mgrid[0:150, 0:200] + 0.5
    disc.pixels[:] = 20 + 200 * ((columns - 85) ** 2 + (rows - 65) ** 2 <= 25**2)[..., None]
    pixels, boxes = warp(disc, 480, scale, -90.0, -90.0, flip=flip, stretch=1.0, turn=turn)
    weight = np.clip(pixels[..., 0].astype(float) - 114, 0, None)
    rows, columns = np.mgrid[0:480, 0:480] + 0.5
    middle = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
    assert np.abs((boxes[0, 1:3] + boxes[0, 3:]) / 2 - middle).max() < 0.35
    assert boxes[0, 3] - boxes[0, 1] == pytest.approx(50 * scale, abs=0.1)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_a_placed_picture_has_the_wanted_size_and_boxes_inside_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels, boxes = place(red_square(), 128, rng, 80)
    assert pixels.shape == (128, 128, 3)
    assert (boxes[:, 1:] >= 0).all()
    assert (boxes[:, 1:] <= 128).all()
    assert ((boxes[:, 3:] - boxes[:, 1:3]) > 3).all()


def test_the_same_seed_gives_the_same_samples(tmp_path: Path) -> None:
    data = load_training(generate(tmp_path, seed=3))
    first, second = (
        [Composer(data, 96).sample(rng) for _ in range(12)]
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    )
    for (pixels, boxes), (again, boxes_again) in zip(first, second, strict=True):
        assert np.array_equal(pixels, again)
        assert np.array_equal(boxes, boxes_again)


def test_mosaics_and_pastes_keep_boxes_inside_the_sample(tmp_path: Path) -> None:
    data = load_training(generate(tmp_path, seed=3))
    rng = np.random.default_rng(1)
    composer = Composer(data, 160, mosaic=1.0, paste=1.0)
    samples = [composer.sample(rng) for _ in range(30)]
    boxes = np.concatenate([b for _, b in samples])
    assert len(boxes) > 30
    assert boxes[:, 1:].min() >= 0
    assert boxes[:, 1:].max() <= 160
    assert set(boxes[:, 0]) == {0, 1, 2}


def test_a_pasted_face_never_covers_another_face() -> None:
    rng = np.random.default_rng(0)
    face = np.full((50, 40, 3), 200, np.uint8)
    taken = np.array([[0, 0, 0, 320, 200]], np.float32)
    for _ in range(50):
        spot = free_spot(face, 60, taken, 320, rng)
        assert spot is None or spot[1] >= 200


def test_a_pasted_face_is_where_its_box_says() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    box = blend(pixels, np.full((50, 40, 3), 200, np.uint8), (20, 30, 40, 50), 1, (0.1, 0.2, 0.8, 0.98), flip=True)[0]
    assert box.tolist() == pytest.approx([1, 28, 40, 56, 79])
    assert pixels[55, 40].min() > 190
    assert pixels[:29].max() == 0
    inner = pixels[int(box[2]) + 3 : int(box[4]) - 3, int(box[1]) + 3 : int(box[3]) - 3]
    assert inner.min() > 190


def test_a_face_cut_out_of_a_scene_lies_where_its_box_says() -> None:
    scene = red_square()
    scene.boxes[0, 1:] += (0.2, 0.4, 0.2, 0.4)
    (found,) = clear_faces([scene])
    face, inner = cut_out(*found)
    height, width = face.shape[:2]
    wanted = np.add(extent_of_red(face), (0.2, 0.4, 0.2, 0.4))
    assert np.array(inner) * (width, height, width, height) == pytest.approx(wanted, abs=1e-3)


def test_small_faces_and_faces_at_the_edge_are_not_cut_out() -> None:
    assert not list(clear_faces([red_square(box=(60, 40, 90, 70)), red_square(box=(2, 40, 62, 90))]))


def test_scenes_with_bare_or_badly_covered_faces_are_drawn_more_often() -> None:
    mask, bare = red_square(), red_square()
    bare.boxes[:, 0] = 1
    rng = np.random.default_rng(0)
    composer = Composer(DataSet([mask, bare]), 64, mosaic=0.0, paste=0.0)
    labels = [int(b[0, 0]) for _, b in (composer.sample(rng) for _ in range(400)) if len(b)]
    assert 1.3 < labels.count(1) / labels.count(0) < 2.3


def test_every_fault_of_a_cheap_camera_keeps_the_shape_and_changes_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 48, 3), dtype=np.uint8)
    for fault in (light_and_colour, dusk, motion_blur, sensor_noise, compressed, spoil):
        results = [fault(picture, np.random.default_rng(seed)) for seed in range(8)]
        assert all(r.shape == picture.shape and r.dtype == np.uint8 for r in results)
        assert any(not np.array_equal(r, picture) for r in results), fault.__name__


def test_a_tight_single_that_shows_a_whole_body_is_not_pasted() -> None:
    shapes = ((120, 100), (100, 100), (300, 260), (80, 160))
    data = DataSet([red_square()], [Single(np.full((*s, 3), 255, np.uint8), 0, True) for s in shapes])
    assert [len(bank) for bank in FaceBank(data)._tight] == [1, 0, 0]


def test_the_letterbox_puts_the_picture_at_the_top_left_of_grey() -> None:
    square, scale = letterbox(np.full((100, 200, 3), 250, np.uint8), 100)
    assert scale == 0.5
    assert square[:49].min() > 245
    assert (square[51:] == FILL).all()


def test_a_box_cut_to_less_than_half_goes() -> None:
    boxes = np.array([[0, -10, 0, 10, 20], [1, -30, 0, 10, 20]], np.float32)
    assert clip_boxes(boxes, 0, 0, 100, 100, keep=0.45)[:, 0].tolist() == [0]


def test_suppression_keeps_the_best_of_overlapping_boxes_of_a_label() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60]], np.float32)
    scores, labels = np.array([0.5, 0.9, 0.3], np.float32), np.array([0, 1, 0])
    assert nms(boxes, scores, labels).tolist() == [1, 0, 2]
    assert nms(boxes, scores, np.zeros(3, np.int64)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"images": [{"file": "images/0.png", "boxes": [{"cls": "helmet", "bbox": [1, 1, 5, 5]}]}]}', "'helmet'"),
        ('{"images": [{"file": "images/0.png", "boxes": [{"cls": "mask", "bbox": [5, 1, 5, 9]}]}]}', "has no area"),
        ('{"images": [{"file": "images/none.png", "boxes": []}]}', "not a picture that can be decoded"),
        ("[]", 'expected JSON {"images": [...]}'),
    ],
)
def test_annotations_in_error_are_a_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    folder = generate(tmp_path, seed=1, train=1, val=1)
    (folder / "train" / "detection.json").write_text(content)
    with pytest.raises(BadData, match=sentence.replace("[", r"\[").replace("{", r"\{").replace(".", r"\.")):
        load_training(folder)


def test_a_missing_annotation_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"detection\.json: no such annotation file"):
        load_training(tmp_path)


def test_a_pair_shows_the_same_scene_twice_as_large_and_unspoiled_and_its_boxes_fit_the_smaller_one(
    tmp_path: Path,
) -> None:
    data = load_training(generate(tmp_path / "data", seed=1))
    composer = Composer(data, 96, spoil_share=0.0, detail=2)
    for seed in range(20):
        small, boxes, large = composer.pair(np.random.default_rng(seed))
        assert (small.shape, large.shape) == ((96, 96, 3), (192, 192, 3))
        assert boxes[:, 1:].min(initial=0) >= 0
        assert boxes[:, 1:].max(initial=0) <= 96
        again, _ = composer.sample(np.random.default_rng(seed))
        assert again.shape == large.shape


def test_a_face_close_to_the_camera_nearly_fills_the_sample_and_is_the_only_one() -> None:
    bright = np.full((100, 80, 3), 250, np.uint8)
    data = DataSet([red_square()], [Single(bright, label, tight=True) for label in (0, 1)])
    composer = Composer(data, 160, close=1.0, spoil_share=0.0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        _, boxes = composer.sample(rng)
        (box,) = boxes.tolist()
        sides = box[3] - box[1], box[4] - box[2]
        assert 160 * 0.5 < max(sides) <= 160
        assert 0 <= min(box[1:]) <= max(box[1:]) <= 160
        assert box[0] in {0, 1}


def test_without_tight_faces_no_sample_is_a_close_face() -> None:
    data = DataSet([red_square()])
    far, close = (Composer(data, 96, close=share, paste=0.0) for share in (0.0, 1.0))
    found = [len(each.sample(np.random.default_rng(seed))[1]) for each in (far, close) for seed in range(8)]
    assert max(found[8:]) > 0
    assert found[:8] != [0] * 8


def test_further_annotations_are_of_pictures_under_the_data_wherever_the_file_lies(tmp_path: Path) -> None:
    data = generate(tmp_path / "data", seed=1, train=2, val=1)
    more = tmp_path / "more.json"
    more.write_text('{"images": [{"file": "images/face1.png", "boxes": [{"cls": "mask", "bbox": [2, 2, 96, 116]}]}]}')
    before, after = load_training(data), load_training(data, more=[more])
    assert len(after.scenes) == len(before.scenes) + 1
    assert after.scenes[-1].boxes.tolist() == [[0, 2, 2, 96, 116]]
    with pytest.raises(BadData, match="no such annotation file"):
        load_training(data, more=[tmp_path / "gone.json"])
