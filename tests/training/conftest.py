"""What several tests of training need."""

from typing import Any

import cv2
import numpy as np
import pytest


@pytest.fixture
def pictures() -> list[np.ndarray]:
    """Smooth noise: neighbouring points have something to do with each other, as in photographs."""
    coarse = np.random.default_rng(0).integers(0, 255, (24, 12, 12, 3), dtype=np.uint8)
    return [np.asarray(cv2.resize(one, (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8) for one in coarse]


@pytest.fixture
def lively() -> Any:
    """An untrained network whose batch norms do something: without, its answers are nearly the same everywhere."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
    network = pytest.importorskip("training.network")
    torch.manual_seed(3)
    made = network.MaskNet()
    for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.5)
    with torch.no_grad():
        for _ in range(20):
            made.train()(torch.rand(4, 3, 96, 96) * 2 - 1)
    return made.eval()


@pytest.fixture
def uneven(lively: Any) -> Any:
    """A network whose channels reach to very different numbers, as trained ones do."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(4)
    with torch.no_grad():
        for norm in (m for m in lively.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            shares = 10 ** -torch.rand_like(norm.weight)
            norm.weight *= shares
            norm.bias *= shares
        for head in lively.heads:
            torch.nn.init.normal_(head.logits.weight, std=2)
            torch.nn.init.normal_(head.box.weight, std=2)
    return lively
