"""The announcement: one retained message that describes the device and all its entities.

Home Assistant, "MQTT Discovery", device discovery payload: PREFIX/device/OBJECT_ID/config.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from edge_mask.homeassistant import templates
from edge_mask.homeassistant.entities import entities
from edge_mask.homeassistant.site import Site
from edge_mask.wire.envelope import to_bytes

MOST_IDS: Final = 48
"""With two quantities each they make an announcement of 105 KB; AWS IoT takes 128."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What Home Assistant is told, and where."""

    topic: str
    birth_topic: str
    """Here Home Assistant says `online` when it has started."""
    body: Mapping[str, Any]
    components: Mapping[str, Mapping[str, Any]]
    ids: Mapping[str, str]
    """The sensors known by their lines that are among them: whole name, and that of the voice."""

    @property
    def platforms(self) -> dict[str, str]:
        """Each component's key and platform: what it takes to remove it later."""
        return {key: component["platform"] for key, component in self.components.items()}

    def payload(self, gone: Mapping[str, str]) -> bytes:
        """`gone` are components of earlier announcements: one with nothing but its platform is removed."""
        removed = {key: {"platform": platform} for key, platform in gone.items() if key not in self.components}
        return to_bytes({**self.body, "components": {**removed, **self.components}})


def announcement(site: Site, prefix: str, ids: Mapping[str, str] = MappingProxyType({})) -> Announcement:
    """The announcement of a device below the discovery prefix, with the first of the sensors that have spoken (`ids`:
    whole name and voice), as far as they are configured.

    Nothing is shared at its root: which options components inherit from there differs between versions.
    """
    spoken = {name: voice for name, voice in ids.items() if voice in site.voices}
    ids = dict(islice(spoken.items(), MOST_IDS))
    available = {"topic": site.topic_of("status"), "value_template": templates.field("state")}
    components = {
        key: {"availability": [available], "qos": 1, **entity, "unique_id": f"{site.object_id}-{key}"}
        for key, entity in entities(site.joined_by(ids))
    }
    return Announcement(discovery_topic(prefix, site.object_id), birth_topic(prefix), _body(site), components, ids)


def discovery_topic(prefix: str, object_id: str) -> str:
    """Where a device is announced."""
    return f"{prefix}/device/{object_id}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it has started."""
    return f"{prefix}/status"


def _body(site: Site) -> dict[str, Any]:
    device = {
        "identifiers": [site.object_id],
        "name": site.name,
        "manufacturer": "edge-mask",
        "sw_version": site.software,
        **({"model": site.model} if site.model else {}),
    }
    return {"device": device, "origin": {"name": "edge-mask", "sw_version": site.software}}
