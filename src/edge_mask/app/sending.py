"""Builds what takes messages away, and who else speaks over the connection to the broker.

rows ──▶ courier ──▶ connection ──▶ broker          rows ──▶ couriers of HTTP ──▶ servers
         announcer, cloud ─┘
"""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from edge_mask.app.connection import connection_for
from edge_mask.app.ground import Ground
from edge_mask.app.home import announcer_for
from edge_mask.app.instruments import Instruments
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.answers import Answers
from edge_mask.deliver.courier import Courier
from edge_mask.deliver.factory import broker_for
from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Settlement
from edge_mask.runtime.worker import Job

Settle = Callable[[list[Settlement]], "Future[None]"]
"""How receipts come back to the recorder."""


def broker_connection(ground: Ground, model: str | None, refresh: Callable[[], None]) -> BrokerTransport | None:
    """None without a broker. `refresh` is called when it comes: whoever listens anew has seen nothing yet."""
    if ground.settings.mqtt.transport == "none":
        return None

    def on_state(connected: bool, reason: str) -> None:
        ground.couriers.state_changed(connected, reason)
        if connected:
            refresh()

    return connection_for(ground.settings, ground.topics, model, ground.clock, on_state)


def broker_courier(
    ground: Ground, connection: BrokerTransport, settle: Settle, on_damage: Callable[[], None]
) -> Courier:
    """Carries rows, and live messages, to the broker."""
    outbox, inbox = ground.settings.outbox, ground.inbox
    broker = broker_for(ground.settings.mqtt, outbox, ground.boot)
    rows = Outbox(outbox.path, broker.name, on_damage)
    return Courier(broker, connection, rows, settle, inbox.emit_at_once, ground.clock)


def http_couriers(ground: Ground, settle: Settle, on_damage: Callable[[], None]) -> HttpCouriers:
    """Carry what rules send over HTTP; also what still waits from before."""
    path, report = ground.settings.outbox.path, ground.inbox.emit_at_once
    return HttpCouriers(
        path, settle, report, ground.clock, boot=ground.boot, on_damage=on_damage, answers=Answers(path, ground.clock)
    )


def home_announcer(
    ground: Ground,
    connection: BrokerTransport,
    model: str | None,
    refresh: Callable[[], None],
    instruments: Instruments,
) -> list[Job]:
    """Tells Home Assistant of this device, where that is wanted."""
    announcer = announcer_for(
        ground.settings, ground.topics, model, connection, ground.clock, ground.inbox.emit, refresh
    )
    if announcer is None:
        return []
    ground.couriers.listeners.append(announcer.state_changed)
    instruments.tell_of_newcomers(announcer.met)
    return [announcer]


def cloud_listener(ground: Ground, connection: BrokerTransport, wishes: Wishes | None) -> list[Job]:
    """Shadows and jobs of AWS IoT, where they are wanted."""
    settings = ground.settings
    if wishes is None or not (settings.uses_shadow or settings.uses_jobs):
        return []
    from edge_mask.app.cloud import cloud_for  # what is not wanted is not imported

    cloud = cloud_for(settings, connection, wishes, ground.inbox, ground.clock)
    ground.couriers.listeners.append(cloud.state_changed)
    ground.couriers.watchers.append(cloud.recorded)
    return [cloud]


def announcement_taken_back(ground: Ground, connection: BrokerTransport) -> list[Job]:
    """Of a device that was one among others, and is not any more."""
    if not place_of_used(ground.settings.outbox.path).exists():
        return []
    from edge_mask.app.fleet import taken_back  # what is not wanted is not imported

    return taken_back(ground, connection, None)


def place_of_used(database: Path) -> Path:
    """Where the topics are remembered on which `about` was published."""
    return Path(f"{database}.about.json")
