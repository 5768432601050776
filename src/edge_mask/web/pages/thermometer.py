"""The unit of a visitor's temperature: that of the thermometer at the gate."""

from edge_mask.settings.model import Settings


def unit_of(settings: Settings, camera: str) -> str:
    """`C` where no thermometer is configured any more."""
    gate = settings.gate
    if gate.temperature_sensor is None or gate.temperature_camera not in (None, camera):
        return "C"
    for sensor in settings.sensors:
        if sensor.speaks_as(gate.temperature_sensor) and (found := sensor.measured.get("temperature")):
            return found.unit
    return "C"
