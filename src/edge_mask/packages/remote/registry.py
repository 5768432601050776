"""An OCI registry: manifests and blobs by digest (OCI distribution specification 1.1)."""

from collections.abc import Iterator
from typing import Final

from edge_mask.packages.remote.address import Address
from edge_mask.packages.remote.layout import signature_of, signature_tag
from edge_mask.packages.remote.manifest import LARGEST, MANIFEST, digest_of
from edge_mask.packages.remote.remote_source import Asking
from edge_mask.packages.remote.source import Access, Effort

_DEFAULT_TAG: Final = "latest"


class RegistrySource:
    """One repository."""

    def __init__(self, where: Address, access: Access, effort: Effort) -> None:
        self._where = where
        self._base = base_of(where)
        self._asking = Asking(self._base, access, effort)

    def manifest(self, digest: str) -> bytes:
        with self._asking.get(f"{self._base}/manifests/{digest}", "the manifest", MANIFEST) as response:
            return response.whole(LARGEST)

    def blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        yield from self._asking.get_from(f"{self._base}/blobs/{digest}", f"the blob {digest[:19]}…", start)

    def signature(self, digest: str) -> str | None:
        url = f"{self._base}/manifests/{signature_tag(digest)}"
        found = self._asking.get_if_there(url, "the signature", LARGEST, MANIFEST)
        return None if found is None else signature_of(self, found)

    def digest_of_tag(self) -> str:
        """What the tag of the address means now."""
        return digest_of(self.manifest(self._where.tag or _DEFAULT_TAG))

    def close(self) -> None: ...


def base_of(where: Address) -> str:
    """The beginning of every address of the repository."""
    scheme = "http" if where.scheme == "oci+http" else "https"
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{scheme}://{host}{f':{where.port}' if where.port else ''}/v2/{where.path}"
