"""Every way of writing pixels into the input gives what the formula gives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_mask.detect.pixels import Pixels
from edge_mask.detect.tensors import TensorSpec
from edge_mask.errors import ModelError

ALL_BYTES = np.stack([np.arange(256).reshape(16, 16)] * 3, axis=-1).astype(np.uint8)
ALL_BYTES[..., 2] = 255 - ALL_BYTES[..., 0]


def tensor(dtype: type, scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("picture", (1, 16, 16, 3), np.dtype(dtype), scale, zero_point)


def written(pixels: Pixels, spec: TensorSpec) -> NDArray[Any]:
    into = np.zeros(spec.shape[1:], spec.dtype)
    canvas = ALL_BYTES.copy()
    pixels.write(canvas, into)
    assert (canvas == ALL_BYTES).all()
    return into


def by_formula(mean: list[float], scale: list[float], spec: TensorSpec, *, swap: bool) -> NDArray[Any]:
    real = (ALL_BYTES[..., :: -1 if swap else 1].astype(float) - mean) / scale
    if spec.dtype == np.float32:
        return real
    limits = np.iinfo(spec.dtype)
    return np.clip(np.round(real / spec.scale) + spec.zero_point, limits.min, limits.max)


MEANS = st.sampled_from([0.0, 104.0, 127.0, 127.5, 128.0])
SCALES = st.sampled_from([1.0, 57.3, 127.5, 128.0, 255.0])
SPECS = st.sampled_from(
    [
        tensor(np.float32),
        tensor(np.int8, 1 / 128, 0),
        tensor(np.int8, 1 / 128, -1),
        tensor(np.int8, 1 / 255, -128),
        tensor(np.uint8, 1 / 128, 128),
        tensor(np.uint8, 1 / 255, 0),
        tensor(np.int8, 0.02, 7),
    ]
)


@given(st.tuples(MEANS, MEANS, MEANS), st.tuples(SCALES, SCALES, SCALES), SPECS, st.booleans(), st.booleans())
def test_the_input_holds_what_the_formula_says(
    means: tuple[float, float, float], scales: tuple[float, float, float], spec: TensorSpec, swap: bool, alike: bool
) -> None:
    mean = [means[0]] * 3 if alike else list(means)
    scale = [scales[0]] * 3 if alike else list(scales)
    found = written(Pixels(swap=swap, mean=mean, scale=scale, tensor=spec), spec)
    expected = by_formula(mean, scale, spec, swap=swap)
    np.testing.assert_allclose(found, expected, atol=1e-4 if spec.dtype == np.float32 else 0)


def test_bytes_without_quantisation_are_taken_as_they_are() -> None:
    spec = tensor(np.uint8)
    found = written(Pixels(swap=False, mean=[0] * 3, scale=[1] * 3, tensor=spec), spec)
    assert (found == ALL_BYTES).all()


def test_an_input_of_another_type_is_refused() -> None:
    with pytest.raises(ModelError, match="the input is int32, expected float32, int8 or uint8"):
        Pixels(swap=False, mean=[0] * 3, scale=[1] * 3, tensor=tensor(np.int32))
