"""From the network to .tflite: a float file, and an int8 file calibrated on training pictures."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.bias import correct_bias
from training.geometry import letterbox
from training.network import STRIDES, MaskNet
from training.pictures import Pixels

CALIBRATION_PICTURES = 160


class _Flat(nn.Module):
    """The network with its outputs as a tuple, which is what the converter takes."""

    def __init__(self, network: MaskNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(x))


def export_float(network: MaskNet, size: int, path: Path) -> None:
    """Write a float .tflite: input 1 × size × size × 3, channels last in and out."""
    import litert_torch

    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval()
    last = litert_torch.to_channel_last_io(_Flat(plain), args=[0], outputs=list(range(2 * len(STRIDES))))
    litert_torch.convert(last.eval(), (torch.zeros(1, size, size, 3),)).export(str(path))


def export_int8(source: Path, path: Path, pictures: Sequence[Pixels], size: int) -> None:
    """Write the int8 .tflite of a float one: weights per channel, activations with the ranges seen in `pictures`.

    The ranges are true extremes. The quantiser's own default, a moving average of them, cuts off the logits of
    the rare confident face: on pictures of one large face that cost half of the answers. What the file is off by on
    average over the same pictures is taken off its last biases.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    signatures = Interpreter(model_path=str(source)).get_signature_list()
    key = next(iter(signatures))
    name = signatures[key]["inputs"][0]
    inputs = []
    for pixels in pictures[:CALIBRATION_PICTURES]:
        square, _ = letterbox(pixels, size)
        inputs.append(((square[None].astype(np.float32) - 127) / 128).astype(np.float32))
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(recipe.static_wi8_ai8())
    seen = calibrator.Calibrator(str(source), num_threads=1, qsv_update_func=min_max_update)
    seen.calibrate({key: [{name: one} for one in inputs]}, rules)
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    work.quantize(seen.get_model_qsvs()).export_model(str(path), overwrite=True)
    correct_bias(source, path, inputs)
    shorten_names(path)


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
