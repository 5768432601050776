"""The base class of all sections, and shared types of keys."""

import errno
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

_NUMBERS = (int, float, int | None, float | None)


class Section(BaseModel):
    """A frozen part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_default(cls, value: Any) -> Any:
        """A key without a value (its whole section commented out) counts as absent."""
        return {key: part for key, part in value.items() if part is not None} if isinstance(value, dict) else value

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `true` as a number: pydantic would take it for 1."""
        if isinstance(value, bool) and info.field_name in cls.model_fields:
            wanted = cls.model_fields[info.field_name].annotation
            if wanted in _NUMBERS:
                raise ValueError(f"found {str(value).lower()}; allowed: a number")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _a_number_is_written_plainly(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a text such as `1_0` as a number: pydantic would take it for 10."""
        known = cls.model_fields.get(info.field_name or "")
        if isinstance(value, str) and "_" in value and known is not None and known.annotation in _NUMBERS:
            raise PydanticCustomError("number_parsing", "no number")
        return value


def allowed(text: str) -> dict[str, Any]:
    """JSON Schema extra: how an error message says what may stand here."""
    return {"x-allowed": text}


Fraction = Annotated[float, Field(ge=0, le=1)]

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        json_schema_extra=allowed("up to 64 letters, digits, '_', '-' or '.', beginning with a letter or digit"),
    ),
]
"""The name of a camera or sensor in messages and logs."""

Port = Annotated[int, Field(ge=1, le=65535)]

MOST_READ: Final = 1_000_000
"""Bytes of a small file that a key names, or that is kept beside the database."""


def read_whole(path: Path) -> bytes:
    """A small file. A pipe may never begin and a device never end: neither is read. Raises OSError, ValueError."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device and no file", str(path))
    if state.st_size > MOST_READ:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_READ // 10**6} MB", str(path))
    return path.read_bytes()


def _names_something(value: object) -> object:
    """Refuse an empty path (an empty variable): it would mean the current folder."""
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError(f"found {value!a}; allowed: a path")
    return value


@dataclass(frozen=True, slots=True)
class Place:
    """Marks a key that names a file, folder or device of this machine: `places.py` says who may set it to what."""

    devices: re.Pattern[str] | None = None
    """The values that whoever may control the device may wish, too."""
    allowed: str = ""
    """The same in words."""
    has_neighbours: bool = False
    """What lies in the same folder may be wished, too."""


CHIP: Final = Place(re.compile(r"(/dev/)?gpiochip\d+|\d+"), "a GPIO chip such as gpiochip0")

FilePath = Annotated[Path, BeforeValidator(_names_something), Place()]
"""A file or folder."""
