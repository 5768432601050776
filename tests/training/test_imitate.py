"""A block that learns what other layers do."""

from importlib import import_module
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
earlier = import_module("training.earlier")
imitating = import_module("training.imitate")
layers = import_module("training.layers")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture
def inputs() -> list[Any]:
    """What a layer with ReLU6 gives: 0 to 6, neighbours alike."""
    torch.manual_seed(5)
    coarse = torch.rand(6, 16, 8, 8) * 9 - 2
    fine = torch.nn.functional.interpolate(coarse, scale_factor=3.0, mode="bilinear")
    return list(fine.clamp(0, 6).split(2))


def lively(module: Any, inputs: list[Any]) -> Any:
    """The layers with batch norms that do something, and statistics of these inputs."""
    for norm in (m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.5)
    with torch.no_grad():
        for _ in range(20):
            module.train()(torch.cat(inputs))
    return module.eval()


def pairs_of(module: Any, inputs: list[Any]) -> list[Any]:
    with torch.no_grad():
        return [(x, module(x)) for x in inputs]


@pytest.mark.parametrize("kind", [layers.Residual, earlier.WideView, earlier.ReceptiveField])
def test_a_block_learns_what_other_layers_say(kind: Any, inputs: list[Any]) -> None:
    pairs = pairs_of(lively(kind(16), inputs), inputs)
    dilation = 1 if kind is layers.Residual else 3
    at_first = imitating.imitate(layers.Block(16, dilation=dilation), pairs, 0)
    block = layers.Block(16, dilation=dilation)
    missed = imitating.imitate(block, pairs, 400)
    assert missed < 0.93 * at_first, "more than the best pointwise mix"
    with torch.no_grad():
        wanted, got = torch.cat([y for _, y in pairs]), torch.cat([block.eval()(x) for x, _ in pairs])
        spread = wanted.var((0, 2, 3), keepdim=True) + 1e-3
        assert float(((got - wanted).square() / spread).mean()) == pytest.approx(missed, rel=1e-3)
        again = block.train()(torch.cat(inputs))
        assert float((again - got).square().mean()) < 0.02 * float(wanted.var()), "and it can be trained on"


def test_a_channel_that_says_nothing_is_no_obstacle(inputs: list[Any]) -> None:
    for x in inputs:
        x[:, 3] = 0
    pairs = [(x, x.flip(1)) for x in inputs]
    block = layers.Block(16)
    assert imitating.imitate(block, pairs, 200) < 0.2
    assert all(torch.isfinite(weight).all() for weight in block.state_dict().values())
