"""What a camera sees, written as tables: one letter per look."""

from collections.abc import Iterable, Sequence

from edge_mask.decide import Sight, Watch
from edge_mask.messages import INCORRECT, MASK, NO_MASK, Alert, Box, Event, Face, Look, Reading, Track, Visit
from edge_mask.units import Moment, Seconds, Unix

LABELS = {"M": MASK, "m": MASK, "N": NO_MASK, "I": INCORRECT}
FAINT = 0.55
"""The score of an `m`: too little for a pass."""
WIDTH, HEIGHT = 640, 480
START = 1_790_000_000.0


def at(seconds: float) -> Moment:
    return Moment(Seconds(seconds), Unix(START + seconds))


def track(
    label: str, number: int = 1, *, size: float = 100.0, x: float = 200.0, y: float = 150.0, score: float = 0.9
) -> Track:
    face = Face(label, score, Box(x, y, size, size))
    return Track(number, face, {label: 1}, at(0), at(0))


def celsius(value: float, seconds: float = 0.0) -> Reading:
    return Reading("forehead", "temperature", value, "C", at(seconds))


def sight(tracks: Iterable[Track], seconds: float, temperature: float | None = None) -> Sight:
    readings = [] if temperature is None else [celsius(temperature, seconds)]
    return Sight(tracks=list(tracks), width=WIDTH, height=HEIGHT, at=at(seconds), readings=readings)


def watched(
    watch: Watch,
    looks: str,
    *,
    every: float = 0.2,
    temperatures: Sequence[float | None] | None = None,
    size: float = 100.0,
) -> list[Event]:
    """All events of one person: `M`, `N`, `I` as seen, `m` a faint mask, `.` not seen, `-` seen too far away; then the
    camera ends."""
    events: list[Event] = []
    for number, letter in enumerate(looks):
        near, score = 20.0 if letter == "-" else size, FAINT if letter == "m" else 0.9
        seen = [] if letter == "." else [track(LABELS.get(letter, NO_MASK), size=near, score=score)]
        temperature = None if temperatures is None else temperatures[min(number, len(temperatures) - 1)]
        events += watch.observe(sight(seen, number * every, temperature))
    return events + watch.finish(at(len(looks) * every))


def visits(events: Iterable[Event]) -> list[Visit]:
    return [event for event in events if isinstance(event, Visit)]


def alerts(events: Iterable[Event]) -> list[Alert]:
    return [event for event in events if isinstance(event, Alert)]


def looks(events: Iterable[Event]) -> list[Look]:
    return [event for event in events if isinstance(event, Look)]


def verdicts(events: Iterable[Event]) -> list[str]:
    """Verdict and reasons of each visit, as one readable word each."""
    return [" ".join((visit.verdict, *visit.reasons)) for visit in visits(events)]
