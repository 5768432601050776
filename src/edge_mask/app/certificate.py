"""How long the device's own certificate holds, and the warnings before it ends."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge_mask.deliver.certificate import Validity, date_of, validity_of
from edge_mask.messages import Fault
from edge_mask.units import Moment

log = logging.getLogger(__name__)

WARN_AT: Final = (30, 7, 1)
"""Days before the end at which it is told, once each."""
_COMPONENT = "certificate"


class CertificateWatch:
    """Looks at the file each time: a new certificate needs no restart."""

    def __init__(self, path: Path, report: Callable[[Fault], object], was_reported: Callable[[str, str], bool]) -> None:
        """`was_reported(component, text)`: a restart tells nothing again."""
        self._path = path
        self._report = report
        self._was_reported = was_reported
        self._told: set[str] = set()

    def __call__(self, now: Moment) -> int | None:
        """Whole days that are left, negative when it has ended; None while the file or the clock cannot say."""
        if not now.synced:
            return None
        try:
            validity = validity_of(self._path)
        except (OSError, ValueError) as error:
            log.debug("certificate: %s", error)
            return None
        days = validity.days_left(now.wall)
        if (found := self._warning(validity, days)) is not None:
            self._tell_once(now, *found)
        return days

    def _warning(self, validity: Validity, days: int) -> tuple[str, str] | None:
        """The code and sentence for the shortest term that has begun. It is the same each time."""
        then = f"on {date_of(validity.ends)}; put a new one in its place, no restart is needed"
        if days < 0:
            return "certificate_expired", f"{self._path} expired {then}"
        for term in sorted(WARN_AT):
            if days < term:
                within = f"{term} days" if term > 1 else "a day"
                return "certificate_expires", f"{self._path} expires within {within}, {then}"
        return None

    def _tell_once(self, now: Moment, code: str, text: str) -> None:
        if text in self._told:
            return
        self._told.add(text)
        if self._was_reported(_COMPONENT, text):
            return
        log.warning("certificate: %s", text, extra={"code": code})
        self._report(Fault(at=now, component=_COMPONENT, code=code, text=text))
