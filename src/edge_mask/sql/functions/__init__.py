"""Every function of the language, one module for each kind."""

from edge_mask.sql.functions import collections, dates, encoding, facts, hashing, maths, texts
from edge_mask.sql.functions.registry import FUNCTIONS, Function

__all__ = ["FUNCTIONS", "Function", "collections", "dates", "encoding", "facts", "hashing", "maths", "texts"]
