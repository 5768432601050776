"""Trials of single choices: the same work for each, one choice taken back, nothing done twice."""

import json
import signal
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from training.annotations import BadData
from training.smoke import generate

torch = pytest.importorskip("torch")
network = import_module("training.network")
trials = import_module("training.trials")

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_variant_with_relu_has_no_other_activation() -> None:
    kinds = {type(module).__name__ for module in trials.unbounded().modules()}
    assert "ReLU" in kinds
    assert "ReLU6" not in kinds
    assert "ReLU6" in {type(module).__name__ for module in network.MaskNet().modules()}


def test_a_network_without_stride_4_answers_from_the_coarser_levels_only() -> None:
    torch.manual_seed(0)
    outputs = network.MaskNet(finest=8).eval()(torch.rand(1, 3, 64, 64))
    assert [tuple(each.shape[2:]) for each in outputs] == [(8, 8)] * 2 + [(4, 4)] * 2 + [(2, 2)] * 2
    logits, _, points = network.decode(outputs)
    assert logits.shape[1] == 64 + 16 + 4
    assert sorted(set(points[:, 2].tolist())) == [8.0, 16.0, 32.0]


def test_fewer_blocks_are_fewer_weights() -> None:
    def weights(made: object) -> int:
        return sum(p.numel() for p in made.parameters())  # type: ignore[attr-defined]

    assert weights(network.MaskNet(extras=(0, 0, 0, 0))) < weights(network.MaskNet())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_trial_sees_as_many_pictures_and_a_second_call_repeats_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trials, "SIZES", (320,))
    two = (
        trials.Trial("as it is", {"size": 96, "batch": 4}),
        trials.Trial("narrow", {"size": 96, "batch": 4, "mosaic": 0.0}, make=partial(network.MaskNet, finest=8)),
    )
    data = generate(tmp_path / "data", seed=1)
    words = ["--data", str(data), "--out", str(tmp_path / "out"), "--pictures", "40", "--threads", "1"]
    options = trials.parser().parse_args(words)
    assert trials.run(options, two) == 0
    first = capsys.readouterr().out
    rows = [line for line in first.splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows] == ["as it is", "narrow"]
    for number in range(2):
        log = (tmp_path / "out" / f"{number:02}" / "log.jsonl").read_text().splitlines()
        assert [line["steps"] for line in map(json.loads, log) if "steps" in line] == [10]
    assert trials.run(options, two) == 0
    again = capsys.readouterr().out.splitlines()
    assert [line for line in again if line.startswith("|")] == rows
    assert not any(line.startswith(("{", "# as")) for line in again)
    options.pictures = 44
    with pytest.raises(BadData, match="another plan"):
        trials.run(options, two)
    (tmp_path / "out" / "00" / "figures.json").unlink()  # as after a stop within the trial
    with pytest.raises(BadData, match="another plan"):
        trials.run(options, two)


def test_a_folder_without_data_is_answered_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trials.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--nice", "0"]) == 2
    assert "no such annotation file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_signal_while_a_trial_is_judged_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def judge(_network: object, _held_out: object) -> dict[str, object]:
        seen.append(signal.getsignal(signal.SIGTERM))
        return {"at_320": {"mAP2": 0.0, "mAP3": 0.0, "recall": {}}, "mean": dict.fromkeys(trials.KEYS, 0.0)}

    monkeypatch.setattr(trials, "judge", judge)
    data = generate(tmp_path / "data", seed=1)
    words = ["--data", str(data), "--out", str(tmp_path / "out"), "--pictures", "8", "--threads", "1"]
    assert trials.run(trials.parser().parse_args(words), (trials.Trial("one", {"size": 96, "batch": 4}),)) == 0
    assert seen == [before]
