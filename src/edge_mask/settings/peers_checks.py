"""Checks of `fleet.peers`: whether frames may leave, and whether anybody could be asked."""

import re
from collections.abc import Iterator
from typing import Final

from edge_mask.settings.encrypted import broker_objection
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.yaml_file import Path as Key

_OFFER: Final[Key] = ("fleet", "peers", "offer")
_ACCEPT: Final[Key] = ("fleet", "peers", "accept")


def peers_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of frames given to others, and taken from them."""
    fleet = settings.fleet
    if fleet is None:
        return
    mqtt = settings.mqtt
    if fleet.peers.offer and (objection := broker_objection(mqtt)):
        yield _OFFER, objection
    for key, is_on in ((_OFFER, fleet.peers.offer), (_ACCEPT, fleet.peers.accept > 0)):
        if not is_on:
            continue
        if re.search(r"(^|/)\{thing\}(/|$)", settings.topics.root) is None:
            yield key, "devices find each other below their own roots; allowed: with /{thing}/ in topics.root"
        elif mqtt.transport == "mqtt" and mqtt.protocol != "5":
            yield key, "frames go with MQTT 5, and mqtt.protocol is 3.1.1; allowed: with 5"
