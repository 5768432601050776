"""The whole road on generated pictures: train, stop, continue, export, package, report, load."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter
from training.smoke import generate

from edge_mask.packages.package import open_package

if any(find_spec(name) is None for name in ("torch", "litert_torch", "ai_edge_quantizer", "matplotlib", "skimage")):
    pytest.skip("needs the training packages: pip install -e '.[train]'", allow_module_level=True)

# The training packages warn of their own future; that is theirs to settle.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_one_command_goes_from_pictures_to_a_package_that_the_device_loads(tmp_path: Path) -> None:
    main = import_module("training.command").main
    out = tmp_path / "out"
    assert main(["--smoke", "--out", str(out), "--size", "96", "--batch", "4", "--export", "96", "--nice", "0"]) == 0
    card = open_package(out / "mask-detector").card
    assert card.input.size == (96, 96)
    assert isinstance(card.figures, dict)
    assert {figure["empty"]["of"] for figure in card.figures["val"].values()} == {120}
    assert {file.precision for file in card.files} == {"float", "int8"}
    outputs = {}
    for precision in ("float", "int8"):
        file = out / "mask-detector" / f"model.{precision}.tflite"
        outputs[precision] = len(Interpreter(model_path=str(file)).get_output_details())
    assert outputs == {"float": 4, "int8": 8}, "a map for each stride; in int8 logits and boxes have their own steps"
    assert b"torch.nn" not in (out / "mask-detector" / "model.int8.tflite").read_bytes(), "names of inner tensors"
    names = {p.name for p in (out / "report").iterdir()}
    assert " of 120 empty pictures" in (out / "report" / "report.md").read_text()
    assert names - {"gate.png"} == {"report.md", "curves.png", "sizes.png", "worst.png"}
    assert (out / "mask-detector" / "golden" / "portrait.jpg").stat().st_size < 60_000


def test_the_same_command_continues_where_it_stopped(tmp_path: Path) -> None:
    trainer = import_module("training.trainer")
    pictures = import_module("training.pictures")
    data = pictures.load_training(generate(tmp_path / "data", seed=1))
    out = tmp_path / "out"
    out.mkdir()

    def run(minutes: float) -> None:
        plan = import_module("training.plan").Plan(minutes=minutes, size=96, batch=4, threads=1)
        trainer.Trainer(plan, data, out, None, lambda network: {}).run()

    run(0.05)
    run(0.1)
    steps = [int(str(line["steps"])) for line in lines(out) if "steps" in line]
    assert len(steps) == 2
    assert steps[1] > steps[0] > 0
    assert any(line.get("resumed") for line in lines(out))


def test_a_run_ends_with_its_best_checkpoint_and_not_with_its_last(tmp_path: Path) -> None:
    torch = import_module("torch")
    trainer = import_module("training.trainer")
    pictures = import_module("training.pictures")
    data = pictures.load_training(generate(tmp_path / "data", seed=1))
    seen: list[dict[str, object]] = []

    def check(network: object) -> dict[str, object]:
        seen.append({k: v.clone() for k, v in network.state_dict().items()})  # type: ignore[attr-defined]
        return {"mAP2": [0.3, 0.5, 0.4, 0.2][min(len(seen) - 1, 3)], "mAP3": 0.1}

    plan = import_module("training.plan").Plan(minutes=0.15, size=96, batch=4, threads=1, check_every=0.04)
    result = trainer.Trainer(plan, data, tmp_path, None, check).run()
    assert len(seen) >= 3
    assert all(torch.equal(v, seen[1][k]) for k, v in result.state_dict().items())


def test_a_checkpoint_that_sees_faces_in_empty_pictures_is_not_the_best(tmp_path: Path) -> None:
    torch = import_module("torch")
    trainer = import_module("training.trainer")
    data = import_module("training.pictures").load_training(generate(tmp_path / "data", seed=1))
    seen: list[dict[str, object]] = []

    def check(network: object) -> dict[str, object]:
        seen.append({k: v.clone() for k, v in network.state_dict().items()})  # type: ignore[attr-defined]
        first = len(seen) == 1
        return {"mAP2": 0.5 if first else 0.4, "mAP3": 0.1, "empty": {"seen": 24 if first else 0, "of": 120}}

    plan = import_module("training.plan").Plan(minutes=0.08, size=96, batch=4, threads=1, check_every=0.04)
    result = trainer.Trainer(plan, data, tmp_path, None, check).run()
    assert len(seen) >= 2
    assert all(torch.equal(v, seen[1][k]) for k, v in result.state_dict().items())


def test_data_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = import_module("training.command").main
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--nice", "0"]) == 2
    assert "detection.json: no such annotation file; see docs/training.md" in capsys.readouterr().err


def test_a_run_that_only_trains_leaves_checkpoints_and_the_packages_are_made_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module("training.command").main
    data, out = generate(tmp_path / "data", seed=1), tmp_path / "out"
    words = f"--data {data} --out {out} --size 96 --batch 4 --nice 0 --pictures 16 --workers 2 --train-only"
    assert main(words.split()) == 0
    assert {path.name for path in out.iterdir()} == {"average.pt", "best.pt", "log.jsonl", "state.pt"}
    assert "--package-now" in capsys.readouterr().out


def test_a_gpu_that_is_not_there_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("torch").cuda, "is_available", lambda: False)
    main = import_module("training.command").main
    data = generate(tmp_path / "data", seed=1)
    assert main(["--data", str(data), "--out", str(tmp_path / "out"), "--device", "cuda", "--nice", "0"]) == 2
    assert "--device cuda: this PyTorch sees no such device; use cpu" in capsys.readouterr().err


def test_a_second_process_composes_other_samples_than_the_first(tmp_path: Path) -> None:
    plan, pictures = import_module("training.plan"), import_module("training.pictures")
    data = pictures.load_training(generate(tmp_path / "data", seed=1))

    def first(workers: int, count: int) -> list[bytes]:
        drawn = iter(plan.batches(data, plan.Plan(size=64, batch=1, workers=workers), 0))
        return [next(drawn)[0].numpy().tobytes() for _ in range(count)]

    one, two = first(1, 4), first(2, 8)
    assert len(set(two)) == 8
    assert two[::2] == one, "the first process draws what a single one draws"


def test_a_run_of_an_earlier_network_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch, network = import_module("torch"), import_module("training.network")
    main = import_module("training.command").main
    data, out = generate(tmp_path / "data", seed=1), tmp_path / "out"
    out.mkdir()
    earlier = network.MaskNet(labels=2).state_dict()
    torch.save(earlier, out / "best.pt")
    torch.save({"network": earlier}, out / "state.pt")
    for more in ([], ["--package-now"]):
        assert main(["--data", str(data), "--out", str(out), "--nice", "0", *more]) == 2
        assert "this run is of another network than is trained now; give another --out" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--taught", "--nothing", "--close"])
@pytest.mark.parametrize("share", ["1.5", "-0.1", "nan", "half"])
def test_a_part_that_is_more_than_the_whole_or_no_number_is_a_sentence(
    option: str, share: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        import_module("training.command").main(["--out", str(tmp_path), f"{option}={share}"])
    assert f"{option}: '{share}': expected a number from 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--workers", "--batch"])
@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_number_of_workers_or_pictures_that_is_none_is_a_sentence(
    option: str, count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        import_module("training.command").main(["--out", str(tmp_path), f"{option}={count}"])
    assert "expected a whole number from 1 on" in capsys.readouterr().err
