"""Samples without a face: they show none of the faces of the scenes that they come from."""

import numpy as np
import pytest
from training.compose import Composer
from training.empty import DRAWN, barred, drawn, held_out, jigsaw, one_colour, out_of_focus, piece, turned, window
from training.geometry import FILL
from training.pictures import DataSet, Picture

GREEN, RED = (0, 200, 0), (250, 0, 0)


def red_face(box: tuple[int, int, int, int], width: int = 200, height: int = 150) -> Picture:
    pixels = np.full((height, width, 3), GREEN, np.uint8)
    x1, y1, x2, y2 = box
    pixels[y1:y2, x1:x2] = RED
    return Picture(pixels, np.array([[0, *box]], np.float32))


def test_a_window_of_a_scene_shows_none_of_its_faces() -> None:
    rng, found = np.random.default_rng(0), 0
    for _ in range(60):
        pixels = window(red_face((60, 40, 110, 90)), 96, rng)
        if pixels is not None:
            found += 1
            assert pixels.shape == (96, 96, 3)
            assert (pixels == GREEN).all()
    assert found > 30


def test_a_scene_full_of_face_has_no_window_without() -> None:
    assert window(red_face((0, 0, 200, 150)), 96, np.random.default_rng(0)) is None
    assert window(red_face((1, 1, 5, 5), 12, 12), 96, np.random.default_rng(0)) is None


def test_a_jigsaw_has_every_piece_of_the_picture_once() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    mixed = jigsaw(picture, 10, np.random.default_rng(0))
    assert not np.array_equal(mixed, picture)
    assert pieces_of(mixed, 10) == pieces_of(picture, 10)
    assert jigsaw(picture, 13, np.random.default_rng(0)).shape == picture.shape


def pieces_of(picture: np.ndarray, side: int) -> list[bytes]:
    starts = range(0, len(picture), side)
    return sorted(picture[y : y + side, x : x + side].tobytes() for y in starts for x in starts)


def test_pieces_are_small_beside_the_smallest_face_and_there_are_none_of_small_faces() -> None:
    large, small = [0, 10, 10, 90, 100], [1, 0, 0, 20, 15]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert 8 <= piece(np.array([large], np.float32), 320, rng) <= 0.35 * 90
        assert piece(np.array([[0, 0, 0, 320, 320]], np.float32), 320, rng) <= 0.35 * 160
        assert piece(np.array([large, small], np.float32), 320, rng) == 0
        assert piece(np.zeros((0, 5), np.float32), 320, rng) == 0


def test_a_scene_out_of_focus_has_no_edge() -> None:
    found = out_of_focus(red_face((60, 40, 110, 90), 160, 160).pixels)
    assert found.shape == (160, 160, 3)
    assert np.abs(np.diff(found.astype(int), axis=1)).max() < 15


def test_every_kind_of_drawn_picture_has_the_size_and_differs_from_draw_to_draw() -> None:
    for make, _ in DRAWN:
        first, second = (make(64, np.random.default_rng(seed)) for seed in (1, 2))
        assert first.shape == second.shape == (64, 64, 3)
        assert first.dtype == np.uint8
        assert not np.array_equal(first, second), make
        assert np.array_equal(first, make(64, np.random.default_rng(1))), make
    assert len({drawn(32, np.random.default_rng(seed)).tobytes() for seed in range(12)}) == 12


def test_black_and_white_pictures_are_among_the_drawn_ones() -> None:
    flat = [one_colour(8, np.random.default_rng(seed)) for seed in range(60)]
    assert sum((p == 0).all() for p in flat) > 2
    assert sum((p == 255).all() for p in flat) > 2


def test_a_barred_picture_is_grey_below_or_at_the_right() -> None:
    kinds = set()
    for seed in range(60):
        pixels = barred(np.zeros((50, 50, 3), np.uint8), np.random.default_rng(seed))
        grey = (pixels == FILL).all(2)
        kinds.add((bool(grey[-1, 0]), bool(grey[0, -1])))
        assert not grey[0, 0]
    assert kinds == {(False, False), (True, False), (False, True)}


def test_a_turned_picture_has_the_same_pixels_with_their_colours_changed_about() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    seen = {turned(picture, np.random.default_rng(seed)).tobytes() for seed in range(400)}
    assert len(seen) == 8 * 6
    for some in seen:
        pixels = np.frombuffer(some, np.uint8).reshape(-1, 3)
        assert sorted(map(sorted, pixels.tolist())) == sorted(map(sorted, picture.reshape(-1, 3).tolist()))


def test_every_other_empty_sample_is_one_that_fools_the_network() -> None:
    hard = drawn(64, np.random.default_rng(7))
    all_ways = {turned(hard, np.random.default_rng(seed)).tobytes() for seed in range(400)}
    composer = Composer(DataSet([red_face((60, 40, 110, 90))]), 64, nothing=1.0, hard=[7], spoil_share=0.0)
    rng = np.random.default_rng(0)
    plain = [composer._no_face(rng).tobytes() for _ in range(200)]
    assert 70 < sum(sample in all_ways for sample in plain) < 130


def test_the_held_out_ones_are_the_same_every_time_and_have_black_and_white_in_both_shapes() -> None:
    first, second = held_out(), held_out()
    assert len(first) == 120
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    for value in (0, 255):
        assert {p.shape[0] for p in first if (p == value).all()} == {240, 320}


def test_so_many_samples_show_no_face_as_are_wished_for() -> None:
    data = DataSet([red_face((60, 40, 110, 90))])
    rng = np.random.default_rng(0)
    for share, low, high in ((0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)):
        composer = Composer(data, 64, mosaic=0.0, paste=0.0, zoom=1.0, nothing=share)
        empty = sum(not len(composer.sample(rng)[1]) for _ in range(200))
        assert low <= empty <= high


@pytest.mark.parametrize("detail", [1, 2])
def test_samples_without_a_face_have_the_size_of_the_others(detail: int) -> None:
    composer = Composer(DataSet([red_face((60, 40, 110, 90))]), 64, nothing=1.0, detail=detail)
    rng = np.random.default_rng(0)
    assert {composer.pair(rng)[2].shape for _ in range(30)} == {(64 * detail, 64 * detail, 3)}
