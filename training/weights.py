"""Where a network starts from: Linzaer's trunk, an earlier run of ours, or the float file of a package.

A .tflite has no batch norms, as the converter folds each into the convolution before it. Training needs them, so they
are made anew from what pictures show at that place. What the network says stays the same.
"""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.annotations import LABELS, BadData
from training.compose import Composer
from training.network import VIEW, MaskNet
from training.pictures import DataSet, Pixels
from training.predict import to_input

Layer = tuple[nn.Conv2d, nn.BatchNorm2d | None]
Pictures = Callable[[], list[Pixels]]

BRANCHES = 72  # tensors of the three branches in Linzaer's trunk that stand where the wide view is here
SHOWN = 160  # pictures that tell the spread of numbers inside a .tflite


def shown_by(data: DataSet, size: int, seed: int) -> Pictures:
    """Squares of one size from these scenes, composed when they are asked for."""
    return lambda: Composer(data, size).plain(SHOWN, seed)


def start_from(network: MaskNet, weights: Path) -> None:
    """Take the trunk from a Linzaer RFB checkpoint (MIT): its `base_net` has these layers in this order.

    Its three branches have no place here; the wide view in their stead is not trained.
    """
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    values = [v for k, v in stored.items() if k.startswith("base_net.")]
    names = list(network.trunk.state_dict())
    before = sum(int(name.split(".")[0]) < VIEW for name in names)
    view = sum(int(name.split(".")[0]) == VIEW for name in names)
    expected = len(names) - view + BRANCHES
    if len(values) != expected:
        raise BadData(f"{weights}: {len(values)} trunk tensors, expected {expected}; use an RFB checkpoint")
    mine = dict(
        zip(names[:before] + names[before + view :], values[:before] + values[before + BRANCHES :], strict=True)
    )
    _load(network.trunk, {**network.trunk.state_dict(), **mine}, weights)


def grow_from(network: MaskNet, weights: Path, pictures: Pictures) -> None:
    """Take everything from a trained network: see `read_network`."""
    network.load_state_dict(read_network(weights, pictures).state_dict())


def read_network(weights: Path, pictures: Pictures) -> MaskNet:
    """A trained network: the `average.pt` of a run, or the float .tflite of a package.

    `pictures` gives squares of one size; they tell the spread of numbers inside a .tflite.
    """
    if not weights.exists():
        raise BadData(f"{weights}: no such file; expected an average.pt or a model.float.tflite")
    if weights.suffix == ".tflite":
        return _unfolded(weights, pictures())
    network = MaskNet()
    _load(network, torch.load(weights, map_location="cpu", weights_only=True), weights)
    return network


def load_run(network: MaskNet, stored: dict[str, Tensor], file: Path) -> None:
    """Weights of a run of this very network. Raises BadData when an earlier version made another one."""
    try:
        network.load_state_dict(stored)
    except RuntimeError as wrong:
        raise BadData(f"{file}: this run is of another network than is trained now; give another --out") from wrong


def write_weights(network: MaskNet, out: Path) -> None:
    """A checkpoint, in a folder that need not be there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out)


def _load(module: nn.Module, stored: dict[str, Tensor], weights: Path) -> None:
    try:
        module.load_state_dict(stored)
    except RuntimeError:
        raise BadData(
            f"{weights}: not the weights of such a network; give the average.pt of a run or the model.float.tflite of a"
            " package, both made by this version"
        ) from None


def _unfolded(graph: Path, pictures: list[Pixels]) -> MaskNet:
    """The network that a float .tflite of ours was made from. Raises BadData for another's."""
    network = MaskNet()
    layers = _layers_in_order(network)
    found = [part for one in _convolutions(graph) for part in _apart(*one)]
    if [tuple(conv.weight.shape) for conv, _ in layers] != [tuple(kernel.shape) for kernel, _ in found]:
        raise BadData(
            f"{graph}: its {len(found)} convolutions are not those of such a network; give a package made by it"
        )
    _unfold(network, layers, found, pictures)
    return network


@torch.no_grad()
def _unfold(
    network: MaskNet, layers: Sequence[Layer], found: Sequence[tuple[Tensor, Tensor]], pictures: list[Pixels]
) -> None:
    """Give every batch norm the mean and variance that `pictures` have there; its scale and shift undo them."""
    for (conv, norm), (kernel, bias) in zip(layers, found, strict=True):
        conv.weight.copy_(kernel)
        if norm is None:
            assert conv.bias is not None
            conv.bias.copy_(bias)
        else:
            one = torch.ones_like(bias)
            _set(norm, one * 0, one - norm.eps, one, bias)
    spreads = _spreads([conv for conv, norm in layers if norm is not None], network, pictures)
    for conv, norm in layers:
        if norm is not None:
            mean, variance = spreads[conv]
            _set(norm, mean, variance, (variance + norm.eps).sqrt(), norm.bias + mean)


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
    interpreter = _loaded(graph)
    found = []
    for operation in _operations(interpreter):
        if operation["op_name"] in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
            kernel, bias = (np.array(interpreter.get_tensor(index)) for index in operation["inputs"][1:3])
            if kernel.dtype != np.float32:
                raise BadData(f"{graph}: its weights are {kernel.dtype}; give the model.float.tflite of the package")
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
