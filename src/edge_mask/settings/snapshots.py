"""The section snapshots."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from edge_mask.quantities import duration, size
from edge_mask.settings.base import FilePath, Fraction, Section, allowed
from edge_mask.units import Bytes, Seconds


def _off_is_a_word(value: object) -> object:
    """YAML 1.1 takes `off` and `no` for false."""
    return "none" if value is False else value


def _switch(value: object) -> object:
    """YAML takes `on` and `off` for true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class Snapshots(Section):
    """Pictures kept on the device; none leaves it unless an action says so."""

    visits: Annotated[Literal["none", "refused", "all"], BeforeValidator(_off_is_a_word)] = Field(
        default="refused",
        description="Which visits have a picture. One whose verdict is not certain (`unsure`) is `temp-…` and stays for"
        " `temp_ttl` only.",
    )
    looks: Annotated[Literal["none", "no_mask", "all"], BeforeValidator(_off_is_a_word)] = Field(
        default="no_mask",
        description="Which looks of a `cctv` camera have a picture: those that count a face without a mask, or all.",
    )
    dir: FilePath = Field(default=Path("snapshots"), description="Folder they are kept in.")
    keep: Annotated[Seconds, duration(at_least=60)] = Field(
        default=Seconds(7 * 86400.0), description="How long they are kept."
    )
    max_bytes: Annotated[Bytes, size(at_least=10**5)] = Field(
        default=Bytes(10**9), description="Space they may take; `temp-…` goes first, then the oldest."
    )
    max_share: Annotated[Fraction, Field(gt=0)] = Field(
        default=0.25,
        description="Share of the file system that they may take, where this is less than `max_bytes`.",
        json_schema_extra=allowed("a number above 0 and at most 1"),
    )
    temp_ttl: Annotated[Seconds, duration(at_least=1)] = Field(
        default=Seconds(3600.0), description="How long a picture without a certain verdict (`temp-…`) may stay."
    )
    latest: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = Field(
        default="auto",
        description="The last picture of each camera is kept as `latest-CAMERA.jpg`; `auto`: of `cctv` cameras, where"
        " faces are blurred.",
    )
    latest_every: Annotated[Seconds, duration(at_least=1, at_most=86400)] = Field(
        default=Seconds(60.0), description="Time between two of them; each is written to the disk."
    )
    blur_faces: bool = Field(
        default=True,
        description="Every face is made unrecognisable before a picture is stored: what the model takes for one, and"
        " what it half believes in.",
    )

    @property
    def keeps_latest(self) -> bool:
        """Everybody who passes by is on these pictures: their faces are not kept without being asked for."""
        return self.latest == "on" or (self.latest == "auto" and self.blur_faces)
