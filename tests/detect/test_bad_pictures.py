"""Whatever picture comes: an answer inside the picture, or a sentence; never a traceback."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, RED, picture, write_package

from edge_mask.detect.model import ModelDetector
from edge_mask.detect.package import load_package
from edge_mask.errors import Broken, ModelError, Refused
from edge_mask.messages import Image


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> ModelDetector:
    """A model with large boxes that hang over every edge, reported from almost nothing."""
    graph = tiny.anchor_free(strides=[8, 16], boxes=(0.4, -0.7, 1.5, 0.3))
    return load_package(
        write_package(tmp_path_factory.mktemp("eager"), graph, decoding=ANCHOR_FREE), threads=1, score_threshold=0.001
    )


def assert_inside(detector: ModelDetector, image: Image) -> None:
    height, width = image.shape[:2]
    for face in detector.detect(image):
        box = face.box
        assert box.x >= 0
        assert box.y >= 0
        assert box.w > 0
        assert box.h > 0
        assert box.x + box.w <= width
        assert box.y + box.h <= height
        assert 0 <= face.score <= 1


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_boxes_stay_inside_pictures_of_any_size(eager: ModelDetector, width: int, height: int, seed: int) -> None:
    assert_inside(eager, np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2), (7680, 4320)])
@pytest.mark.parametrize("value", [0, 127, 255])
def test_flat_pictures_of_extreme_proportions_get_an_answer(
    eager: ModelDetector, size: tuple[int, int], value: int
) -> None:
    assert_inside(eager, np.full((size[1], size[0], 3), value, np.uint8))


def test_views_of_other_pictures_get_the_answer_of_a_copy(eager: ModelDetector) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (120, 200, 3)).astype(np.uint8)
    for view in (noise[10:90, 20:180], noise[::2, ::2], noise[::-1], noise[:, ::-1], noise[:, :, ::-1]):
        assert eager.detect(view) == eager.detect(np.ascontiguousarray(view))


def test_a_picture_that_must_not_be_written_to_is_fine_and_stays_as_it_was(eager: ModelDetector) -> None:
    image = picture((64, 64), ((8, 8, 16, 16), RED))
    copy = image.copy()
    image.flags.writeable = False
    assert eager.detect(image)
    assert (image == copy).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3), np.uint16),
    ],
    ids=["grey", "alpha", "float", "empty", "16 bit"],
)
def test_an_array_that_is_no_picture_gets_a_sentence(eager: ModelDetector, image: Image) -> None:
    with pytest.raises(Refused, match="a picture is height x width x 3 in 8 bit, this is"):
        eager.detect(image)


def overflowing(tmp_path: Path, channel_weights: tuple[float, float, float]) -> Path:
    """A graph whose logits leave the range of numbers for some pictures."""
    graph = tiny.Graph()
    source = tiny.picture_input(graph, (64, 64))
    kernel = np.zeros((3, 8, 8, 3))
    kernel[:] = channel_weights
    outputs = [
        graph.cells(source, kernel, np.zeros(3), 8, (64, 64)),
        graph.cells(source, np.zeros((4, 8, 8, 3)), np.zeros(4), 8, (64, 64)),
    ]
    content = graph.finish([source], outputs)
    return write_package(tmp_path, content, decoding=ANCHOR_FREE | {"strides": [8]})


def test_a_model_that_gives_no_numbers_for_one_picture_breaks_there_and_works_for_the_next(tmp_path: Path) -> None:
    # Red against green: grey adds up to nothing, red alone overflows.
    detector = load_package(overflowing(tmp_path, (2.0**122, -(2.0**122), 0.0)))
    with pytest.raises(Broken, match="logits run from"):
        detector.detect(picture((64, 64), ((0, 0, 64, 64), RED)))
    assert len(detector.detect(picture((64, 64)))) == 64  # black: every logit is 0, every score a half
    pictures = [picture((64, 64)), picture((64, 64), ((0, 0, 64, 64), RED)), picture((64, 64))]
    good, bad, after = map(detector.look, pictures)
    assert (len(good.faces), len(bad.faces), len(after.faces)) == (64, 0, 64)
    assert (good.trouble, after.trouble) == ("", "")
    assert bad.trouble.startswith("the model's logits run from")


def test_a_model_that_gives_no_numbers_for_an_empty_picture_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="logits run from"):
        load_package(overflowing(tmp_path, (3e38, 3e38, 3e38)))
