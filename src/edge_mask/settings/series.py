"""What is kept of the readings of a sensor over months, and what is looked for in them."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from edge_mask.quantities import duration
from edge_mask.settings.base import FilePath, Section, allowed
from edge_mask.settings.hours import HoursOfDay
from edge_mask.units import Seconds

_DAY: Final = 86400.0
_YEARS: Final = 3650 * _DAY

_BAND: Final = "a number from 0 on, or one for each quantity such as {flow: 0.5, pressure: 0.05}"


def _is_a_band(value: Any) -> Any:
    if value is None:
        return None
    if value == {}:
        raise ValueError(f"found {{}}; allowed: {_BAND}")
    bands = value.values() if isinstance(value, Mapping) else (value,)
    for band in bands:
        if isinstance(band, bool) or not isinstance(band, int | float) or not 0 <= band < math.inf:
            raise ValueError(f"found {band!r}; allowed: {_BAND}")
    return value


class Outliers(Section):
    """Which outliers are looked for in the readings of one sensor."""

    system: bool = Field(
        default=True, description="The sensor itself: it is silent, stuck, or says what no such sensor can measure."
    )
    value: bool = Field(default=True, description="A value outside of the criteria, or too large a step to the next.")
    forecast: bool = Field(
        default=True, description="Ten minutes, or days, that are not as forecast; from three weeks of readings on."
    )
    quiet: bool | None = Field(
        default=None,
        description="A flow that does not go down in `series.quiet_hours` as far as before: a leak. Without a value"
        " it is looked for where a flow is measured.",
    )
    criteria: FilePath | None = Field(
        default=None,
        description="YAML file with `min`, `max` and `max_step` (from one minute to the next) for each quantity; used"
        " until they are learned from three weeks of readings.",
    )


class Series(Section):
    """The store of readings over months; every key has a default."""

    raw: Annotated[Seconds, duration(at_least=3600, at_most=_YEARS)] = Field(
        default=Seconds(7 * _DAY),
        description="How long single readings are kept; the means of each minute and ten minutes stay.",
    )
    keep: Annotated[Seconds, duration(at_least=_DAY, at_most=_YEARS)] = Field(
        default=Seconds(365 * _DAY), description="How long means are kept."
    )
    send: Literal["all", "changes", "summaries"] = Field(
        default="all",
        description="Which readings are sent: each one, those that differ from the one sent before by more than"
        " `dead_band`, or none but the summaries of ten minutes. All are recorded, and seen by rules.",
    )
    dead_band: Annotated[float | dict[str, float] | None, BeforeValidator(_is_a_band)] = Field(
        default=None,
        description="With `send: changes`: by how much a reading must differ, in its unit; for all, or by quantity."
        " Without it each change is sent.",
        json_schema_extra=allowed(_BAND),
    )
    retrain: Annotated[Seconds, duration(at_least=_DAY, at_most=_YEARS)] = Field(
        default=Seconds(30 * _DAY),
        description="Time between two trainings of the forecast. The first is after a week of readings; until there are"
        " four, it is trained each week.",
    )
    relearn: Annotated[Seconds, duration(at_least=_DAY, at_most=_YEARS)] = Field(
        default=Seconds(90 * _DAY),
        description="Time between two times that criteria are learned; the first is after 21 days.",
    )
    quiet_hours: HoursOfDay = Field(
        default=("22:00", "05:00"), description="From and to, in the site's zone: when the least is drawn."
    )
