"""parse_time() and time_to_epoch()."""

from edge_mask.rules.functions.dates import epoch_from_text, text_from_epoch
from edge_mask.rules.functions.registry import function
from edge_mask.rules.text import to_text
from edge_mask.rules.values import UNDEFINED, Value, to_int_down


@function("parse_time", 2, 3, since=2)
def parse_time(pattern: Value, timestamp: Value, zone: Value = "UTC") -> Value:
    """Milliseconds since 1970 as a text; the pattern as in Joda-Time."""
    letters, moment, place = to_text(pattern), to_int_down(timestamp), to_text(zone)
    if UNDEFINED in (letters, moment, place):
        return UNDEFINED
    text = text_from_epoch(letters, moment, place)
    return UNDEFINED if text is None else text


@function("time_to_epoch", 2, since=2)
def time_to_epoch(text: Value, pattern: Value) -> Value:
    """A text as milliseconds since 1970; the pattern as in java.time, UTC unless the text names a zone."""
    written, letters = to_text(text), to_text(pattern)
    if UNDEFINED in (written, letters):
        return UNDEFINED
    moment = epoch_from_text(written, letters)
    return UNDEFINED if moment is None else moment
