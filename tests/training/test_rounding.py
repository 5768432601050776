"""Rounding as int8 does it, in training."""

import copy
from importlib import import_module
from typing import Any

import pytest

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


def test_every_tensor_that_a_file_would_round_is_rounded(net: Any) -> None:
    """One activation for each ReLU6, sum, residual point and output."""
    kinds = [type(module).__name__ for module in net.modules()]
    answering = len(list(rounding._answering(net)))
    assert answering == kinds.count("ReLU6") + kinds.count("Add") + kinds.count("Residual") + 2 * kinds.count("Head")
