"""Heads learn to say what they said with small weights, and int8 files lose what they are off by on average."""

import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.smoke import generate

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
bias = import_module("training.bias")
export = import_module("training.export")
heads = import_module("training.heads")
network = import_module("training.network")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


def test_large_box_weights_that_cancel_each_other_become_small_ones(lively: Any, pictures: list[np.ndarray]) -> None:
    head = lively.heads[2]
    with torch.no_grad():  # two points of the tower that always say the same, and are taken off each other
        for layer in (head.tower[3], head.tower[4]):
            for values in (one for name, one in layer.state_dict().items() if name != "num_batches_tracked"):
                values[1] = values[0]
        head.box.weight[:, 0] += 30
        head.box.weight[:, 1] -= 30
    before = copy.deepcopy(lively)
    assert heads.largest_sum(head) > heads.LARGE
    missed = heads.small_heads(lively, pictures, steps=60)
    assert len(missed) == 1
    assert heads.largest_sum(head) < heads.LARGE
    spread = torch.stack([boxes.std() for _, (_, boxes) in heads.passing(before, before.heads[2], pictures)]).mean()
    assert missed[0] < 0.3 * spread, "it says what it said"
    for level in (0, 1, 3):
        wanted = before.heads[level].state_dict()
        assert all(torch.equal(v, wanted[k]) for k, v in lively.heads[level].state_dict().items()), (
            "a head with small weights stays as it is"
        )


def test_weights_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = generate(tmp_path / "data", seed=1, train=2, val=1)
    assert heads.main([str(tmp_path / "none.pt"), "--data", str(data), "--out", str(tmp_path / "new.pt")]) == 2
    assert "none.pt: no such file" in capsys.readouterr().err


def test_what_an_int8_file_is_off_by_on_average_is_taken_off(
    lively: Any, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    source, path = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    inputs = [((one[None].astype(np.float32) - 127) / 128).astype(np.float32) for one in pictures]
    export.export_float(lively, 96, source, joint=False)
    export.quantise(source, path, inputs)
    export.shorten_names(path)
    size = path.stat().st_size
    before = bias.mean_errors(source, path, inputs)
    bias.correct_bias(source, path, inputs)
    after = bias.mean_errors(source, path, inputs)
    assert len(before) == 2 * len(network.STRIDES)
    off = [float(np.abs(np.concatenate(errors)).mean()) for errors in (before, after)]
    assert off[0] > 0
    assert off[1] < 0.4 * off[0]
    assert abs(path.stat().st_size - size) < 64
