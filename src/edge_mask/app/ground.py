"""What every part of a house stands on: its settings and clock, and the two places where parts meet."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_mask.app.couriers import CourierGroup
from edge_mask.app.sensors import topics_heard
from edge_mask.recording.mail import Inbox
from edge_mask.rules.echoes import Echoes
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock, boot_id
from edge_mask.settings.model import Settings
from edge_mask.units import Moment
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker


@dataclass(frozen=True, slots=True)
class Ground:
    """Made first, once for a house."""

    settings: Settings
    rules: RuleSet
    clock: Clock
    boot: str
    topics: Topics
    echoes: Echoes
    new_id: Callable[[Moment], str]
    inbox: Inbox
    """To the recorder."""
    couriers: CourierGroup
    """From the recorder, and from the connection to the broker."""


def ground_of(settings: Settings, rules: RuleSet, clock: Clock) -> Ground:
    """Nothing is opened yet."""
    return Ground(
        settings=settings,
        rules=rules,
        clock=clock,
        boot=boot_id(),
        topics=Topics(settings.topics.root, settings.device.thing_name, settings.topics.renames),
        echoes=Echoes(topics_heard(settings.sensors)),
        new_id=IdMaker().make,
        inbox=Inbox(),
        couriers=CourierGroup(),
    )
