"""Outliers whose end nobody will see: their sensor, its unit, or what was looked for is not configured any more."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from edge_mask.app.series.telling import name_of
from edge_mask.app.series.words import no_longer_watched
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import SeriesReader
from edge_mask.ledger.series_rows import SeriesRows, StateRow
from edge_mask.messages import Alert, Deviation
from edge_mask.series.nouns import SeriesKey, Site
from edge_mask.units import Moment, Unix

State = dict[str, Any]


def state_of(text: str | None) -> State | None:
    """None where nothing of the kind is kept; damaged rows are set aside by others."""
    try:
        found = None if text is None else json.loads(text)
        is_state = isinstance(found, Mapping) and isinstance(found["watch"]["minute"], int)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return found if is_state else None


def split(state: State, site: Site | None) -> tuple[State, list[Mapping[str, Any]]]:
    """The state without what is not looked for any more, and that."""
    kinds = frozenset() if site is None else site.kinds
    left = [each for each in state["watch"]["open"] if each["kind"] not in kinds]
    kept = [each for each in state["watch"]["open"] if each["kind"] in kinds]
    watch = {**state["watch"], "open": kept}
    if site is None:  # when it comes back, it is not silent since then
        watch["detectors"] = {}
    return {**state, "watch": watch}, left


def end_of_the_left(stored: SeriesReader, of: Callable[[SeriesKey], Site | None], now: Moment) -> SeriesRows | None:
    """Their ends, and states that know them no more; None where there is nothing. Raises DatabaseError."""
    rows, events = [], []
    for name, text in stored.states().items():
        site = of(SeriesKey(name.sensor, name.quantity))
        if site is not None and name_of(site) != name:
            site = None  # of another unit
        try:
            found = state_of(text)
            state, left = ({}, []) if found is None else split(found, site)
            ends = [_end(name, each, now) for each in left]
        except (LookupError, TypeError, ValueError, AttributeError):  # of another version of the program
            continue
        if ends:
            rows.append(StateRow(name, state))
            events += ends
    return SeriesRows(tuple(rows), tuple(events)) if rows else None


def _end(name: SeriesName, data: Mapping[str, Any], now: Moment) -> Alert:
    began = Unix(float(data["began"]))
    deviation = Deviation(
        quantity=name.quantity, outlier=data["kind"], reason=data["reason"], began=began, state="ended"
    )
    text = no_longer_watched(name.sensor, name.quantity, data["reason"], now.wall - began)
    return Alert(at=now, kind="outlier", text=text, sensor=name.sensor, unit=name.unit or None, deviation=deviation)
