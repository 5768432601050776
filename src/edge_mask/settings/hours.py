"""Hours of the day between which something is otherwise: from and to, over midnight too."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from edge_mask.settings.base import allowed

_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _are_times(value: tuple[str, str]) -> tuple[str, str]:
    for time in value:
        if not _TIME.fullmatch(time):
            raise ValueError(f'found "{time}"; allowed: a time from 00:00 to 23:59')
    if value[0] == value[1]:
        raise ValueError(f'begins and ends at {value[0]}; allowed: two different times, such as ["22:00", "07:00"]')
    return value


HoursOfDay = Annotated[
    tuple[str, str],
    AfterValidator(_are_times),
    Field(json_schema_extra=allowed('two times such as ["22:00", "07:00"]')),
]
