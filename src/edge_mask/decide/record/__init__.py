"""What a visit was decided on, kept with it, and the same decision made again.

looks ──▶ Log ──at the visit──▶ Record ──pack──▶ bytes in the visit's row ──unpack──▶ Record ──decide_again──▶ Judgement
"""

from edge_mask.decide.record.again import Again, Step, decide_again, differences
from edge_mask.decide.record.log import Log
from edge_mask.decide.record.packed import MOST_BYTES, VERSION, MadeBy, Record, Unreadable, pack, unpack
from edge_mask.decide.record.told import as_data, weighed

__all__ = [
    "MOST_BYTES",
    "VERSION",
    "Again",
    "Log",
    "MadeBy",
    "Record",
    "Step",
    "Unreadable",
    "as_data",
    "decide_again",
    "differences",
    "pack",
    "unpack",
    "weighed",
]
