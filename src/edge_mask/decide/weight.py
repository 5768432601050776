"""How much a look counts: a sharp, near face that is seen from the front counts most.

The ranges are those of faces in pictures of crowds and streets: nine of ten lie where a look counts fully or nearly so.
Nobody can say how a head is turned without its eyes and nose; the form of the box is what there is in their place: a
profile is narrow, and a head that bends down is wide.
"""

from edge_mask.decide.look import Evidence

FLOOR = 0.25
"""The least that a look counts. One good look against four poor ones is then no more than half of the weight."""
SHARPNESS = (0.08, 0.25)
"""A face counts half below the first, fully above the second."""
SIZE = (1.0, 2.0)
"""The same in `gate.min_face`."""
NARROW = (0.5, 0.7)
"""The same for its width by its height: a profile."""
WIDE = (1.4, 1.15)
"""A head that bends down, or half a face at the picture's edge."""


def weigh(evidence: Evidence | None, min_face: float) -> float:
    """In 0..1, two digits; 1 where the pixels were not examined."""
    if evidence is None:
        return 1.0
    size = evidence.size / min_face if min_face else SIZE[1]
    parts = (
        _part(evidence.sharpness, *SHARPNESS),
        _part(size, *SIZE),
        _part(evidence.aspect, *NARROW),
        _part(evidence.aspect, *WIDE),
    )
    weight = 1.0
    for part in parts:
        weight *= part
    return round(max(FLOOR, weight), 2)


def _part(value: float, half: float, full: float) -> float:
    """Half at `half` and beyond, 1 at `full` and beyond, in between in proportion."""
    share = (value - half) / (full - half)
    return 0.5 + 0.5 * min(1.0, max(0.0, share))
