"""The section about Home Assistant."""

from pydantic import Field

from edge_mask.settings.base import Section, allowed


class HomeAssistant(Section):
    """Whether Home Assistant finds this device by itself (MQTT discovery)."""

    enabled: bool = Field(
        default=False, description="Announce this device to the Home Assistant that listens to the same broker."
    )
    prefix: str = Field(
        default="homeassistant",
        pattern=r"^[^{}$\s]+$",
        description="Discovery prefix of that Home Assistant.",
        json_schema_extra=allowed("the prefix in Home Assistant's MQTT settings, such as homeassistant"),
    )
