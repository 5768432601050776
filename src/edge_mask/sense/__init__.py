"""Thermometers and other meters as Sensors; which readings may take part in a decision."""

from edge_mask.sense.factory import sensor_for
from edge_mask.sense.meter import Meter
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.scale import Range, physical_range
from edge_mask.sense.sensor import Identity, Sensor

__all__ = ["Identity", "Meter", "QualityPolicy", "Range", "Sensor", "physical_range", "sensor_for"]
