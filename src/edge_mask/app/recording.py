"""Builds what records: the database, the intake before it, and the recorder that owns both."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_mask.app.ground import Ground
from edge_mask.deliver.destination import BROKER
from edge_mask.kinds import Kind
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Message
from edge_mask.recording.by_exception import Sending
from edge_mask.recording.intake import Intake
from edge_mask.recording.recorder import Recorder
from edge_mask.rules.effects import EdgeAction
from edge_mask.settings.model import Settings
from edge_mask.wire.tflite_component import TfliteResults

if TYPE_CHECKING:  # what is not wanted is not imported
    from edge_mask.notify.desk import NoticeDesk


def open_ledger(ground: Ground) -> Ledger:
    """Whoever called closes it. Raises DatabaseError."""
    outbox, history = ground.settings.outbox, ground.settings.history
    bounds = Bounds(outbox.max_bytes, outbox.max_age, history.keep, history.max_bytes, _series_bounds(ground.settings))
    ledger = Ledger(outbox.path, bounds, ground.boot)
    ledger.open()
    return ledger


def intake_for(
    ground: Ground, ledger: Ledger, notices: "NoticeDesk | None", on_admit: Callable[[Event], None]
) -> Intake:
    """What makes rows and messages of events. `ledger` is open."""
    settings = ground.settings
    return Intake(
        thing=settings.device.thing_name,
        topics=ground.topics,
        sequences=ledger.sequences,
        shadows=ledger.shadows,
        boot=ground.boot,
        new_id=ground.new_id,
        destination=None if settings.mqtt.transport == "none" else BROKER,
        rules=ground.rules,
        forward=settings.forward,
        secrets=settings.secrets(),
        tflite_results=_tflite_results(ground),
        echoes=ground.echoes,
        notices=notices,
        on_admit=on_admit,
        sending=None if (series := settings.kept_series) is None else Sending(series.send, series.dead_band),
    )


def recorder_for(
    ground: Ground,
    ledger: Ledger,
    intake: Intake,
    on_action: Callable[[EdgeAction], object],
    on_event: Callable[[Kind, Message], object],
    on_erase: Callable[[], None],
) -> Recorder:
    """The worker; what is written or never will be goes to the couriers."""
    couriers = ground.couriers

    def erased() -> None:
        couriers.read_again()
        on_erase()

    return Recorder(
        ledger,
        intake,
        ground.inbox.mailbox,
        ground.clock,
        commit_interval=ground.settings.outbox.commit_interval,
        on_live=couriers.offer_live,
        on_commit=couriers.poke,
        on_erase=erased,
        on_action=on_action,
        on_event=on_event,
    )


def _series_bounds(settings: Settings) -> SeriesBounds:
    """Where no series are kept any more, no readings are thinned."""
    kept = settings.kept_series
    if kept is None:
        return SeriesBounds(sensors=frozenset())
    return SeriesBounds(kept.raw, kept.keep, frozenset(sensor.name for sensor in settings.sensors))


def _tflite_results(ground: Ground) -> TfliteResults | None:
    if ground.settings.topics.tflite_results is None:
        return None
    return TfliteResults(ground.topics.of("tflite_results"), ground.settings.detections)
