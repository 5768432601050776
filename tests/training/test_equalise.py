"""Before int8, channels reach equally far and kernels are rounded so that answers stay: the network says the same."""

import copy
import itertools
from importlib import import_module
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
equalising = import_module("training.equalise")
kernels = import_module("training.kernels")
predict = import_module("training.predict")
network = import_module("training.network")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.fixture
def batches(pictures: list[np.ndarray]) -> list[Any]:
    return [predict.to_input(np.stack(pictures[start : start + 8])) for start in (0, 8, 16)]


def missed(said: list[Any], wanted: list[Any]) -> float:
    """The mean square of what differs, relative to what there is."""
    parts = [(a - b).square().mean() / b.var() for a, b in zip(said, wanted, strict=True)]
    return float(torch.stack(parts).mean())


def ask(net: Any, batches: list[Any], *, rounded: bool = False) -> list[Any]:
    """What the network says, or what it would say were its answers rounded as an int8 file rounds them."""
    asked = copy.deepcopy(net)
    for module in asked.modules() if rounded else ():
        if isinstance(module, torch.nn.ReLU6 | network.Add):
            module.register_forward_hook(lambda _module, _inputs, answer: rounded_answer(answer))
    with torch.no_grad():
        return [answer for batch in batches for answer in asked(batch)]


def rounded_answer(x: Any) -> Any:
    """To 256 equal steps from the lowest to the highest number in it."""
    low, high = torch.aminmax(x)
    step = (high - low).clamp(min=1e-8) / 255
    return ((x - low) / step).round() * step + low


def rounded_kernel(weight: Any) -> Any:
    """To 255 equal steps about zero, for each output channel its own."""
    step = (weight.abs().amax((1, 2, 3), keepdim=True) / kernels.LARGEST).clamp(min=1e-12)
    return (weight / step).round() * step


def test_equal_channels_say_what_uneven_ones_said_and_lose_less_when_rounded(uneven: Any, batches: list[Any]) -> None:
    wanted, lost = ask(uneven, batches), missed(ask(uneven, batches, rounded=True), ask(uneven, batches))
    equalising.equalise(uneven, batches)
    assert missed(ask(uneven, batches), wanted) < 1e-6
    assert missed(ask(uneven, batches, rounded=True), wanted) < 0.75 * lost


def test_every_channel_that_may_grow_does_up_to_the_room_that_is_left(uneven: Any, batches: list[Any]) -> None:
    groups = list(equalising._groups(uneven))
    answers = [answer for group in groups for answer in group.answers]
    before = equalising._reach(answers, uneven, batches)
    equalising.equalise(uneven, batches)
    after = equalising._reach(answers, uneven, batches)
    ceiling = equalising.BOUND / equalising.ROOM
    for group in groups:
        least = torch.stack([before[answer] for answer in group.answers]).amax(0)
        most = torch.stack([after[answer] for answer in group.answers]).amax(0)
        wanted = torch.where(least > ceiling, least, (least * equalising.MOST).clamp(max=ceiling))
        assert torch.allclose(most, wanted, atol=1e-2)


def test_a_convolution_is_in_one_group_at_most_on_either_side(lively: Any) -> None:
    groups = list(equalising._groups(lively))
    takers, makers = ([id(one) for group in groups for one in getattr(group, side)] for side in ("takers", "makers"))
    assert len(set(takers)) == len(takers)
    assert len(set(makers)) == len(makers)
    free = {id(m) for m in (*lively.sums, lively.down, *lively.lateral)}  # what they say is added to something else
    assert not any(id(group.answers[0]) in free for group in groups)


def test_rounded_kernels_lose_less_than_the_nearest_numbers(uneven: Any, batches: list[Any]) -> None:
    wanted = ask(uneven, batches)
    plain = copy.deepcopy(uneven)
    with torch.no_grad():
        for conv in (m for m in plain.modules() if isinstance(m, torch.nn.Conv2d)):
            conv.weight.copy_(rounded_kernel(conv.weight))
    lost = missed(ask(plain, batches), wanted)
    kernels.round_kernels(uneven, batches)
    assert missed(ask(uneven, batches), wanted) < 0.5 * lost
    for conv in (m for m in uneven.modules() if isinstance(m, torch.nn.Conv2d)):
        assert torch.allclose(rounded_kernel(conv.weight), conv.weight, rtol=1e-4, atol=1e-7), (
            "the file has these very numbers"
        )


def loss(change: Any, covariance: Any) -> Any:
    return torch.einsum("on,onm,om->o", change, covariance, change)


def test_nearest_is_never_worse_than_each_number_for_itself_and_mostly_the_best() -> None:
    torch.manual_seed(1)
    weight = torch.randn(200, 4, dtype=torch.float64)
    taken = torch.randn(200, 4, 60, dtype=torch.float64) + 3 * torch.randn(200, 1, 60, dtype=torch.float64)
    covariance = taken @ taken.transpose(1, 2) / 60
    found = kernels.nearest(weight, covariance)
    step = weight.abs().amax(1, keepdim=True) / 127
    counts = found / step
    assert torch.allclose(counts, counts.round(), atol=1e-9)
    assert int(counts.abs().max().round()) == 127
    got, alone = (loss(one - weight, covariance) for one in (found, (weight / step).round() * step))
    assert (got <= alone + 1e-15).all()
    assert got.mean() < 0.5 * alone.mean()
    below = (weight / step).floor() * step
    largest = weight.abs() == weight.abs().amax(1, keepdim=True)
    every = [
        loss(torch.where(largest, 0.0, below + step * torch.tensor(up, dtype=torch.float64) - weight), covariance)
        for up in itertools.product((0.0, 1.0), repeat=4)
    ]
    assert float((got <= torch.stack(every).amin(0) * 1.0001).double().mean()) > 0.7


def test_a_kernel_of_zeros_stays_one() -> None:
    assert torch.equal(kernels.nearest(torch.zeros(2, 9), torch.eye(9).expand(2, 9, 9)), torch.zeros(2, 9))
