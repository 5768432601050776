"""Checks of `fleet.pictures` and `sink.pictures`: whether pictures may leave, and whether nobody can listen."""

from collections.abc import Iterator

from edge_mask.errors import Refused
from edge_mask.settings.address import address_of
from edge_mask.settings.encrypted import address_objection
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, pem_problem, unreadable


def picture_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of pictures for the central store; reads the named files."""
    if settings.sink is not None and settings.sink.pictures is not None:
        stored = settings.sink.pictures
        if objection := address_objection(stored.endpoint):
            yield ("sink", "pictures", "endpoint"), objection
    if settings.fleet is None or (wanted := settings.fleet.pictures) is None:
        return
    if not settings.privacy.send_pictures:
        text = "pictures do not leave this device; allowed: together with privacy: {send_pictures: true}"
        yield ("fleet", "pictures"), text
    for index, place in enumerate(wanted.to):
        key = ("fleet", "pictures", "to", index)
        try:
            address = address_of(place)
        except Refused as error:
            yield key, f"found {place!a}: {error}; allowed: such as https://store.example/pictures/"
            continue
        if not address.path.endswith("/") or "?" in place:
            text = f'"{place}" does not end with /; allowed: what addresses begin with, such as'
            yield key, f"{text} {place.partition('?')[0].rstrip('/')}/"
        elif objection := address_objection(place):
            yield key, objection
    if wanted.ca is not None:
        yield from unreadable(("fleet", "pictures", "ca"), wanted.ca, lambda text: pem_problem("CERTIFICATE", text))
