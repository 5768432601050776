"""The command `picture`: the picture of a visit goes to a store, where the configuration allows both."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_mask.act.snapshot_name import TEMP, parse
from edge_mask.control.request import Rejected, Request, shown
from edge_mask.deliver.put import put
from edge_mask.deliver.tls import TlsFiles, context
from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.settings.address import Address, checked

KIND: Final = "image/jpeg"
_YOUNG: Final = 60.0
"""Seconds in which a picture may still be on its way to the disk."""
_LARGEST: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """Carries out `picture`."""

    find: Callable[[str], Mapping[str, Any] | None]
    """The stored visit with this id."""
    folder: Path
    places: tuple[Address, ...]
    """Where pictures may go; none: nowhere."""
    ca: Path | None
    clock: Clock

    def __call__(self, request: Request) -> dict[str, Any]:
        """Raises Rejected, DatabaseError."""
        if not self.places:
            text = "pictures do not leave this device: fleet.pictures and privacy.send_pictures would have to allow it"
            raise Rejected("not_allowed", text)
        visit, url = request.text("visit"), request.text("put")
        if not visit or not url:
            raise Rejected("bad_request", f"{'put' if visit else 'visit'} is missing")
        try:
            address = checked(url, self.places)
        except Refused as error:
            raise Rejected("not_allowed", f"put: {error}; allowed: what begins as fleet.pictures.to says") from error
        data = self._picture(visit)
        try:
            is_new = put(address, data, {"Content-Type": KIND}, self._tls(address), self.clock)
        except (TryLater, Refused) as error:
            raise Rejected("failed", str(error)) from error
        return {"put": "stored" if is_new else "there", "bytes": len(data)}

    def _picture(self, visit: str) -> bytes:
        found = self.find(visit)
        if found is None:
            raise Rejected("bad_request", f"visit: there is no {shown(visit)}")
        name = found["snapshot"]
        if not isinstance(name, str) or parse(name) is None:
            raise Rejected("bad_request", f"visit: {shown(visit)} has no picture")
        final = name.removeprefix(TEMP)
        for path in (self.folder / final, self.folder / (TEMP + final)):
            try:
                if path.stat().st_size > _LARGEST:
                    raise Rejected("bad_request", f"the picture takes more than {_LARGEST // 10**6} MB")
                return path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Rejected("busy", f"the picture cannot be read now: {error.strerror}") from error
        if abs(self.clock.now().wall - found["visited"]) < _YOUNG:
            raise Rejected("busy", "the picture is not written yet")
        raise Rejected("bad_request", "the picture is gone: it was erased, or is older than the configuration keeps it")

    def _tls(self, address: Address) -> ssl.SSLContext | None:
        if address.scheme != "https":
            return None
        try:
            return context(TlsFiles(ca=self.ca))
        except Refused as error:
            raise Rejected("failed", f"fleet.pictures.ca: {error}") from error
