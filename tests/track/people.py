"""Faces and moments for trajectories written as tables."""

from edge_mask.messages import MASK, Box, Face
from edge_mask.units import Moment, Seconds, Unix


def at(seconds: float) -> Moment:
    return Moment(Seconds(seconds), Unix(1_790_000_000.0 + seconds))


def face(x: float, y: float = 100.0, size: float = 100.0, label: str = MASK, score: float = 0.9) -> Face:
    """A square face whose left upper corner is at (x, y)."""
    return Face(label, score, Box(x, y, size, size))
