"""The shadows that this device keeps: in memory for the rules, on the disk in the same commit as their cause."""

import logging
from collections.abc import Iterator, Mapping
from operator import index
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.ledger.soundness import damaged_columns
from edge_mask.shadow import Shadow, ShadowTopic, UpdateRefused, deleted, updated
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.json import decode_text, to_json

log = logging.getLogger(__name__)

MOST: Final = 100
"""The most shadows on one device: a rule that takes their names from messages must not fill the memory."""

MOST_BYTES: Final = 8192
"""The most bytes of one shadow's state, as JSON: the limit of AWS."""

_EXACT: Final = 2
"""The SQL version that keeps numbers as they are written."""


class Shadows:
    """All shadows by thing and name, and those that must still be written. One thread uses it."""

    def __init__(self) -> None:
        self._shadows: dict[str, Shadow] = {}
        self._changed: set[str] = set()
        self._on_disk: dict[str, Shadow] = {}
        """As they were last read or written."""
        self._writing: dict[str, Shadow] = {}

    def load(self, connection: Connection) -> None:
        """Start from the database; shadows that are in memory already are newer and stay."""
        again = set(self._shadows)  # the file was opened again, and a salvaged one may lack some
        self._on_disk = dict(stored(connection))
        self._shadows = {**self._on_disk, **self._shadows}
        self._changed |= again

    def follow(self, connection: Connection) -> None:
        """Another program erased by hand: what it took out of the database, and is the same here, goes here as well."""
        for address, found in stored(connection):
            known, here = self._on_disk.get(address), self._shadows.get(address)
            if known is None or here is None or found.version == known.version or not here.exists:
                continue
            self._on_disk[address] = found
            lost = [each.state.get("reported") for each in (known, found, here)]
            self._shadows[address] = updated(here, {"state": {"reported": _taken_out(*lost)}}, 0)
            self._changed.add(address)

    @property
    def all(self) -> Mapping[str, Shadow]:
        """By `thing` or `thing/name`."""
        return self._shadows

    def get(self, thing: str, name: str | None, seconds: int) -> dict[str, Any] | None:
        """The shadow document at that time (Unix seconds), or None."""
        shadow = self._shadows.get(_address(thing, name))
        return None if shadow is None else shadow.document(seconds)

    def reported(self, thing: str) -> dict[str, Any]:
        """The reported state of the thing's unnamed shadow; empty when it has none."""
        shadow = self._shadows.get(_address(thing, None))
        return {} if shadow is None else dict(shadow.state.get("reported", {}))

    def apply(self, to: ShadowTopic, payload: bytes, seconds: int) -> None:
        """Apply a request as it was published. Raises UpdateRefused."""
        if to.verb == "delete":
            self._delete(_address(to.thing, to.name))
            return
        try:
            request = decode_text(payload.decode(), _EXACT)
        except (UnicodeDecodeError, EvaluationError) as error:
            raise UpdateRefused(f"the request is not JSON that can be read: {error}") from None
        self.update(to.thing, to.name, request, seconds)

    def update(self, thing: str, name: str | None, request: Any, seconds: int) -> None:
        """Merge an update request into a shadow. When it raises UpdateRefused, nothing has changed."""
        address = _address(thing, name)
        forgotten = self._to_forget() if address not in self._shadows and len(self._shadows) >= MOST else None
        shadow = updated(self._shadows.get(address), request, seconds)
        if len(to_json(dict(shadow.state))) > MOST_BYTES:
            raise UpdateRefused(f"its state would be larger than {MOST_BYTES} bytes")
        if forgotten is not None:
            del self._shadows[forgotten]
            self._changed.add(forgotten)
        self._shadows[address] = shadow
        self._changed.add(address)

    @property
    def is_dirty(self) -> bool:
        """True when shadows must be written."""
        return bool(self._changed)

    def write(self, connection: Connection) -> None:
        """Write changed shadows, inside the caller's transaction."""
        rows = [(each, _write(self._shadows[each])) for each in sorted(self._changed) if each in self._shadows]
        self._writing = {each: self._shadows[each] for each in self._changed if each in self._shadows}
        gone = [(each,) for each in sorted(self._changed - self._shadows.keys())]
        if gone:
            connection.exec_driver_sql("DELETE FROM shadows WHERE address = ?", gone)
        if rows:
            connection.exec_driver_sql("INSERT OR REPLACE INTO shadows VALUES (?, ?)", rows)

    def written(self) -> None:
        """The transaction of `write` has committed."""
        self._on_disk.update(self._writing)
        self._writing = {}
        self._changed.clear()

    def _to_forget(self) -> str:
        """A deleted shadow, of which only the version is kept; it makes room for a new one. Raises UpdateRefused."""
        for address, shadow in self._shadows.items():
            if not shadow.exists:
                return address
        raise UpdateRefused(f"there are {MOST} shadows already")

    def _delete(self, address: str) -> None:
        shadow = self._shadows.get(address)
        if shadow is not None and shadow.exists:
            self._shadows[address] = deleted(shadow)
            self._changed.add(address)


def _taken_out(known: Any, found: Any, here: Any) -> dict[str, Any]:
    """A null for each value that was `known`, is not `found` any more, and has not changed `here`."""
    gone: dict[str, Any] = {}
    if isinstance(known, Mapping) and isinstance(here, Mapping):
        left = found if isinstance(found, Mapping) else {}
        for key in known.keys() & here.keys():
            if key in left:
                if part := _taken_out(known[key], left[key], here[key]):
                    gone[key] = part
            elif known[key] == here[key]:
                gone[key] = None
    return gone


def stored(connection: Connection) -> Iterator[tuple[str, Shadow]]:
    """The shadows in the database, by `thing` or `thing/name`; rows that make no sense are left out."""
    for row in connection.exec_driver_sql("SELECT address, document FROM shadows ORDER BY address").mappings():
        if not damaged_columns("shadows", row) and (shadow := _read(row["document"])) is not None:
            yield row["address"], shadow


def _address(thing: str, name: str | None) -> str:
    """Neither part may hold a slash, so an address is unique."""
    return thing if name is None else f"{thing}/{name}"


def _write(shadow: Shadow) -> str:
    parts = {"version": shadow.version, "state": shadow.state, "metadata": shadow.metadata, "exists": shadow.exists}
    return to_json(parts).decode()


def _read(document: str) -> Shadow | None:
    """None for a row that makes no sense: a damaged file must not keep the daemon from starting."""
    try:
        found = decode_text(document, _EXACT)
        state = {section: dict(values) for section, values in found["state"].items()}
        return Shadow(index(found["version"]), state, dict(found["metadata"]), bool(found["exists"]))
    except (AttributeError, TypeError, KeyError, ValueError, EvaluationError):
        log.warning("database: the row of one shadow makes no sense and is left out")
        return None
