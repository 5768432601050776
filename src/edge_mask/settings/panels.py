"""The section panels: public figures that the page shows beside its own."""

import re
from datetime import time
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from edge_mask import json_path
from edge_mask.settings.base import Name, Section, allowed

MOST: Final = 12
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _is_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_one = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or not value.isprintable() or " " in value:
        raise ValueError(f"found {value[:60]!a}; allowed: an address that begins with https:// or http://")
    if parts.username is not None:
        raise ValueError("holds a user or a password; allowed: an address that everybody may read")
    return value


def _is_time(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError(f"found {value[:60]!a}; allowed: a time from 00:00 to 23:59")
    return value


def _is_path(value: str) -> str:
    json_path.parse(value)
    return value


JsonPath = Annotated[str, AfterValidator(_is_path), Field(json_schema_extra=allowed("a path such as items[0].value"))]


class Panel(Section):
    """A number, or a row of numbers, from an address on the internet."""

    name: Name = Field(description="Its name in messages and logs.")
    title: str = Field(default="", max_length=120, description="What stands above it; without it the name.")
    url: Annotated[str, AfterValidator(_is_address)] = Field(
        description="Where it is read, as JSON or CSV.", json_schema_extra=allowed("an https:// or http:// address")
    )
    path: JsonPath | None = Field(
        default=None, description="JSON: where the number stands, or a list of numbers, or a list of objects."
    )
    value: JsonPath | None = Field(
        default=None, description="JSON: where, in each object of such a list, the number is."
    )
    column: str | None = Field(default=None, min_length=1, description="CSV: the column of the numbers, by its head.")
    label: str | None = Field(
        default=None,
        min_length=1,
        description="What each number of a row is called: a path in each object, or a column.",
    )
    unit: str = Field(default="", max_length=24, description="Stands behind the numbers.")
    at: Annotated[str, AfterValidator(_is_time)] = Field(
        default="10:00", description="When it is read each day, by the clock of the site."
    )
    private: bool = Field(
        default=False, description="The address may lead into a private network, or to this device itself."
    )

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "Panel":
        if (self.path is None) == (self.column is None):
            raise ValueError("needs one of path (for JSON) and column (for CSV), not both")
        if self.column is not None and self.value is not None:
            raise ValueError("value belongs to path; a CSV has column alone")
        if self.path is not None and self.label is not None:
            json_path.parse(self.label)
        return self

    @property
    def heading(self) -> str:
        """What stands above it."""
        return self.title or self.name

    @property
    def hour(self) -> time:
        """When it is read."""
        return time.fromisoformat(self.at)
