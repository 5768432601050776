"""How the device connects, and the same configuration for a whole fleet."""

import re
from typing import Final

from edge_mask.errors import ConfigurationError
from edge_mask.identity.arn import ANY_THING
from edge_mask.settings.model import Settings

_ENDPOINT: Final = re.compile(r"\.iot\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")


def client_ids(settings: Settings) -> tuple[str, ...]:
    """The MQTT client ids of the daemon and of `edge-mask check`; none where the nucleus connects."""
    return () if settings.mqtt.transport == "greengrass" else (settings.client_id, settings.check_client_id)


def region_of(settings: Settings) -> str | None:
    """The region that the endpoint's name tells; None for any other broker."""
    found = _ENDPOINT.search(settings.mqtt.host)
    return None if found is None else found[1]


def partition_of(region: str) -> str:
    """The part of AWS that a region belongs to."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def for_every_thing(settings: Settings) -> Settings:
    """The same with any thing's name in place of this one's. Raises ConfigurationError."""
    if settings.mqtt.client_id is not None:
        raise ConfigurationError(
            ["mqtt.client_id: is the same on every device; a policy for a fleet needs the thing name as client id"]
        )
    device = settings.device.model_copy(update={"thing_name": ANY_THING})
    return settings.model_copy(update={"device": device})
