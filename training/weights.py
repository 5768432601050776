"""Where a network starts from: Linzaer's trunk, an earlier run of ours, or the float file of a package."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.network import Extra, Head, MaskNet
from training.pictures import BadData, Pixels
from training.predict import to_input

Layer = tuple[nn.Conv2d, nn.BatchNorm2d | None]


def start_from(network: MaskNet, weights: Path) -> None:
    """Take the trunk from a Linzaer RFB checkpoint (MIT): its `base_net` has these layers in this order."""
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    values = [v for k, v in stored.items() if k.startswith("base_net.")]
    state = network.trunk.state_dict()
    if len(values) != len(state):
        raise BadData(f"{weights}: {len(values)} trunk tensors, expected {len(state)}; use an RFB checkpoint")
    network.trunk.load_state_dict(dict(zip(state, values, strict=True)))


def grow_from(network: MaskNet, weights: Path, pictures: Callable[[], list[Pixels]]) -> None:
    """Take every layer that a trained, perhaps smaller, network has: a run's `average.pt`, or a float .tflite.

    Blocks that it lacks stay the identity; layers of the pyramid and heads that are wider here start anew; where
    logits and boxes shared a tower, each gets a copy of it. `pictures` gives squares of one size that tell the spread
    inside a .tflite, whose batch norms are folded away.
    """
    if weights.suffix == ".tflite":
        stored = _unfolded(weights, pictures()).state_dict()
    else:
        stored = torch.load(weights, map_location="cpu", weights_only=True)
    mine = network.state_dict()
    for name in list(stored):
        apart = name.replace(".tower.", ".box_tower.")
        if apart not in stored and apart in mine:
            stored[apart] = stored[name]
    anew = [name for name in stored if name in mine and stored[name].shape != mine[name].shape]
    if any(name.startswith(("trunk.", "more")) for name in anew):
        raise _foreign(weights)
    missing, unknown = network.load_state_dict({k: v for k, v in stored.items() if k not in anew}, strict=False)
    new = [name for name in missing if name not in anew]
    if unknown or not all(isinstance(network.get_submodule(_block(name)), Extra) for name in new):
        raise _foreign(weights)


def load_run(network: MaskNet, stored: dict[str, Tensor], file: Path) -> None:
    """Weights of a run of this very network. Raises BadData when an earlier version made another one."""
    try:
        network.load_state_dict(stored)
    except RuntimeError as wrong:
        raise BadData(
            f"{file}: this run is of another network than is trained now; give another --out, and --grow its average.pt"
        ) from wrong


def mixed(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The mean of two networks' weights, `share` of it the second's; good where one grew from the other."""
    return {
        name: value.lerp(second[name], share) if value.dtype.is_floating_point else value
        for name, value in first.items()
    }


@torch.no_grad()
def move_boxes(network: MaskNet, pixels: float) -> None:
    """Shift all boxes to the right, in pixels of the input."""
    for head, stride in zip(network.heads, network.strides, strict=True):
        assert isinstance(head, Head)
        assert head.box.bias is not None
        head.box.bias[0] += pixels / stride


def _foreign(weights: Path) -> BadData:
    return BadData(f"{weights}: not the weights of such a network; give the average.pt of an earlier run")


def _block(name: str) -> str:
    """The residual block that a tensor belongs to: more3.0.depth.0.weight is of more3.0."""
    return ".".join(name.split(".")[:2])


def _unfolded(graph: Path, pictures: list[Pixels]) -> MaskNet:
    """The network that a float .tflite of ours was made from."""
    found, network = _convolutions(graph), MaskNet()
    layers = _layers_in_order(network)
    if [tuple(conv.weight.shape) for conv, _ in layers] != [tuple(kernel.shape) for kernel, _ in found]:
        raise BadData(
            f"{graph}: its {len(found)} convolutions are not those of such a network; give a package made by it"
        )
    _unfold(network, layers, found, pictures)
    return network


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
            _plain(norm, bias)
    spreads = _spreads([conv for conv, norm in layers if norm is not None], network, pictures)
    for conv, norm in layers:
        if norm is not None:
            mean, variance = spreads[conv]
            shift = norm.bias + mean
            _set(norm, mean, variance, (variance + norm.eps).sqrt(), shift)


def _plain(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """A batch norm that adds `bias` and nothing else."""
    _set(norm, torch.zeros_like(bias), torch.ones_like(bias) - norm.eps, torch.ones_like(bias), bias)


def _set(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(scale)
    norm.bias.copy_(shift)


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


def _convolutions(graph: Path) -> list[tuple[Tensor, Tensor]]:
    """Kernels (out × in × height × width) and biases of a .tflite, in the order of its operations."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(graph), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    found = []
    for operation in _operations(interpreter):
        if operation["op_name"] in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
            kernel, bias = (np.array(interpreter.get_tensor(index)) for index in operation["inputs"][1:3])
            order = (0, 3, 1, 2) if operation["op_name"] == "CONV_2D" else (3, 0, 1, 2)
            found.append((torch.from_numpy(kernel.transpose(order).copy()), torch.from_numpy(bias)))
    return found


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
