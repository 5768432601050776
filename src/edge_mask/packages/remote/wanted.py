"""A package that `model/desired` wants, fetched as `fleet.packages` allows."""

import threading
from collections.abc import Sequence
from pathlib import Path

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote.address import Address, is_below, parse, parse_beginning, shown
from edge_mask.packages.remote.pull import OnProgress, Pulled, pull
from edge_mask.packages.remote.signature import read_keys
from edge_mask.packages.remote.source import Credentials, Limits
from edge_mask.settings.fleet import FleetPackages
from edge_mask.wire.fleet_models import Desired


def fetch(
    desired: Desired,
    settings: FleetPackages,
    into: Path,
    *,
    stop: threading.Event | None = None,
    on_progress: OnProgress = lambda _have, _all: None,
) -> Pulled:
    """See `pull`; which sources count, whose signature and how many bytes is what `settings` says."""
    return pull(
        allowed(desired.sources, settings),
        desired.digest,
        into,
        credentials=_credentials(settings) if settings.sources else None,  # a wish may name any registry
        ca=settings.ca,
        keys=read_keys(settings.keys),
        signature=desired.signature,
        limits=Limits(max_bytes=settings.max_bytes),
        stop=stop,
        on_progress=on_progress,
    )


def allowed(sources: Sequence[str], settings: FleetPackages) -> list[str]:
    """Those of `sources` that may be asked. Raises Refused when there is none."""
    if not settings.sources and not settings.keys:
        raise Refused("packages from outside are not allowed here; set fleet.packages.keys or fleet.packages.sources")
    if not settings.sources:
        return list(sources)
    beginnings = [parse_beginning(text) for text in settings.sources]
    found = [text for text in sources if any(_begins(text, beginning) for beginning in beginnings)]
    if not found:
        named = ", ".join(map(shown, sources)) or "nothing"
        raise Refused(f"fleet.packages.sources does not allow where it is to come from ({named})")
    return found


def _begins(text: str, beginning: Address) -> bool:
    try:
        return is_below(parse(text), beginning)
    except Refused:  # one that is no address does not spoil the others
        return False


def credentials_for(settings: FleetPackages, addresses: Sequence[Address]) -> Credentials | None:
    """User and password, when every address is one that the configuration names: nobody else hears them."""
    beginnings = [parse_beginning(text) for text in settings.sources]
    if all(any(is_below(address, beginning) for beginning in beginnings) for address in addresses):
        return _credentials(settings)
    return None


def _credentials(settings: FleetPackages) -> Credentials | None:
    """Read anew. Raises TryLater when the file cannot be read."""
    if not settings.username:
        return None
    try:
        password = settings.read_password()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TryLater(f"fleet.packages.password_file: {settings.password_file} cannot be read ({reason})") from None
    return Credentials(username=settings.username, password=password)
