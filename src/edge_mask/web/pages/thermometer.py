"""A visitor's temperature: its unit, which is that of the thermometer at the gate, and where fever begins."""

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


def fever_of(settings: Settings, sensor: str, quantity: str) -> float | None:
    """Above what a visitor has a fever, where this sensor measures visitors."""
    gate = settings.gate
    if quantity != "temperature" or gate.temperature_sensor is None:
        return None
    is_at_gate = any(each.speaks_as(gate.temperature_sensor) and each.speaks_as(sensor) for each in settings.sensors)
    return gate.fever_above if is_at_gate else None
