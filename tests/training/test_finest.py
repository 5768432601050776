"""At stride 4 a network of today's form learns to say what 1.6.0 says there; the other levels stay."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
finest = import_module("training.finest")
network = import_module("training.network")
predict = import_module("training.predict")
smoke = import_module("training.smoke")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


def adding() -> Any:
    """One like 1.6.0 whose residual block at stride 4 changes much."""
    torch.manual_seed(3)
    made = network.MaskNet(form=network.ADDING)
    for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.5)
    torch.nn.init.constant_(made.smooth[0].point[1].weight, 2)
    for head in made.heads:
        torch.nn.init.normal_(head.logits.weight, std=0.5)
        torch.nn.init.normal_(head.box.weight, std=0.5)
    with torch.no_grad():
        for _ in range(20):
            made.train()(torch.rand(4, 3, 96, 96) * 2 - 1)
    return made.eval()


def test_stride_4_comes_nearer_and_the_other_levels_stay_as_they_are(pictures: list[np.ndarray]) -> None:
    old = adding()
    made = network.MaskNet()
    made.load_state_dict({k: v for k, v in old.state_dict().items() if not k.startswith("smooth.0.")}, strict=False)
    x = predict.to_input(np.stack(pictures))
    with torch.no_grad():
        wanted, before = old(x), made.eval()(x)
    samples = [torch.from_numpy(np.stack(pictures[start : start + 8])) for start in (0, 8, 16)] * 20
    missed = finest.learn_finest(made, old, samples, 60)
    assert len(missed) == 10
    with torch.no_grad():
        after = made(x)
    for level in (0, 1):
        was, now = ((said[level] - wanted[level]).abs().mean() for said in (before, after))
        assert now < 0.9 * was
    assert all(torch.equal(a, b) for a, b in zip(after[2:], before[2:], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(after[2:], wanted[2:], strict=True))
    assert all(weight.requires_grad for weight in made.parameters()), "it can be trained on"


def test_the_command_writes_weights_of_todays_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    smoke.generate(tmp_path / "data", 1)
    old = adding()
    torch.save(old.state_dict(), tmp_path / "old.pt")
    words = [str(tmp_path / "old.pt"), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run" / "best.pt")]
    assert finest.main([*words, "--pictures", "8", "--batch", "4"]) == 0
    assert "boxes of stride 4 differ by" in capsys.readouterr().out
    made = network.MaskNet()
    made.load_state_dict(torch.load(tmp_path / "run" / "best.pt", weights_only=True))
    assert torch.equal(made.heads[1].box.weight, old.heads[1].box.weight)


def test_weights_of_todays_form_have_nothing_to_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(network.MaskNet().state_dict(), tmp_path / "new.pt")
    words = [str(tmp_path / "new.pt"), "--data", str(tmp_path), "--out", str(tmp_path / "best.pt")]
    assert finest.main(words) == 2
    assert "not a network like 1.6.0" in capsys.readouterr().err


def test_weights_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finest.main([str(tmp_path / "none.pt"), "--data", str(tmp_path), "--out", str(tmp_path / "new.pt")]) == 2
    assert "none.pt: no such file" in capsys.readouterr().err
