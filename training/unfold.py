"""A network read back from its float .tflite: the converter folded the batch norms away, and training needs them."""

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.annotations import LABELS, BadData
from training.layers import Add, Residual
from training.network import MaskNet
from training.norms import plain, undone
from training.pictures import Pixels
from training.predict import to_input

Layer = tuple[nn.Conv2d, nn.BatchNorm2d | None]


def unfolded(graph: Path, forms: Iterable[Callable[[], MaskNet]], pictures: list[Pixels]) -> MaskNet:
    """The network, one of these `forms`, that a float .tflite of ours was made from. Raises BadData for another's."""
    found = [part for one in _convolutions(graph) for part in _apart(*one)]
    shapes, sums = [tuple(kernel.shape) for kernel, _ in found], _sums(graph)
    fitting = []
    for form in forms:
        network = form()
        layers = _layers_in_order(network)
        if [tuple(conv.weight.shape) for conv, _ in layers] == shapes:
            adding = sum(isinstance(module, Residual | Add) for module in network.modules())
            fitting.append((abs(adding - sums), network, layers))
    if fitting:
        _, network, layers = min(fitting, key=lambda one: one[0])
        _unfold(network, layers, found, pictures)
        return network
    raise BadData(f"{graph}: its {len(found)} convolutions are not those of such a network; give a package made by it")


@torch.no_grad()
def _unfold(network: MaskNet, layers: list[Layer], found: list[tuple[Tensor, Tensor]], pictures: list[Pixels]) -> None:
    """Read the weights back: its answers stay what they were.

    The converter folds each batch norm into its convolution. Here every batch norm gets the mean and variance that
    `pictures` have at that place, and the scale and shift that undo them.
    """
    for (conv, norm), (kernel, bias) in zip(layers, found, strict=True):
        conv.weight.copy_(kernel)
        if norm is None:
            assert conv.bias is not None
            conv.bias.copy_(bias)
        else:
            plain(norm, bias)
    spreads = _spreads([conv for conv, norm in layers if norm is not None], network, pictures)
    for conv, norm in layers:
        if norm is not None:
            mean, variance = spreads[conv]
            undone(norm, mean, variance, norm.bias.clone())


def _layers_in_order(network: MaskNet) -> list[Layer]:
    """Every convolution, in the order in which a picture meets them, with the batch norm behind it."""
    met: list[nn.Conv2d] = []
    norm_of: dict[nn.Module, nn.BatchNorm2d] = {}
    for sequence in network.modules():
        if isinstance(sequence, nn.Sequential):
            steps = list(sequence)
            norm_of |= {a: b for a, b in itertools.pairwise(steps) if isinstance(b, nn.BatchNorm2d)}

    def note(module: nn.Module, *_: object) -> None:
        assert isinstance(module, nn.Conv2d)
        met.append(module)

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, nn.Conv2d)]
    network.eval()(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return [(conv, norm_of.get(conv)) for conv in met]


def _sums(graph: Path) -> int:
    """How often a .tflite adds: forms whose convolutions are the same differ in that."""
    return sum(operation["op_name"] == "ADD" for operation in _operations(_loaded(graph)))


def _convolutions(graph: Path) -> list[tuple[Tensor, Tensor]]:
    """Kernels (out × in × height × width) and biases of a .tflite, in the order of its operations."""
    interpreter = _loaded(graph)
    found = []
    for operation in _operations(interpreter):
        if operation["op_name"] in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
            kernel, bias = (np.array(interpreter.get_tensor(index)) for index in operation["inputs"][1:3])
            order = (0, 3, 1, 2) if operation["op_name"] == "CONV_2D" else (3, 0, 1, 2)
            found.append((torch.from_numpy(kernel.transpose(order).copy()), torch.from_numpy(bias)))
    return found


def _apart(kernel: Tensor, bias: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Logits and boxes, where one convolution says both (since 1.7.0); any other as it is."""
    if len(bias) != len(LABELS) + 4:
        return [(kernel, bias)]
    parts = (len(LABELS), 4)
    return list(zip(kernel.split(parts), bias.split(parts), strict=True))


def _loaded(graph: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(graph), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    return interpreter


def _operations(interpreter: Any) -> list[dict[str, Any]]:
    return list(interpreter._get_ops_details())  # noqa: SLF001 (the interpreter has no public list of them)


def _spreads(
    convs: list[nn.Conv2d], network: MaskNet, pictures: list[Pixels]
) -> dict[nn.Conv2d, tuple[Tensor, Tensor]]:
    """Mean and variance of what leaves each convolution."""
    sums = {conv: (torch.zeros(conv.out_channels), torch.zeros(conv.out_channels)) for conv in convs}
    counts = dict.fromkeys(convs, 0)

    def add(module: nn.Module, _inputs: object, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        first, second = sums[module]
        first += output.sum((0, 2, 3))
        second += output.square().sum((0, 2, 3))
        counts[module] += output.numel() // output.shape[1]

    hooks = [conv.register_forward_hook(add) for conv in convs]
    network.eval()
    for start in range(0, len(pictures), 16):
        network(to_input(np.stack(pictures[start : start + 16])))
    for hook in hooks:
        hook.remove()
    means = {conv: first / counts[conv] for conv, (first, _) in sums.items()}
    return {
        conv: (means[conv], (second / counts[conv] - means[conv] ** 2).clamp(min=0))
        for conv, (_, second) in sums.items()
    }
