"""Pictures of any size into the model's input and boxes back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.detect.letterbox import Anchor, Letterbox, place

SIDE = st.integers(1, 5000)
INPUT = st.tuples(st.integers(8, 640), st.integers(8, 640))
ANCHOR = st.sampled_from(["top_left", "center", None])


@given(st.tuples(SIDE, SIDE), INPUT, ANCHOR)
def test_a_picture_always_lies_inside_the_input_and_touches_two_of_its_edges(
    picture: tuple[int, int], size: tuple[int, int], anchor: Anchor | None
) -> None:
    where = place(picture, size, anchor)
    assert where.left >= 0
    assert where.top >= 0
    assert where.left + where.width <= size[0]
    assert where.top + where.height <= size[1]
    assert where.width == size[0] or where.height == size[1]
    if anchor == "top_left":
        assert (where.left, where.top) == (0, 0)
    if anchor == "center":
        assert abs(where.left - (size[0] - where.width - where.left)) <= 1
        assert abs(where.top - (size[1] - where.height - where.top)) <= 1


@given(st.tuples(st.integers(20, 4000), st.integers(20, 4000)), INPUT, ANCHOR, st.data())
def test_a_box_comes_back_to_where_it_was(
    picture: tuple[int, int], size: tuple[int, int], anchor: Anchor | None, data: st.DataObject
) -> None:
    where = place(picture, size, anchor)
    x1, x2 = sorted(data.draw(st.tuples(*[st.floats(0, picture[0], width=32)] * 2)))
    y1, y2 = sorted(data.draw(st.tuples(*[st.floats(0, picture[1], width=32)] * 2)))
    across, down = where.width / picture[0], where.height / picture[1]
    inside = [x1 * across + where.left, y1 * down + where.top, x2 * across + where.left, y2 * down + where.top]
    back = where.to_picture(np.array([inside], np.float32))[0]
    assert where.one_to_picture(inside) == pytest.approx(back, abs=max(picture) * 1e-3)
    assert back == pytest.approx([x1, y1, x2, y2], abs=max(picture) * 1e-3)


@given(st.tuples(SIDE, SIDE), INPUT, ANCHOR, st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4))
def test_a_box_from_anywhere_is_cut_at_the_edges_of_the_picture(
    picture: tuple[int, int], size: tuple[int, int], anchor: Anchor | None, box: list[float]
) -> None:
    where = place(picture, size, anchor)
    for left, top, right, bottom in (where.to_picture(np.array([box], np.float32))[0], where.one_to_picture(box)):
        assert 0 <= min(left, right) <= max(left, right) <= picture[0]
        assert 0 <= min(top, bottom) <= max(top, bottom) <= picture[1]


def white(width: int, height: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.full((height, width, 3), 255, np.uint8)


def test_a_tall_picture_after_a_wide_one_leaves_nothing_of_the_wide_one() -> None:
    box = Letterbox((64, 64), anchor="center", fill=114)
    box.draw(white(200, 50))
    canvas, where = box.draw(white(50, 200))
    assert (where.width, where.height) == (16, 64)
    assert (canvas[:, where.left : where.left + where.width] == 255).all()
    assert (canvas[:, : where.left] == 114).all()
    assert (canvas[:, where.left + where.width :] == 114).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (64, 64), (63, 65), (1921, 1081), (8000, 6000)])
def test_any_proportions_fill_their_place(size: tuple[int, int]) -> None:
    canvas, where = Letterbox((64, 48), anchor="top_left", fill=0).draw(white(*size))
    covered = canvas[where.top : where.top + where.height, where.left : where.left + where.width]
    assert (covered == 255).all()
    assert canvas.sum() == covered.size * 255


def test_fine_stripes_become_grey_when_they_are_shrunk() -> None:
    stripes = white(1280, 960)
    stripes[:, ::2] = 0
    canvas, _ = Letterbox((160, 120), anchor="top_left", fill=0).draw(stripes)
    assert (abs(canvas.astype(int) - 127) <= 2).all()


def test_a_part_of_a_larger_picture_is_taken_as_it_is() -> None:
    whole = np.zeros((100, 100, 3), np.uint8)
    whole[20:60, 30:70] = 255
    canvas, _ = Letterbox((40, 40), anchor="top_left", fill=0).draw(whole[20:60, 30:70])
    assert (canvas == 255).all()
