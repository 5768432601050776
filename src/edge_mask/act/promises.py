"""Names of pictures that are told before the pictures are written. The disk is not asked: it may be slow."""

import threading
from collections.abc import Iterable

from edge_mask.act.snapshot_name import TEMP, name_of, parse
from edge_mask.units import Unix

_REMEMBERED = 1000
"""Far fewer pictures wait."""


class Promises:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, bool] = {}
        """Without `temp-`; and whether the picture is still wanted."""

    def make(self, at: Unix, camera: str, reason: str, *, certain: bool) -> str:
        """A name that no other picture of this run has; a second one of the same millisecond gets a number."""
        name = wanted = name_of(at, camera, reason, certain=True)
        number = 1
        with self._lock:
            while name in self._names:
                number += 1
                name = f"{wanted.removesuffix('.jpg')}-{number}.jpg"
            self._names[name] = True
            if len(self._names) > _REMEMBERED:
                self._names.pop(next(iter(self._names)))
        return name if certain else TEMP + name

    def is_wanted(self, name: str) -> bool:
        """False for a picture that was erased before it was written."""
        return self._names.get(name.removeprefix(TEMP), True)

    def withdraw(self, names: Iterable[str], before: Unix | None) -> None:
        """These pictures, and all that were taken `before`, are not wanted any more."""
        finals = {name.removeprefix(TEMP) for name in names}
        with self._lock:
            for name in self._names:
                snapshot = parse(name)
                if name in finals or (before is not None and snapshot is not None and snapshot.taken < before):
                    self._names[name] = False
