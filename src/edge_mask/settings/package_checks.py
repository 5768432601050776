"""Checks of `fleet.packages`: whose packages come in, and who hears the password."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, pem_problem, secret_problem, unreadable

_BEGINNING: Final = re.compile(r"(?:(?:oci|oci\+http|https)://[^/@?\s]+|file:///)[^@?\s]*")


def package_complaints(settings: Settings) -> Iterator[Complaint]:
    """What is wrong with the files and addresses."""
    if settings.fleet is None:
        return
    packages, section = settings.fleet.packages, ("fleet", "packages")
    for index, path in enumerate(packages.keys):
        yield from unreadable((*section, "keys", index), path, _key_problem)
    for index, source in enumerate(packages.sources):
        if _BEGINNING.fullmatch(source) is None:
            text = "is no beginning of an address; allowed: oci://HOST/…, https://HOST/… or file:///…"
            yield (*section, "sources", index), text
    if packages.password_file is not None:
        if not packages.username:
            yield (*section, "username"), "is missing; a password needs a username"
        yield from unreadable((*section, "password_file"), packages.password_file, secret_problem)
    if packages.username and not packages.sources:
        yield (*section, "sources"), "is missing; a wish from outside must not choose who hears the password"
    if packages.ca is not None:
        yield from unreadable((*section, "ca"), packages.ca, partial(pem_problem, "CERTIFICATE"))


def _key_problem(text: str) -> str | None:
    return None if re.search(r"^RW[A-Za-z0-9+/]{54}$", text, re.MULTILINE) else "is no public key of minisign"
