"""From the settings to this device among others; imported only where the section `fleet` is.

model, Serve ──▶ room ──▶ Announcer ──▶ about, room
alerts of neighbours ──▶ Neighbours ──▶ CloserLook ◀── cameras, lanes, decisions
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge_mask.app.ground import Ground
from edge_mask.app.sending import place_of_used
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.card import GraphCard
from edge_mask.errors import EdgeMaskError
from edge_mask.fleet.closer import CloserLook
from edge_mask.fleet.frames.serve import Serve
from edge_mask.fleet.neighbours import Neighbours
from edge_mask.fleet.registry.about import ModelNamed, about, about_now
from edge_mask.fleet.registry.address import towards
from edge_mask.fleet.registry.announcer import Announcer, Voice
from edge_mask.fleet.registry.room import PEER, SECOND_LOOK, Room
from edge_mask.fleet.registry.withdrawal import Used, Withdrawal
from edge_mask.kinds import ABOUT, ALERTS
from edge_mask.packages.location import find_package
from edge_mask.packages.package import open_package
from edge_mask.packages.remote.build import manifest_of
from edge_mask.runtime.worker import Job
from edge_mask.settings.fleet import Fleet
from edge_mask.vision.shared import Seen
from edge_mask.wire.topics import Topics

log = logging.getLogger(__name__)

_NEWEST = 0.2
"""Weight of the newest look in the smoothed time of a frame."""


class AmongOthers:
    """The parts of one house that have to do with other devices."""

    def __init__(self, ground: Ground, fleet: Fleet) -> None:
        self._ground = ground
        self._fleet = fleet
        self._told = about(ground.settings, fleet)
        self._neighbours = fleet.neighbours if ground.settings.mqtt.transport != "none" else ()
        self.closer = CloserLook(fleet.watch, ground.clock) if self._neighbours else None
        """Whoever looks asks it; None without neighbours."""
        self.model: ModelNamed | None = None
        """What it looks with; set before `jobs`."""
        self._is_digested = False
        self.room: Callable[[], Room] = lambda: Room(0, None, None, ())
        """Asked every two seconds."""

    def looks_with(self, card: GraphCard | None, seen: Seen, serve: Serve | None) -> None:
        """The model of this house, what it has seen so far, and who looks at frames of others."""
        self.model = None if card is None else ModelNamed(card.name, card.version)
        self.room = OwnRoom(self._fleet, seen, serve, lambda: self.model)

    def jobs(self, connection: BrokerTransport, hurry: Callable[[], None]) -> list[Job]:
        """Who speaks and listens over the connection to the broker. `hurry` has every camera look at once."""
        announcer = self._announcer(connection)
        withdrawn = taken_back(self._ground, connection, self._ground.topics.of(ABOUT.name))
        if self.closer is None:
            return [announcer, *withdrawn]
        root, renames = self._ground.settings.topics.root, self._ground.settings.topics.renames
        neighbours = Neighbours(
            {thing: Topics(root, thing, renames).of(ALERTS.name) for thing in self._neighbours},
            self.closer,
            self._fleet.watch.lasts,
            self._ground.clock,
            on_begin=hurry,
            on_change=announcer.changed,
        )
        neighbours.subscribe_with(connection)
        return [announcer, neighbours, *withdrawn]

    def _announcer(self, connection: BrokerTransport) -> Announcer:
        ground = self._ground
        mqtt = ground.settings.mqtt
        has_expiry = mqtt.transport == "aws-iot" or (mqtt.transport == "mqtt" and mqtt.protocol == "5")
        voice = Voice(ground.topics, keeps_room=has_expiry)
        announcer = Announcer(voice, self._about, self.room, connection, ground.clock, ground.inbox.emit)
        ground.couriers.listeners.append(announcer.state_changed)
        return announcer

    def _about(self) -> dict[str, object]:
        mqtt = self._ground.settings.mqtt
        is_near = mqtt.transport == "greengrass"  # the nucleus connects, and does not say from where
        ip = None if is_near or self._told["ip"] else towards(mqtt.host, mqtt.port)
        reason = None if self.closer is None else self.closer.reason
        if self.model is not None and self.model.digest is None and not self._is_digested:
            self.model = replace(self.model, digest=digest_of(self._ground.settings.detector.model))
            self._is_digested = True
        return about_now(self._told, self.model, ip, reason)


def taken_back(ground: Ground, connection: BrokerTransport, kept: str | None) -> list[Job]:
    """Who empties the topics on which `about` was published before; `kept` is the one that is in use now."""
    withdrawal = Withdrawal(Used(place_of_used(ground.settings.outbox.path)), kept, connection, ground.clock)
    if not withdrawal.is_needed:
        return []
    ground.couriers.listeners.append(withdrawal.state_changed)
    return [withdrawal]


class OwnRoom:
    """What whoever serves frames has free, and how long one takes."""

    def __init__(self, fleet: Fleet, seen: Seen, serve: Serve | None, model: Callable[[], ModelNamed | None]) -> None:
        self._seen = seen
        self._serve = serve
        self._model = model
        self._purposes = (PEER,) * (fleet.peers.accept > 0) + (SECOND_LOOK,) * fleet.looks_for_others
        self._ms: float | None = None

    def __call__(self) -> Room:
        model = self._model()
        ms = self._smoothed() if self._serve is None or not self._serve.ms else self._serve.ms
        if model is None or self._serve is None:
            return Room(0, ms, _named(model), ())
        return Room(self._serve.free, ms, _named(model), self._purposes)

    def _smoothed(self) -> float | None:
        """Of the own cameras' looks, before the first frame of another device."""
        if newest := self._seen.inference_ms:
            self._ms = newest if self._ms is None else self._ms + _NEWEST * (newest - self._ms)
        return self._ms


def digest_of(model: Path) -> str | None:
    """Of the package, as a registry has it; None for one that cannot be read any more."""
    try:
        return manifest_of(open_package(find_package(model)).folder).digest
    except (EdgeMaskError, OSError) as error:
        log.debug("fleet: no digest of %s: %s", model, error)
        return None


def _named(model: ModelNamed | None) -> str | None:
    return None if model is None else f"{model.name} {model.version}"
