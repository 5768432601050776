"""From an address to the driver that understands it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge_mask.packages.remote.address import Address
from edge_mask.packages.remote.layout import LayoutSource
from edge_mask.packages.remote.source import Access, Effort, Source


@contextmanager
def open_source(where: Address, access: Access, effort: Effort, scratch: Path) -> Iterator[Source]:
    """Closed afterwards; `scratch` is a folder for what has to be here as a whole. Raises Refused or TryLater."""
    with closing(_opened(where, access, effort, scratch)) as source:
        yield source


def _opened(where: Address, access: Access, effort: Effort, scratch: Path) -> Source:
    """What speaks over a network is imported when it is needed."""
    if where.scheme == "file":
        return LayoutSource(Path(where.path), effort)
    if where.scheme == "https":
        from edge_mask.packages.remote.https_folder import HttpsFolderSource, HttpsZipSource

        if where.path.endswith(".zip"):
            return HttpsZipSource(where, access, effort, scratch)
        return HttpsFolderSource(where, access, effort)
    from edge_mask.packages.remote.registry import RegistrySource

    return RegistrySource(where, access, effort)
