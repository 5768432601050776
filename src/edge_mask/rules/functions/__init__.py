"""Every function of the language, one module for each kind."""

from edge_mask.rules.functions import cloud, collections, encoding, facts, hashing, maths, texts, times
from edge_mask.rules.functions.registry import FUNCTIONS, Function

__all__ = ["FUNCTIONS", "Function", "cloud", "collections", "encoding", "facts", "hashing", "maths", "texts", "times"]
