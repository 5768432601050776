"""What the exported files say, beside the network that they were made from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
pytest.importorskip("litert_torch", reason="needs litert-torch: pip install -e '.[train]'")

from ai_edge_litert.interpreter import Interpreter  # noqa: E402
from training.export import export_float, export_int8, quantise  # noqa: E402
from training.predict import to_input  # noqa: E402

from training import bias, export, kernels  # noqa: E402
from training import equalise as equalising  # noqa: E402

SIZE = 96

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own future


@pytest.mark.slow
@pytest.mark.parametrize("joint", [True, False])
def test_a_float_file_says_what_the_network_says(
    joint: bool, lively: Any, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    export_float(lively, SIZE, tmp_path / "model.float.tflite", joint=joint)
    x = to_input(np.stack(pictures[:1]))
    with torch.no_grad():
        wanted = [one.permute(0, 2, 3, 1).numpy() for one in lively(x)]
    if joint:
        wanted = [np.concatenate(pair, -1) for pair in zip(wanted[::2], wanted[1::2], strict=True)]
    runner = Interpreter(model_path=str(tmp_path / "model.float.tflite"))
    runner.allocate_tensors()
    runner.set_tensor(runner.get_input_details()[0]["index"], x.permute(0, 2, 3, 1).numpy())
    runner.invoke()
    said = [runner.get_tensor(one["index"]) for one in runner.get_output_details()]
    assert [one.shape for one in said] == [one.shape for one in wanted]
    for mine, theirs in zip(said, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-3)


def answers(path: Path, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """All real numbers that a file says of each input."""
    runner = Interpreter(model_path=str(path))
    runner.allocate_tensors()
    given, said = runner.get_input_details()[0], []
    step, zero = given["quantization"]
    for one in inputs:
        stored = one if not step else np.clip(np.rint(one / step + zero), -128, 127).astype(np.int8)
        runner.set_tensor(given["index"], stored)
        runner.invoke()
        for output in runner.get_output_details():
            scale, shift = output["quantization"] if output["quantization"][0] else (1.0, 0)
            said.append((runner.get_tensor(output["index"]).astype(np.float32) - shift) * scale)
    return said


@pytest.mark.slow
def test_an_int8_file_says_nearly_what_the_network_says_and_biases_are_corrected_last(
    uneven: Any, pictures: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the mean square, nearer by far than what the quantiser makes by itself."""
    asked: list[tuple[Any, ...]] = []

    def noted(module: Any, name: str) -> None:
        work = getattr(module, name)

        def call(*words: Any) -> None:
            asked.append((name, *words))
            work(*words)

        monkeypatch.setattr(export, name, call)

    for module, name in ((equalising, "equalise"), (kernels, "round_kernels"), (bias, "correct_bias")):
        noted(module, name)
    export_int8(uneven, tmp_path / "int8.tflite", pictures, SIZE, tmp_path)
    assert [words[0] for words in asked] == ["equalise", "round_kernels", "correct_bias"]
    assert asked[2][1:3] == (tmp_path / "plain.tflite", tmp_path / "int8.tflite"), "beside what nothing was rounded in"
    inputs = [((one[None].astype(np.float32) - 127) / 128).astype(np.float32) for one in pictures]
    quantise(tmp_path / "plain.tflite", tmp_path / "alone.tflite", inputs)
    wanted = answers(tmp_path / "plain.tflite", inputs)
    missed = [
        np.mean([np.square(a - b).mean() / b.var() for a, b in zip(answers(path, inputs), wanted, strict=True)])
        for path in (tmp_path / "int8.tflite", tmp_path / "alone.tflite")
    ]
    assert missed[0] < 0.5 * missed[1]
