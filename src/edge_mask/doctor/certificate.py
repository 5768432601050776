"""The device's own certificate: whether it holds, and how long."""

from pathlib import Path

from edge_mask.app.certificate import WARN_AT
from edge_mask.deliver.certificate import date_of, validity_of
from edge_mask.doctor.finding import Finding
from edge_mask.errors import Refused
from edge_mask.plural import counted
from edge_mask.runtime.clock import SystemClock

_PART = "certificate"


def certificate(path: Path) -> Finding:
    """The daemon tries it in any case: it may be the clock that is wrong."""
    now = SystemClock().now().wall
    try:
        validity = validity_of(path)
    except ValueError as error:
        raise Refused(str(error)) from error
    if why := validity.problem(now):
        return Finding(_PART, "failed", f"{path} {why}; the clock of this device says {date_of(now)}")
    days = validity.days_left(now)
    text = f"{path} holds until {date_of(validity.ends)}, {counted(days, 'day')} from now"
    return Finding(_PART, "ok" if days >= max(WARN_AT) else "warning", text)
