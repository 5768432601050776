"""From the settings to what tells Home Assistant of this device; nothing of it is imported while that is off."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge_mask import __version__
from edge_mask.app.pipeline import cctv_policy
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import Sensor
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics

_NEVER = 30 * 86400.0

if TYPE_CHECKING:
    from edge_mask.homeassistant.announcer import Announcer
    from edge_mask.homeassistant.site import Meter, Site


def announcer_for(
    settings: Settings,
    topics: Topics,
    model: str | None,
    transport: BrokerTransport,
    clock: Clock,
    report: Callable[[Fault], None],
    refresh: Callable[[], None],
) -> "Announcer | None":
    """None while it is off, unless something that was announced before has to be taken back."""
    place = Path(f"{settings.outbox.path}.homeassistant.json")
    home = settings.homeassistant
    if not home.enabled and not place.exists():
        return None
    from edge_mask.homeassistant.announcer import Announcer
    from edge_mask.homeassistant.discovery import announcement
    from edge_mask.homeassistant.memory import Memory

    site = _site(settings, topics, model)
    announce = partial(announcement, site, home.prefix) if home.enabled else None
    return Announcer(announce, Memory(place), transport, clock, report, refresh=refresh)


def _site(settings: Settings, topics: Topics, model: str | None) -> "Site":
    from edge_mask.homeassistant.site import Site

    device = settings.device
    rooms = [camera for camera in settings.cameras if camera.role == "cctv"]
    return Site(
        thing=device.thing_name,
        name=device.labels.name or device.thing_name,
        software=__version__,
        model=model,
        topic_of=topics.of,
        gates=tuple(camera.name for camera in settings.cameras if camera.role == "gate"),
        rooms=tuple(camera.name for camera in rooms),
        streak=settings.cctv.streak,
        longest_gap=max((cctv_policy(settings.cctv, camera).longest_gap for camera in rooms), default=Seconds(0.0)),
        meters=tuple(
            meter for each in settings.sensors if each.speaks_as(each.name) for meter in _meters(each, settings)
        ),
        voices={each.name: _meters(each, settings) for each in settings.sensors if not each.speaks_as(each.name)},
    )


def _meters(sensor: Sensor, settings: Settings) -> "tuple[Meter, ...]":
    from edge_mask.homeassistant.site import Meter

    pause = _longest(_longest_pause(sensor), settings)
    return tuple(
        Meter(sensor=sensor.name, quantity=name, unit=quantity.unit, interval=pause)
        for name, quantity in sensor.measured.items()
    )


def _longest_pause(sensor: Sensor) -> Seconds:
    """After five of these without a reading, its value is not shown any more."""
    silence = getattr(sensor, "silent_after", 0.0) or _NEVER
    return sensor.pause or Seconds(2.0 if sensor.kind == "replay" else silence / 5)


def _longest(pause: Seconds, settings: Settings) -> Seconds:
    """Where only changes are sent, a value stands until the next."""
    kept = settings.kept_series
    return pause if kept is None or kept.send == "all" else Seconds(_NEVER / 5)
