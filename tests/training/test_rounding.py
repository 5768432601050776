"""Rounding as int8 does it, in training."""

import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.pictures import DataSet, Picture

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
network = import_module("training.network")
rounding = import_module("training.rounding")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture
def net() -> Any:
    torch.manual_seed(0)
    return network.MaskNet().eval()


def test_an_answer_has_at_most_256_values_of_which_one_is_zero_and_is_off_by_half_a_step_at_most() -> None:
    x = torch.linspace(-1, 3, 10_001).reshape(1, 1, -1, 1)
    rounded = rounding.rounded_answer(x)
    assert len(rounded.unique()) <= 256
    assert (rounded == 0).any()
    assert (rounded - x).abs().max() <= 4 / 255 * 0.51 + 4 / 255, "the zero point moves the ends by up to a step"
    assert (rounded - x)[..., 100:-100, :].abs().max() <= 4 / 255 * 0.51


def test_a_kernel_is_rounded_channel_by_channel_about_zero() -> None:
    weight = torch.randn(4, 8, 3, 3) * torch.tensor([1.0, 10, 100, 1000]).reshape(4, 1, 1, 1)
    rounded = rounding.rounded_kernel(weight)
    step = weight.abs().amax((1, 2, 3)) / 127
    assert ((rounded - weight).abs().amax((1, 2, 3)) <= step * 0.51).all()
    assert all(len(channel.unique()) <= 255 for channel in rounded)


def test_rounding_has_the_slope_of_what_it_rounds() -> None:
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    (rounding.rounded_answer(x) * 3).sum().backward()
    assert torch.allclose(x.grad, torch.full_like(x, 3.0))


def test_a_network_asked_rounded_says_something_else_and_plainly_what_it_said_before(net: Any) -> None:
    x = torch.rand(2, 3, 64, 64)
    before, stored = net(x), copy.deepcopy(net.state_dict())
    rounded = rounding.Rounded(net)
    said = rounded(x)
    assert all(len(level[:, channel].unique()) <= 256 for level in said for channel in range(level.shape[1]))
    assert any(not torch.equal(a, b) for a, b in zip(said, before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(net(x), before, strict=True))
    assert all(torch.equal(value, stored[name]) for name, value in net.state_dict().items())


def test_kernels_are_rounded_and_nothing_else_that_is_stored(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "rounded_answer", lambda answer: answer)
    x, by_hand = torch.rand(1, 3, 64, 64), copy.deepcopy(net)
    said = rounding.Rounded(net)(x)
    for module in by_hand.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = rounding.rounded_kernel(module.weight.data)
    assert any(not torch.equal(a, b) for a, b in zip(said, net(x), strict=True))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(said, by_hand(x), strict=True))


def test_every_tensor_that_a_file_would_round_is_rounded(net: Any) -> None:
    """One activation for each ReLU6, sum, residual point and output."""
    kinds = [type(module).__name__ for module in net.modules()]
    answering = len(list(rounding._answering(net)))
    assert answering == kinds.count("ReLU6") + kinds.count("Add") + kinds.count("Residual") + 2 * kinds.count("Head")


@pytest.mark.parametrize("told", [True, False])
def test_a_run_rounds_where_its_plan_says_so(told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, plan = import_module("training.trainer"), import_module("training.plan")
    asked: list[Any] = []
    before = rounding.rounded_answer

    def noted(x: Any) -> Any:
        asked.append(x)
        return before(x)

    monkeypatch.setattr(rounding, "rounded_answer", noted)
    scene = Picture(np.full((80, 80, 3), 90, np.uint8), np.array([[0, 20, 20, 60, 60]], np.float32))
    short = plan.Plan(pictures=4, batch=2, size=64, threads=1, nothing=0.0, hard=0, rounded=told)
    run = trainer.Trainer(short, DataSet([scene]), tmp_path, None, lambda _: {})
    run.run()
    each = len(list(rounding._answering(run.network)))
    assert len(asked) == (2 * each if told else 0), "every answer of both batches, and none when pictures are judged"


def test_rounding_is_as_large_as_that_of_the_int8_file(lively: Any, pictures: list[np.ndarray], tmp_path: Path) -> None:
    """Before biases are corrected; each output of each level, by its spread."""
    export, bias = pytest.importorskip("training.export"), import_module("training.bias")
    pytest.importorskip("ai_edge_quantizer")
    export.export_float(lively, 96, tmp_path / "float.tflite", joint=False)
    inputs = [((one[None].astype(np.float32) - 127) / 128).astype(np.float32) for one in pictures]
    export.quantise(tmp_path / "float.tflite", tmp_path / "int8.tflite", inputs)
    x = torch.from_numpy(np.concatenate(inputs)).permute(0, 3, 1, 2)
    with torch.no_grad():
        plain, rounded = lively(x), rounding.Rounded(lively)(x)
    said = [list(bias._answers(tmp_path / f"{kind}.tflite", inputs)) for kind in ("int8", "float")]
    for level, (a, b) in enumerate(zip(rounded, plain, strict=True)):
        in_file = np.concatenate([one[level] - other[level] for one, other in zip(*said, strict=True)]).std()
        assert 0.6 < float((a - b).std()) / in_file < 1.6
