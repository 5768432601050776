"""The picture of a notification: as it lies on the disk, blurred or not, made small enough; none when it is gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge_mask.act.smaller import small_enough
from edge_mask.act.snapshot_name import TEMP, parse
from edge_mask.errors import EdgeMaskError

MOST: Final = 300_000
"""Bytes of a picture that is sent: a slow way up carries them within the patience of a request."""
_LATEST: Final = 3.0
"""Seconds until a picture that was promised with its event is on the disk."""
_AGAIN: Final = 0.1


class Pictures:
    """Finds them by the name that an event carries; used by the threads of the targets."""

    def __init__(self, folder: Path, wait: Callable[[float], object]) -> None:
        """`wait` is called between two looks at the disk."""
        self._folder = folder
        self._wait = wait

    def of(self, name: str, *, age: float) -> bytes | None:
        """`age`: seconds since the event; that of a new one may still be written."""
        if parse(name) is None:  # a name from elsewhere must not lead out of the folder
            return None
        while True:
            if (path := self._found(name)) is not None:
                try:
                    return small_enough(path, MOST)
                except EdgeMaskError:  # deleted at this moment, or no picture any more
                    return None
            if age >= _LATEST:
                return None
            self._wait(_AGAIN)
            age += _AGAIN

    def _found(self, name: str) -> Path | None:
        final = name.removeprefix(TEMP)
        return next((path for path in (self._folder / final, self._folder / (TEMP + final)) if path.is_file()), None)
