"""Checks of `fleet.neighbours` and `fleet.watch`: who can be heard, and what a closer look changes."""

from collections.abc import Iterator
from math import floor
from typing import Final

from edge_mask.settings.fleet import Fleet
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.settings.vote_checks import FEWEST_VOTES
from edge_mask.yaml_file import Path as Key

_NEIGHBOURS: Final[Key] = ("fleet", "neighbours")
_WATCH: Final[Key] = ("fleet", "watch")
_ROUNDING: Final = 1e-9


def fleet_complaints(settings: Settings) -> Iterator[Complaint]:
    """Neighbours that could never be heard."""
    fleet, thing = settings.fleet, settings.device.thing_name
    if fleet is None or not fleet.neighbours:
        return
    for index, name in enumerate(fleet.neighbours):
        if name == thing:
            yield (*_NEIGHBOURS, index), f'"{name}" is this device itself; allowed: the thing names of others'
        elif name in fleet.neighbours[:index]:
            yield (*_NEIGHBOURS, index), f'"{name}" stands there twice; remove one of them'
    if settings.mqtt.transport == "none":
        text = "mqtt.transport is none, so no neighbour would be heard"
        yield _NEIGHBOURS, f"{text}; allowed: another transport, or no neighbours"
    topics = settings.topics
    key = "root" if topics.alerts is None else "alerts"
    if "{thing}" not in (topics.alerts or topics.root):
        text = "has no {thing} in it, so that alerts of neighbours would come on this device's own topic"
        yield ("topics", key), f"{text}; allowed: a topic with {{thing}}, or no fleet.neighbours"


def fleet_remarks(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """Key, text, and whether it is a fault: a closer look that is never begun, or changes less than it says."""
    fleet = settings.fleet
    if fleet is None:
        return
    if not fleet.neighbours and "watch" in fleet.model_fields_set:
        yield _WATCH, "does nothing without fleet.neighbours; name them, or remove this", True
    if not fleet.neighbours:
        return
    if not settings.cameras:
        yield _NEIGHBOURS, "does nothing here: there is no camera to look with", False
    yield from _votes(settings, fleet)


def _votes(settings: Settings, fleet: Fleet) -> Iterator[tuple[Key, str, bool]]:
    """Votes count where a camera can have so many within the window; elsewhere the smaller lead decides."""
    votes, window, key = fleet.watch.votes, settings.gate.window, (*_WATCH, "votes")
    gates = [camera for camera in settings.cameras if camera.role == "gate"]
    if votes is None:
        return
    if not gates:
        yield key, "does nothing here: there is no camera at a gate", False
    elif votes <= settings.gate.votes:
        yield key, f"found {votes}; gate.votes is {settings.gate.votes} already, so that it changes nothing", False
    else:
        pauses = [min(fleet.watch.interval, camera.interval) for camera in gates]
        if not all(pauses):
            return
        most = max(FEWEST_VOTES, *(floor(window / pause + _ROUNDING) + 1 for pause in pauses))
        if votes > most:
            text = f"found {votes}; gate.window, {window:g}s, holds {most} looks meanwhile"
            yield key, f"{text}; allowed: at most {most}, or a longer window", True
