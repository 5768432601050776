"""Checks of `fleet.second_look`: who is asked, whether that is allowed, and whether nobody can listen."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from edge_mask.settings.encrypted import address_objection, broker_objection
from edge_mask.settings.fleet import THING, SecondLook
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, pem_problem, secret_problem, unreadable
from edge_mask.yaml_file import Path as Key

_KEY: Final[Key] = ("fleet", "second_look")
_TO: Final[Key] = (*_KEY, "to")


def second_look_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of second looks; reads the named files."""
    fleet = settings.fleet
    if fleet is None or (wanted := fleet.second_look) is None:
        return
    if not settings.privacy.second_look:
        yield _KEY, "pictures of faces would leave this device; allowed: with privacy.second_look: true"
    yield from _address(wanted) if wanted.is_address else _thing(wanted, settings)
    if wanted.token_file is not None:
        yield from unreadable((*_KEY, "token_file"), wanted.token_file, secret_problem)
    if wanted.ca is not None:
        yield from unreadable((*_KEY, "ca"), wanted.ca, partial(pem_problem, "CERTIFICATE"))


def second_look_remarks(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """Key, text, and whether it is a fault: what is written, and waits for something else."""
    wanted = None if settings.fleet is None else settings.fleet.second_look
    if wanted is not None:
        if not any(camera.role == "gate" for camera in settings.cameras):
            yield _KEY, "does nothing here: no camera has role: gate", False
        return
    if settings.privacy.second_look:
        yield ("privacy", "second_look"), "does nothing here: there is no fleet.second_look", False
    if "amendments" in settings.topics.model_fields_set:
        yield ("topics", "amendments"), "does nothing here: there is no fleet.second_look", False


def _address(wanted: SecondLook) -> Iterator[Complaint]:
    if objection := address_objection(wanted.to):
        yield _TO, objection
    elif "@" in wanted.to.partition("://")[2].partition("/")[0]:
        yield _TO, "a password does not belong in this file; write the token into a file, and give token_file"


def _thing(wanted: SecondLook, settings: Settings) -> Iterator[Complaint]:
    for name in ("token_file", "ca"):
        if getattr(wanted, name) is not None:
            yield (*_KEY, name), "belongs to an http(s) address, and `to` is a thing name; remove it"
    if re.fullmatch(THING, wanted.to) is None:
        yield _TO, f'"{wanted.to}" is neither; allowed: a thing name such as analyser-01, or https://HOST/mask/'
    elif wanted.to == settings.device.thing_name:
        yield _TO, "is this device itself; allowed: the thing name of another one"
    elif "{thing}" not in settings.topics.root:
        yield _TO, "is reached below its own root, and topics.root has no {thing}; allowed: with {thing} in it"
    elif "{thing}" not in (settings.topics.commands or "{thing}"):
        yield _TO, "is asked on its own topic, and topics.commands has no {thing}; allowed: with {thing} in it"
    elif settings.mqtt.protocol != "5" and settings.mqtt.transport == "mqtt":
        yield _TO, "is asked with MQTT 5, and mqtt.protocol is 3.1.1; allowed: 5, or an https:// address"
    elif objection := broker_objection(settings.mqtt):
        yield _TO, objection
