"""Numbers that are none: a step that would spoil every weight is left out, a run that has lost its way ends."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from training.smoke import generate

if find_spec("torch") is None:
    pytest.skip("needs the training packages: pip install -e '.[train]'", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """A short run of 10 steps that has not begun."""
    module = import_module("training.trainer")
    data = import_module("training.pictures").load_training(generate(tmp_path / "data", seed=1))
    plan = import_module("training.plan").Plan(pictures=40, size=96, batch=4, threads=1, hard=0)
    (tmp_path / "out").mkdir()
    return module.Trainer(plan, data, tmp_path / "out", None, lambda network: {})


def spoil(trainer: Any, steps: set[int]) -> None:
    """At these steps one gradient is no number, as from a kernel that reads what it never wrote."""
    torch = import_module("torch")
    first, seen = next(trainer.network.parameters()), []

    def damage(gradient: Any) -> Any:
        seen.append(gradient)
        return gradient * torch.nan if len(seen) in steps else gradient

    first.register_hook(damage)


def is_finite(network: Any) -> bool:
    torch = import_module("torch")
    return all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())


def test_the_average_follows_the_network(trainer: Any) -> None:
    """It is what is shipped: one that stays behind is what the run began with."""
    name = "trunk.0.0.weight"
    began = trainer.network.state_dict()[name].clone()
    trainer.run()
    learned, average = trainer.network.state_dict()[name], trainer.average.state_dict()[name]
    assert 0 < (average - learned).norm() < (began - learned).norm()


def test_a_step_with_a_gradient_that_is_no_number_is_left_out(trainer: Any, tmp_path: Path) -> None:
    spoil(trainer, {3, 4, 7})
    assert is_finite(trainer.run())
    assert is_finite(trainer.network)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "left_out" in line] == [3, 4, 7]


def test_a_run_whose_gradients_stay_no_numbers_ends_with_a_sentence(
    trainer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("training.trainer.MOST_LEFT_OUT", 4)
    spoil(trainer, {2, 4, 5, 6, 7})
    with pytest.raises(import_module("training.annotations").BadData, match=r"step 7: .* 4 steps in a row .* --rate"):
        trainer.run()
    assert not (tmp_path / "out" / "state.pt").exists(), "nothing that is lost is kept"


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("training.trainer")
    real, calls = module.losses, []

    def losses(*given: Any) -> Any:
        calls.append(1)
        score, box = real(*given)
        return (score * float("inf") if len(calls) == 5 else score), box

    monkeypatch.setattr(module, "losses", losses)
    with pytest.raises(import_module("training.annotations").BadData, match="step 5: the loss"):
        trainer.run()
    assert is_finite(trainer.network)
