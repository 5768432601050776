"""Empty pictures that fool the network are found, and shown again."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.empty import drawn
from training.smoke import generate

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


def test_found_are_those_in_which_the_network_sees_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = import_module("training.predict")
    monkeypatch.setattr(hard, "AT_ONCE", 16)

    class SeesBrightFaces(torch.nn.Module):  # type: ignore[misc]
        """A face wherever it is bright."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, pixels: Any) -> Any:
            return pixels.mean(1)

    def decode(bright: Any) -> Any:
        return (bright * 100).flatten(1)[..., None], None, None

    monkeypatch.setattr(hard, "decode", decode)
    found = hard.hard_negatives(SeesBrightFaces(), 32, 40, np.random.default_rng(1))
    seeds = [int(seed) for seed in np.random.default_rng(1).integers(hard.LOWEST_SEED, hard.HIGHEST_SEED, 40)]
    bright = [seed for seed in seeds if drawn(32, np.random.default_rng(seed)).mean(2).max() >= 127]
    assert 5 < len(bright) < 40
    assert found == bright


def test_a_run_looks_for_them_at_the_start_and_after_each_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, plans = import_module("training.trainer"), import_module("training.plan")
    data = import_module("training.pictures").load_training(generate(tmp_path / "data", seed=1))
    given: list[list[int]] = []

    def remember(*rest: Any) -> Any:
        given.append(list(rest[3]))
        return plans.batches(*rest)

    monkeypatch.setattr(trainer, "hard_negatives", lambda network, size, count, rng: [len(given), size, count])
    monkeypatch.setattr(trainer, "batches", remember)
    plan = plans.Plan(minutes=0.08, size=96, batch=4, threads=1, check_every=0.04, hard=7)
    trainer.Trainer(plan, data, tmp_path, None, lambda network: {}).run()
    assert given[:2] == [[0, 96, 7], [0, 96, 7, 1, 96, 7]]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["hard"] for line in lines if "hard" in line][:2] == [3, 6]


def test_a_run_without_empty_samples_looks_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, plans = import_module("training.trainer"), import_module("training.plan")
    data = import_module("training.pictures").load_training(generate(tmp_path / "data", seed=1))
    monkeypatch.delattr(trainer, "hard_negatives")
    for shares in ({"nothing": 0.0}, {"hard": 0}):
        plan = plans.Plan(pictures=4, size=96, batch=4, threads=1, **shares)
        trainer.Trainer(plan, data, tmp_path, None, lambda network: {})._samples()


def test_fewer_than_none_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    main = import_module("training.command").main
    with pytest.raises(SystemExit, match="2"):
        main(["--hard", "-5", "--out", "x"])
    assert "--hard: '-5': expected a whole number from 0 on" in capsys.readouterr().err
