"""The file name of a kept picture: it sorts by time, says why, and marks the file as ours.

temp-20261120T095812.123Z-front-no-mask-in-6-looks.jpg      `temp-` until the verdict is certain
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_mask.units import Unix
from edge_mask.wire.envelope import timestamp

TEMP = "temp-"
_NAME = re.compile(
    r"(?P<temp>temp-)?(?P<at>\d{8}T\d{6}\.\d{3})Z-(?P<camera>[A-Za-z0-9][A-Za-z0-9_.-]{0,63}?)"
    r"(?P<reason>(?:-[a-z0-9-]{1,48})?)\.jpg"
)
_LONGEST_REASON = 40


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a file's name says."""

    name: str
    taken: Unix
    is_temp: bool


def name_of(at: Unix, camera: str, reason: str, *, certain: bool) -> str:
    """The file name; dashes replace letters that some file systems do not allow."""
    moment = re.sub(r"[-:]", "", timestamp(at))
    words = re.sub(r"[^a-z0-9]+", "-", reason.lower())[:_LONGEST_REASON].strip("-")
    camera = re.sub(r"[^A-Za-z0-9_.-]+", "_", camera)[:64].lstrip("_.-") or "camera"
    return f"{'' if certain else TEMP}{moment}-{camera}{'-' + words if words else ''}.jpg"


def parse(name: str) -> Snapshot | None:
    """None for a file that is not one of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    at = match["at"]
    try:  # not strptime, which takes as long as everything else together: there may be very many files
        taken = datetime(
            int(at[:4]), int(at[4:6]), int(at[6:8]), int(at[9:11]), int(at[11:13]), int(at[13:15]), int(at[16:]) * 1000,
            UTC,
        )  # fmt: skip
    except ValueError:  # the 31st of February
        return None
    return Snapshot(name, Unix(taken.timestamp()), match["temp"] is not None)
