"""From the settings to the frames that this device takes from others, and those that it gives them.

broker ──▶ Serve ──▶ SharedDetector ◀── lanes ◀── Tray ──▶ Offer ──▶ broker        imported only where the section
                                          Vision ◀──────────┘                     `fleet` is
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from edge_mask.app.ground import Ground
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.shared_detector import SharedDetector
from edge_mask.fleet.frames.behind import Behind, Work
from edge_mask.fleet.frames.offer import Offer
from edge_mask.fleet.frames.peers import Peers
from edge_mask.fleet.frames.serve import SECOND_LOOKS, NoModel, Serve
from edge_mask.messages import Frame, Message
from edge_mask.runtime.handoff import Tray
from edge_mask.runtime.worker import Job
from edge_mask.settings.fleet import Fleet
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision


class Sharing:
    """The parts of one house that look for others, and let others look."""

    def __init__(self, ground: Ground, fleet: Fleet, connection: BrokerTransport) -> None:
        self._ground = ground
        self._fleet = fleet
        self._connection = connection
        self.serve: Serve | None = None
        self.offer: Offer | None = None
        self._keeps_up: Callable[[Seconds], object] = lambda _now: None

    def look_for_others(self, shared: SharedDetector | None, *, owns_model: bool) -> Job:
        """The worker that looks at frames of others with this model; without one it says that it is busy."""
        self.serve = Serve(
            self._ground.topics,
            self._connection,
            NoModel() if shared is None else shared,
            self._ground.clock,
            accept=0 if shared is None else self._fleet.peers.accept,
            second_looks=SECOND_LOOKS if shared is not None and self._fleet.looks_for_others else 0,
            owns_model=owns_model,
        )
        return self.serve

    def give_away(self, frames: Tray[Frame], vision: Vision, cameras: Mapping[str, Camera], lanes: int) -> Job:
        """The worker that gives frames to others. Without lanes all of them are given away."""
        ground, settings = self._ground, self._ground.settings
        kept = {c.name for c in settings.cameras if c.interval and is_live(c.source)}
        rooms = {c.name for c in settings.cameras if c.role == "cctv"} & kept
        behind = Behind(max(1, lanes))

        def wanted() -> Callable[[str], bool] | None:
            if not lanes or vision.has_trouble:
                return cameras.__contains__
            return rooms.__contains__ if rooms and behind.is_behind else None

        peers = Peers(ground.topics.thing, self._fleet.peers.group or self._fleet.group)
        self.offer = offer = Offer(
            ground.topics, self._connection, peers, frames, vision, ground.clock, wanted=wanted, is_alone=not lanes
        )
        ground.couriers.listeners.append(offer.connected)

        def keeps_up(now: Seconds) -> None:
            replaced = dict(frames.replaced_by_camera)
            behind.observe(
                now,
                Work(
                    handed_on=sum(cameras[name].handed_on for name in kept),
                    replaced=sum(replaced.get(name, 0) for name in kept),
                    given=offer.counted.offered,
                    waited=frames.waited,
                ),
            )

        self._keeps_up = keeps_up
        return offer

    def first(self, message: Message) -> bool:
        """Whether it is a frame of another device, which is dealt with here."""
        return self.serve is not None and self.serve.arrived(message)

    def check(self, now: Seconds) -> None:
        """Judge whether the device keeps up; called every second or two."""
        self._keeps_up(now)

    def counts(self) -> dict[str, int]:
        """Frames given and taken, by what became of them."""
        given = {} if self.offer is None else asdict(self.offer.counted)
        served = None if self.serve is None else self.serve.served
        return given if served is None else {**given, "taken": served.answered, "refused": served.refused}

    def figures(self) -> dict[str, Any]:
        """For `health`."""
        return {"peers": self.counts()}
