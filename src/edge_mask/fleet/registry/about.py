"""Who this device is to others: the fields of `about`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_mask import __version__
from edge_mask.fleet.closer import Reason
from edge_mask.fleet.registry.stream import public
from edge_mask.settings.fleet import NO_STREAM, Fleet
from edge_mask.settings.model import Settings
from edge_mask.wire import timestamp


@dataclass(frozen=True, slots=True)
class ModelNamed:
    """The model that the device looks with."""

    name: str
    version: str
    digest: str | None = None
    """`sha256:…` of its package, as far as it is known."""

    def fields(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "digest": self.digest}


def about(settings: Settings, fleet: Fleet) -> dict[str, Any]:
    """The fields that the configuration gives."""
    labels = settings.device.labels
    return {
        "name": labels.name or settings.device.thing_name,
        "type": fleet.type or (settings.cameras[0].role if settings.cameras else None),
        "latitude": labels.latitude,
        "longitude": labels.longitude,
        "address": labels.address,
        "ip": fleet.ip or None,
        "supports_analysis": fleet.looks_for_others,
        "stream_url": _stream(settings, fleet),
        "description": labels.description,
        "software": f"edge-mask {__version__}",
        "neighbours": list(fleet.neighbours),
        "group": fleet.group,
    }


def about_now(
    configured: Mapping[str, Any], model: ModelNamed | None, ip: str | None, watching: Reason | None
) -> dict[str, Any]:
    """The fields beside the envelope. `ip` is the address that was found, for where none is configured; `watching`,
    why the device looks more closely now."""
    found = {
        **configured,
        "ip": configured["ip"] or ip,
        "supports_analysis": configured["supports_analysis"] and model is not None,
        "model": None if model is None else model.fields(),
    }
    return found if watching is None else {**found, "watching": _watching(watching)}


def _watching(reason: Reason) -> dict[str, str]:
    return {"until": timestamp(reason.until_wall), "because_of": reason.because_of}


def _stream(settings: Settings, fleet: Fleet) -> str | None:
    if fleet.stream_url:
        return None if fleet.stream_url == NO_STREAM else public(fleet.stream_url)
    sources = (camera.source for camera in settings.cameras)
    return next((public(each) for each in sources if each.lower().startswith(("rtsp://", "rtsps://"))), None)
