"""The doctor: opens every part of a configuration once and says in one line each how it is."""

from edge_mask.doctor.examination import as_dict, examine
from edge_mask.doctor.finding import Finding

__all__ = ["Finding", "as_dict", "examine"]
