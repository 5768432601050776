"""Black and frozen pictures are told from dark and still ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.scenes import BLACK, noise

from edge_mask.capture.content import Content, ContentPolicy, ContentWatch
from edge_mask.messages import Image
from edge_mask.units import Seconds

POLICY = ContentPolicy(black_reads=3, frozen_reads=4, frozen_for=Seconds(2.0))


def judged(pictures: list[Image], *, is_live: bool = True, every: float = 1.0) -> list[Content]:
    watch = ContentWatch(POLICY, is_live=is_live)
    return [watch.judge(picture, Seconds(number * every)) for number, picture in enumerate(pictures)]


def test_a_live_camera_may_be_black_for_a_moment_and_is_black_after_some_reads() -> None:
    assert judged([BLACK, BLACK, noise(1), BLACK, BLACK, BLACK, BLACK]) == [
        Content.PASSING, Content.PASSING, Content.FINE,
        Content.PASSING, Content.PASSING, Content.BLACK, Content.BLACK,
    ]  # fmt: skip


def test_a_black_picture_of_a_folder_is_black_at_once() -> None:
    assert judged([BLACK, noise(1)], is_live=False) == [Content.BLACK, Content.FINE]


def test_a_covered_lens_is_black_in_spite_of_its_noise_and_a_night_scene_with_a_lamp_is_not() -> None:
    covered = np.random.default_rng(1).integers(0, 10, (480, 640, 3), dtype=np.uint8)
    night = covered.copy()
    night[100:200, 100:200] = 200
    assert judged([covered], is_live=False) == [Content.BLACK]
    assert judged([night], is_live=False) == [Content.FINE]


def test_the_same_picture_over_and_over_is_frozen_until_it_changes() -> None:
    same = noise(1)
    assert judged([same] * 5 + [noise(2)] * 2) == [Content.FINE] * 3 + [Content.FROZEN] * 2 + [Content.FINE] * 2


def test_many_reads_in_a_short_time_are_not_frozen_yet() -> None:
    assert set(judged([noise(1)] * 10, every=0.1)) == {Content.FINE}


def test_a_file_cannot_be_frozen() -> None:
    assert set(judged([noise(1)] * 20, is_live=False)) == {Content.FINE}


def test_a_still_scene_with_sensor_noise_is_not_frozen() -> None:
    scene = noise(1)
    flickering = [(scene + (np.arange(3, dtype=np.uint8) == number % 3)).astype(np.uint8) for number in range(20)]
    assert set(judged(flickering)) == {Content.FINE}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (6000, 8)])
def test_odd_sizes_are_judged_too(height: int, width: int) -> None:
    assert judged([np.full((height, width, 3), 90, np.uint8)], is_live=False) == [Content.FINE]
    assert judged([np.zeros((height, width, 3), np.uint8)], is_live=False) == [Content.BLACK]


@given(st.lists(st.integers(0, 2), max_size=40))
def test_only_a_run_of_equal_pictures_is_ever_frozen(seeds: list[int]) -> None:
    pictures = [noise(seed) for seed in range(3)]
    for place, content in enumerate(judged([pictures[seed] for seed in seeds])):
        run = seeds[max(0, place - 3) : place + 1]
        assert (content is Content.FROZEN) == (len(run) == 4 and len(set(run)) == 1)
