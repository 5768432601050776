"""Whether the looks of a gate camera are enough for what is asked of them (track.votes, decide.visitor).

A look that comes later than `window` after the one before begins anew. The first verdict may use the looks of two
windows, a later one of the same person those of the last.
"""

from collections.abc import Iterator
from math import ceil, floor

from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.yaml_file import Path as Key

FEWEST_VOTES = 3
"""The lead that decides after a window (track.votes); fewer only where `gate.votes` asks for fewer."""
STILL_TAKES = 5
"""Looks that it takes to call a face still (decide.stillness)."""
_ROUNDING = 1e-9


def vote_complaints(settings: Settings) -> Iterator[Complaint]:
    """Cameras that could never come to a verdict: no two of their looks stand together."""
    window = settings.gate.window
    for index, camera in _gates(settings):
        if settings.gate.votes == 1 or camera.interval <= window:
            continue
        if "interval" in camera.model_fields_set:
            text = f"{camera.interval:g}s is too long: looks count together within gate.window, {window:g}s"
            yield ("cameras", index, "interval"), f"{text}, and one alone decides nothing; allowed: at most {window:g}s"
        else:  # the sentence is about a key that was written
            text = f'found {window:g}s; no two looks of "{camera.name}", which are {camera.interval:g}s apart, count'
            yield ("gate", "window"), f"{text} together; allowed: at least {camera.interval:g}s"


def vote_remarks(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """Key, text, and whether it is a fault: votes that never come together, looks that leave something out."""
    yield from _too_many(settings)
    yield from _too_seldom(settings)
    yield from _too_seldom_for_posters(settings)


def _too_many(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """`votes` counts where one camera can have so many within the window; elsewhere the smaller lead decides."""
    gate = settings.gate
    held = {camera.name: _held(gate.window, camera) for _, camera in _gates(settings) if camera.interval}
    is_quick = any(not camera.interval for _, camera in _gates(settings))
    if "votes" not in gate.model_fields_set or is_quick or not held:
        return
    name = max(held, key=held.__getitem__)
    most = max(FEWEST_VOTES, held[name])
    if gate.votes > most:
        text = f'found {gate.votes}; gate.window, {gate.window:g}s, holds {held[name]} looks of "{name}", so that it is'
        more = f"a lead of {FEWEST_VOTES} at its end that decides; allowed: at most {most}, or a longer window"
        yield ("gate", "votes"), f"{text} {more}", True


def _too_seldom(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """Two windows bring a first verdict; who changes after it is judged by the last window alone."""
    gate = settings.gate
    needed = min(gate.votes, FEWEST_VOTES)
    for index, camera in _gates(settings):
        held = _held(gate.window, camera) if camera.interval else needed
        if camera.interval > gate.window or held >= needed:
            continue
        text = f'gate.window, {gate.window:g}s, holds {held} looks of "{camera.name}", and a verdict takes {needed}'
        more = "who takes the mask off after a first one is not judged again"
        better = f"better an interval of at most {gate.window / (needed - 1):g}s"
        yield _written(index, camera), f"{text}: {more}; {better}", False


def _too_seldom_for_posters(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """The verdict falls with the first look after a window; a still face must be known by then."""
    gate = settings.gate
    for index, camera in _gates(settings):
        if gate.still == "ignore" or not 0 < camera.interval <= gate.window:
            continue
        looks = ceil(gate.window / camera.interval - _ROUNDING) + 1
        if looks < STILL_TAKES:
            text = (
                f'a verdict comes after {looks} looks of "{camera.name}" at most, and a still picture of a face is told'
            )
            better = (
                f"gate.still does nothing there; better an interval of at most {gate.window / (STILL_TAKES - 1):g}s"
            )
            yield _written(index, camera), f"{text} after {STILL_TAKES}: {better}", False


def _written(index: int, camera: Camera) -> Key:
    """The key that makes the looks few; defaults fit each other."""
    return ("cameras", index, "interval") if "interval" in camera.model_fields_set else ("gate", "window")


def _gates(settings: Settings) -> Iterator[tuple[int, Camera]]:
    return ((index, camera) for index, camera in enumerate(settings.cameras) if camera.role == "gate")


def _held(window: float, camera: Camera) -> int:
    """Looks that one window holds, both ends counted."""
    return floor(window / camera.interval + _ROUNDING) + 1
