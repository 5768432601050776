"""Batch norms that leave numbers as they are: what a layer needs whose weights were found elsewhere."""

from torch import Tensor, nn


def plain(norm: nn.BatchNorm2d, shift: Tensor) -> None:
    """A batch norm that adds `shift` and nothing else, whatever the spread of the numbers is."""
    one = shift.new_ones(shift.shape)
    _set(norm, one * 0, one - norm.eps, one, shift)


def undone(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, shift: Tensor) -> None:
    """The same for numbers of that mean and variance, with these as its statistics: training can go on from there."""
    _set(norm, mean, variance, (variance + norm.eps).sqrt(), shift + mean)


def _set(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(scale)
    norm.bias.copy_(shift)
