"""The anchor-free decoder against the formula written out for one cell at a time."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_mask.detect.arrays import F32
from edge_mask.detect.card import AnchorFree
from edge_mask.detect.decode_anchor_free import AnchorFreeDecoder
from edge_mask.detect.scoring import LabelRule, Scoring
from edge_mask.detect.tensors import TensorSpec
from edge_mask.errors import Broken

SIZE = (48, 32)
STRIDES = (8, 16)
LABELS = 3


def shapes() -> list[tuple[int, ...]]:
    return [(1, SIZE[1] // s, SIZE[0] // s, depth) for s in STRIDES for depth in (LABELS, 4)]


def decoder(threshold: float = 0.5, **changes: Any) -> AnchorFreeDecoder:
    outputs = [TensorSpec("", shape, np.dtype(np.float32)) for shape in shapes()]
    card = AnchorFree(kind="anchor_free", strides=STRIDES, **changes)
    return AnchorFreeDecoder(card, outputs, SIZE, Scoring([LabelRule(threshold)] * LABELS))


def outputs() -> st.SearchStrategy[list[F32]]:
    values = st.floats(-9, 9, width=32)
    return st.tuples(*(arrays.arrays(np.float32, shape, elements=values) for shape in shapes())).map(list)


def joined(maps: list[Any]) -> list[Any]:
    """Logits and boxes of each stride in one map."""
    return [np.concatenate(pair, axis=-1) for pair in zip(maps[::2], maps[1::2], strict=True)]


def joint_decoder(scoring: Scoring, **stored: Any) -> AnchorFreeDecoder:
    """One for maps of both."""
    specs = [TensorSpec("", (*shape[:-1], LABELS + 4), **stored) for shape in shapes()[::2]]
    return AnchorFreeDecoder(AnchorFree(kind="anchor_free", strides=STRIDES), specs, SIZE, scoring)


def cell_by_cell(maps: list[F32], threshold: float) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    for place, stride in enumerate(STRIDES):
        logits, boxes = maps[2 * place][0], maps[2 * place + 1][0]
        for iy, ix, label in np.ndindex(logits.shape):
            score = 1 / (1 + math.exp(-float(logits[iy, ix, label])))
            if score < threshold:
                continue
            dx, dy, lw, lh = (float(v) for v in boxes[iy, ix])
            cx, cy = (ix + 0.5 + dx) * stride, (iy + 0.5 + dy) * stride
            w, h = (math.exp(min(4, max(-4, v))) * 2 * stride for v in (lw, lh))
            found.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, label))
    return found


@settings(max_examples=60)
@given(outputs(), st.sampled_from([0.05, 0.3, 0.62, 0.9]))
def test_whole_maps_give_what_the_formula_gives_cell_by_cell(maps: list[F32], threshold: float) -> None:
    found = decoder(threshold)(maps).arrays()
    expected = cell_by_cell(maps, threshold)
    rows = [[*box, score, label] for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True)]
    sure = [row for row in expected if abs(row[4] - threshold) > 1e-6]  # float32 may decide otherwise on the edge
    assert len(sure) <= len(rows) <= len(expected)
    if len(rows) == len(expected) and expected:
        np.testing.assert_allclose(np.array(rows, float), np.array(expected, float), rtol=1e-4, atol=1e-3)


def nothing() -> list[F32]:
    return [np.full(shape, -9.0, np.float32) for shape in shapes()]


def test_size_scale_and_size_clip_come_from_the_card() -> None:
    maps = nothing()
    maps[0][0, 1, 2, 0] = 5.0
    maps[1][0, 1, 2] = (0, 0, 9, -9)
    found = decoder(size_scale=3.0, size_clip=1.0)(maps).arrays()
    width, height = found.boxes[0, 2] - found.boxes[0, 0], found.boxes[0, 3] - found.boxes[0, 1]
    assert (width, height) == pytest.approx((3 * 8 * math.e, 3 * 8 / math.e))


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -math.inf, 1e9])
@pytest.mark.parametrize("place", [0, 2])
def test_a_logit_that_is_no_number_is_a_fault_and_not_an_empty_room(rubbish: float, place: int) -> None:
    maps = nothing()
    maps[place][0, 0, 1, 1] = rubbish
    with pytest.raises(Broken, match="logits run from"):
        decoder()(maps)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -1e9])
def test_a_face_whose_box_is_no_number_is_a_fault(rubbish: float) -> None:
    maps = nothing()
    maps[0][0, 1, 1, 1] = 4.0
    maps[1][0, 1, 1, 2] = rubbish
    with pytest.raises(Broken, match="boxes run from"):
        decoder()(maps)


def test_quantised_maps_give_what_their_real_values_give() -> None:
    noise = np.random.default_rng(3)
    specs = [TensorSpec("", shape, np.dtype(np.int8), 0.05, int(noise.integers(-40, 40))) for shape in shapes()]
    stored = [noise.integers(-128, 128, shape).astype(np.int8) for shape in shapes()]
    card = AnchorFree(kind="anchor_free", strides=STRIDES)
    for threshold in (0.0, 0.02, 0.5, 0.9, 0.9999, 1.0):
        scoring = Scoring([LabelRule(threshold), LabelRule(None), LabelRule(threshold, 0.5, 0.1)])
        quantised = AnchorFreeDecoder(card, specs, SIZE, scoring)(stored).arrays()
        plain_specs = [TensorSpec("", shape, np.dtype(np.float32)) for shape in shapes()]
        real = [spec.real(values) for spec, values in zip(specs, stored, strict=True)]
        plain = AnchorFreeDecoder(card, plain_specs, SIZE, scoring)(real).arrays()
        assert 1 not in quantised.labels
        np.testing.assert_allclose(quantised.boxes, plain.boxes, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(quantised.scores, plain.scores, rtol=1e-5)
        np.testing.assert_array_equal(quantised.labels, plain.labels)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10_000), st.integers(-20, 127)), min_size=1, max_size=30),
    st.sampled_from([np.int8, np.uint8]),
)
def test_a_handful_of_faces_is_what_the_whole_maps_would_give(
    faces: list[tuple[int, int, int]], dtype: type[np.int8 | np.uint8]
) -> None:
    noise = np.random.default_rng(len(faces))
    zero = 0 if dtype is np.int8 else 128
    specs = [TensorSpec("", shape, np.dtype(dtype), 0.05, zero + 10 * place) for place, shape in enumerate(shapes())]
    stored = [noise.integers(zero - 128, zero + 128, shape).astype(dtype) for shape in shapes()]
    for place in (0, 2):
        stored[place][:] = zero - 128
    for level, cell, value in faces:
        stored[2 * level].reshape(-1)[cell % stored[2 * level].size] = zero + value
    scoring = Scoring([LabelRule(0.4), LabelRule(0.9, 1.5, -0.3), LabelRule(None)])
    card = AnchorFree(kind="anchor_free", strides=STRIDES)
    few = AnchorFreeDecoder(card, specs, SIZE, scoring)(stored).arrays()
    plain_specs = [TensorSpec("", shape, np.dtype(np.float32)) for shape in shapes()]
    real = [spec.real(values) for spec, values in zip(specs, stored, strict=True)]
    plain = AnchorFreeDecoder(card, plain_specs, SIZE, scoring)(real).arrays()
    np.testing.assert_array_equal(few.labels, plain.labels)
    np.testing.assert_allclose(few.scores, plain.scores, rtol=1e-5)
    np.testing.assert_allclose(few.boxes, plain.boxes, rtol=1e-5, atol=1e-3)


@settings(max_examples=60)
@given(outputs(), st.sampled_from([0.0, 0.05, 0.5, 0.9, 1.0]))
def test_one_map_of_logits_and_boxes_gives_what_two_maps_give(maps: list[F32], threshold: float) -> None:
    apart = decoder(threshold)(maps).arrays()
    joint = joint_decoder(Scoring([LabelRule(threshold)] * LABELS), dtype=np.dtype(np.float32))
    both = joint(joined(maps)).arrays()
    np.testing.assert_array_equal(both.labels, apart.labels)
    np.testing.assert_array_equal(both.scores, apart.scores)
    np.testing.assert_array_equal(both.boxes, apart.boxes)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.998, 1.0])
def test_one_quantised_map_gives_what_two_quantised_maps_give(dtype: type[np.signedinteger], threshold: float) -> None:
    noise = np.random.default_rng(5)
    limits = np.iinfo(dtype)
    kind: dict[str, Any] = {
        "dtype": np.dtype(dtype),
        "scale": 14.0 / (limits.max - limits.min),
        "zero_point": (limits.max + limits.min) // 2,
    }
    scoring = Scoring([LabelRule(threshold), LabelRule(None), LabelRule(threshold, 1.5, 0.1)])
    card = AnchorFree(kind="anchor_free", strides=STRIDES)
    apart = AnchorFreeDecoder(card, [TensorSpec("", shape, **kind) for shape in shapes()], SIZE, scoring)
    for low in (limits.min, limits.max - (limits.max - limits.min) // 40):  # many faces, or few
        stored = [noise.integers(limits.min, limits.max, shape, dtype, endpoint=True) for shape in shapes()]
        for logits in stored[::2]:
            logits[logits < low] = limits.min
        expected = apart(stored).arrays()
        found = joint_decoder(scoring, **kind)(joined(stored)).arrays()
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_allclose(found.scores, expected.scores)
        np.testing.assert_allclose(found.boxes, expected.boxes)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -math.inf, 1e9])
@pytest.mark.parametrize("channel", [1, 5])
def test_a_map_of_both_with_something_that_is_no_number_is_a_fault(rubbish: float, channel: int) -> None:
    maps = joined(nothing())
    maps[1][0, 0, 1, channel] = rubbish
    with pytest.raises(Broken, match="logits and boxes run from"):
        joint_decoder(Scoring([LabelRule(0.5)] * LABELS), dtype=np.dtype(np.float32))(maps)
