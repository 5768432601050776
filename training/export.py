"""From the network to .tflite: a float file, and an int8 file calibrated on training pictures."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.bias import correct_bias
from training.equalise import equalise
from training.geometry import letterbox
from training.kernels import round_kernels
from training.network import STRIDES, Head, MaskNet
from training.pictures import Pixels
from training.predict import to_input

CALIBRATION_PICTURES = 160
AT_ONCE = 8


class _Flat(nn.Module):
    """The network with its outputs as a tuple, which is what the converter takes."""

    def __init__(self, network: MaskNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(x))


class _Joint(nn.Module):
    """A head that says logits and boxes in one map: what they are read from is passed over once."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.tower = head.tower
        parts = (head.logits, head.box)
        self.both = nn.Conv2d(head.logits.in_channels, sum(one.out_channels for one in parts), 1)
        self.both.load_state_dict({
            name: torch.cat([one.state_dict()[name] for one in parts]) for name in ("weight", "bias")
        })  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.both(self.tower(x)),)


def export_float(network: MaskNet, size: int, path: Path, *, joint: bool = True) -> None:
    """Write a float .tflite: input 1 × size × size × 3, channels last in and out.

    Its outputs are one map of logits and boxes per stride, or if not `joint` one of each.
    """
    import litert_torch

    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval()
    if joint:
        plain.heads = nn.ModuleList([_Joint(head) for head in plain.heads if isinstance(head, Head)])
    outputs = len(STRIDES) if joint else 2 * len(STRIDES)
    last = litert_torch.to_channel_last_io(_Flat(plain), args=[0], outputs=list(range(outputs)))
    litert_torch.convert(last.eval(), (torch.zeros(1, size, size, 3),)).export(str(path))


def export_int8(network: MaskNet, path: Path, pictures: Sequence[Pixels], size: int, folder: Path) -> None:
    """Write an int8 .tflite: weights per channel, activations with the ranges seen in `pictures`.

    Logits and boxes are apart: the numbers of one map are rounded by the same step, and logits reach further than
    boxes. Before, channels are made to reach equally far, and kernels rounded so that answers stay near; after, what
    the file is off by on average over the same pictures is taken off its last biases. Float files that are needed on
    the way lie in `folder`.
    """
    plain, source = folder / "plain.tflite", folder / "rounded.tflite"
    export_float(network, size, plain, joint=False)
    squares = [letterbox(pixels, size)[0] for pixels in pictures[:CALIBRATION_PICTURES]]
    ready = copy.deepcopy(network).cpu().eval()
    batches = [to_input(np.stack(squares[start : start + AT_ONCE])) for start in range(0, len(squares), AT_ONCE)]
    equalise(ready, batches)
    round_kernels(ready, batches)
    export_float(ready, size, source, joint=False)
    inputs = [((square[None].astype(np.float32) - 127) / 128).astype(np.float32) for square in squares]
    quantise(source, path, inputs)
    correct_bias(plain, path, inputs)
    shorten_names(path)


def quantise(source: Path, path: Path, inputs: Sequence[NDArray[np.float32]]) -> None:
    """Write the int8 .tflite of a float one (not `joint`).

    The ranges are true extremes. The quantiser's own default, a moving average of them, cuts off the logits of
    the rare confident face: on pictures of one large face that cost half of the answers.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    signatures = Interpreter(model_path=str(source)).get_signature_list()
    key = next(iter(signatures))
    name = signatures[key]["inputs"][0]
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(recipe.static_wi8_ai8())
    seen = calibrator.Calibrator(str(source), num_threads=1, qsv_update_func=min_max_update)
    seen.calibrate({key: [{name: one} for one in inputs]}, rules)
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    work.quantize(seen.get_model_qsvs()).export_model(str(path), overwrite=True)


def shorten_names(path: Path) -> None:
    """Number the inner tensors of a .tflite; what goes in and comes out keeps its name.

    The converter calls each after all the modules that it went through: a fifth of an int8 file.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    for graph in model.subgraphs:
        outside = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in outside:
                tensor.name = str(index).encode()
    flatbuffer_utils.write_model(model, str(path))
