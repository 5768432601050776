"""What was seen becomes what is decided: visits at a gate, looks and streaks in a room."""

from edge_mask.decide.cctv import CctvPolicy, CctvWatch
from edge_mask.decide.gate import GateWatch
from edge_mask.decide.sight import Sight, Watch
from edge_mask.decide.visitor import GatePolicy

__all__ = ["CctvPolicy", "CctvWatch", "GatePolicy", "GateWatch", "Sight", "Watch"]
