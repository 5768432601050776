"""Where a network starts from: Linzaer's trunk, an earlier run of ours, or the float file of a package."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.annotations import BadData
from training.layers import Head
from training.network import ADDING, BRANCHES, NOW, SUMS, VIEW, Form, MaskNet
from training.pictures import Pixels
from training.slim import EARLIER, slim_from, wide_network
from training.unfold import unfolded

LEVELS = ("more2", "more3", "more4", "more5")
FORMS = ((f"trunk.{VIEW}.near.", BRANCHES), (f"trunk.{VIEW}.short.", SUMS), ("smooth.0.depth.", ADDING), ("", NOW))
"""What tensors of each form are called."""


def start_from(network: MaskNet, weights: Path, pictures: Callable[[], list[Pixels]]) -> None:
    """Take the trunk from a Linzaer RFB checkpoint (MIT): its `base_net` has these layers in this order.

    `pictures` gives squares of one size, on which other layers than those of its trunk learn what to say.
    """
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    values = [v for k, v in stored.items() if k.startswith("base_net.")]
    source = network if network.form is BRANCHES else wide_network((0, 0, 0, 0))
    state = source.trunk.state_dict()
    if len(values) != len(state):
        raise BadData(f"{weights}: {len(values)} trunk tensors, expected {len(state)}; use an RFB checkpoint")
    source.trunk.load_state_dict(dict(zip(state, values, strict=True)))
    if source is not network:
        slim_from(network, source, pictures(), trunk_only=True)


def grow_from(network: MaskNet, weights: Path, pictures: Callable[[], list[Pixels]]) -> None:
    """Take every layer that a trained network has: a run's `average.pt`, or a float .tflite.

    Blocks that it lacks let everything pass; layers of the pyramid and heads that are wider here start anew. Where it
    is of an earlier form, its other layers are imitated. `pictures` gives squares of one size for that, and to tell the
    spread inside a .tflite, whose batch norms are folded away.
    """
    if weights.suffix == ".tflite":
        source = read_network(weights, pictures)
        stored, form = source.state_dict(), source.form
    else:
        stored = _stored(weights)
        form = _form_of(stored)
    if form is not network.form:
        slim_from(network, _of_this_form(stored, weights), pictures())
        return
    mine = network.state_dict()
    anew = [name for name in stored if name in mine and stored[name].shape != mine[name].shape]
    if any(name.startswith(("trunk.", "more")) for name in anew):
        raise _foreign(weights)
    missing, unknown = network.load_state_dict({k: v for k, v in stored.items() if k not in anew}, strict=False)
    new = dict.fromkeys(_block(name) for name in missing if name not in anew)
    if unknown or not all(name.startswith("more") for name in new):
        raise _foreign(weights)


def read_network(weights: Path, pictures: Callable[[], list[Pixels]]) -> MaskNet:
    """A trained network as it is, of today's form or an earlier one: an `average.pt`, or a float .tflite."""
    if weights.suffix == ".tflite":
        return unfolded(weights, (MaskNet, *EARLIER), pictures())
    return _of_this_form(_stored(weights), weights)


def _stored(weights: Path) -> dict[str, Tensor]:
    return dict(torch.load(weights, map_location="cpu", weights_only=True))


def _of_this_form(stored: dict[str, Tensor], weights: Path) -> MaskNet:
    """The network that these tensors are of."""
    counts = [len({name.split(".")[1] for name in stored if name.startswith(f"{level}.")}) for level in LEVELS]
    network = MaskNet(extras=(counts[0], counts[1], counts[2], counts[3]), form=_form_of(stored))
    try:
        network.load_state_dict(stored)
    except RuntimeError:
        raise _foreign(weights) from None
    return network


def _form_of(stored: dict[str, Tensor]) -> Form:
    return next(form for prefix, form in FORMS if any(name.startswith(prefix) for name in (*stored, "")))


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
    """The block that a tensor belongs to: more3.0.depth.0.weight is of more3.0."""
    return ".".join(name.split(".")[:2])
