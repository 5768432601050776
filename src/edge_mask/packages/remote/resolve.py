"""What an address means now, and what the package that it leads to is called."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.packages.remote import manifest
from edge_mask.packages.remote.address import Address
from edge_mask.packages.remote.layout import LayoutSource, only_package
from edge_mask.packages.remote.manifest import Manifest, digest_of
from edge_mask.packages.remote.open_source import open_source
from edge_mask.packages.remote.source import Access, Effort, Limits


def resolved(where: Address, access: Access, limits: Limits) -> str:
    """The digest that a tag, or a layout with one package, stands for now. Raises Refused or TryLater, with the
    address."""
    try:
        return _resolved(where, access, limits)
    except TryLater as error:
        raise TryLater(f"{where.shown}: {error}") from error.__cause__
    except Refused as error:
        raise Refused(f"{where.shown}: {error}") from error.__cause__


def _resolved(where: Address, access: Access, limits: Limits) -> str:
    with tempfile.TemporaryDirectory() as scratch, open_source(where, access, Effort(limits), Path(scratch)) as source:
        if isinstance(source, LayoutSource):
            return only_package(source).digest
        if where.scheme in ("oci", "oci+http"):
            from edge_mask.packages.remote.registry import RegistrySource

            assert isinstance(source, RegistrySource)
            return source.digest_of_tag()
    raise Refused("does not say which package; give --digest")


def manifest_of(addresses: Sequence[Address], digest: str, access: Access, limits: Limits) -> Manifest:
    """From the first of them that has it. Raises Refused with a sentence for each."""
    failed = []
    for where in addresses:
        try:
            with (
                tempfile.TemporaryDirectory() as scratch,
                open_source(where, access, Effort(limits), Path(scratch)) as source,
            ):
                data = source.manifest(digest)
                if digest_of(data) != digest:
                    raise Refused(f"its manifest does not have the digest {digest[:19]}…")
                return manifest.read(data)
        except EdgeMaskError as error:
            failed.append(f"{where.shown}: {error}")
    raise Refused("\n".join(failed))
