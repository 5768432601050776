"""The doctor: opens every part of a configuration once and reports each in one line."""

from edge_mask.doctor.examination import as_dict, examine
from edge_mask.doctor.finding import Finding

__all__ = ["Finding", "as_dict", "examine"]
