"""Signatures in the format of minisign: Ed25519 over the bytes of a manifest, and over a comment to be trusted."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_mask.errors import Refused

PREHASHED: Final = b"ED"
LEGACY: Final = b"Ed"
UNTRUSTED: Final = "untrusted comment: "
TRUSTED: Final = "trusted comment: "
_KEY_BYTES, _SIGNATURE_BYTES, _SECOND_BYTES = 42, 74, 64
_LARGEST_KEY = 4096
NO_LIBRARY: Final = "signatures need the library cryptography: pip install 'edge-mask[packages]'"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One that packages may be signed with."""

    key_id: bytes
    raw: bytes
    name: str
    """The file that it stands in."""

    @property
    def shown(self) -> str:
        return shown_id(self.key_id)


@dataclass(frozen=True, slots=True)
class Signed:
    """By whom, and what else the signature vouches for."""

    key: PublicKey
    comment: str


def shown_id(key_id: bytes) -> str:
    """As minisign prints it."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def read_keys(paths: Iterable[Path]) -> tuple[PublicKey, ...]:
    """Raises Refused with the file at fault."""
    return tuple(read_key(path) for path in paths)


def read_key(path: Path) -> PublicKey:
    """A file of `minisign -G`, or its second line alone. Raises Refused."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_KEY).decode()
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(UNTRUSTED.strip())]
    data = decoded(lines[0]) if len(lines) == 1 else None
    if data is None or len(data) != _KEY_BYTES or data[:2] != LEGACY:
        raise Refused(f"{path}: is no public key of minisign (`minisign -G` writes one)")
    return PublicKey(data[2:10], data[10:], str(path))


def verify(manifest: bytes, signature: str, keys: Sequence[PublicKey]) -> Signed:
    """Who signed this manifest. Raises Refused with why it does not count."""
    algorithm, key_id, first, comment, second = _taken_apart(signature)
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        known = ", ".join(key.shown for key in keys) or "none"
        raise Refused(f"it is signed with the key {shown_id(key_id)}, which is not one of ours ({known})")
    try:
        from cryptography.exceptions import InvalidSignature  # late: 225 ms and 26 MiB, once a package comes
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise Refused(NO_LIBRARY) from None
    signed = hashlib.blake2b(manifest).digest() if algorithm == PREHASHED else manifest
    public = Ed25519PublicKey.from_public_bytes(key.raw)
    try:
        public.verify(first, signed)
    except InvalidSignature:
        raise Refused(f"the signature of the key {key.shown} belongs to another package") from None
    try:
        public.verify(second, first + comment.encode())
    except InvalidSignature:
        raise Refused(f"the trusted comment of the signature was changed (key {key.shown})") from None
    return Signed(key, comment)


def _taken_apart(text: str) -> tuple[bytes, bytes, bytes, str, bytes]:
    """Algorithm, id of the key, signature, trusted comment and the signature of both."""
    lines = [line.rstrip("\r") for line in text.strip("\n\r ").split("\n")]
    if len(lines) != 4 or not lines[0].startswith(UNTRUSTED.strip()) or not lines[2].startswith(TRUSTED.strip()):
        raise Refused("the signature is no file of minisign or was cut off (expected four lines)")
    data, second = decoded(lines[1]), decoded(lines[3])
    if data is None or len(data) != _SIGNATURE_BYTES or second is None or len(second) != _SECOND_BYTES:
        raise Refused("the signature was cut off or changed: a line of it is no signature of minisign")
    if data[:2] not in (PREHASHED, LEGACY):
        raise Refused(f"the signature uses the algorithm {data[:2]!r}; known are ED and Ed")
    return data[:2], data[2:10], data[10:], lines[2][len(TRUSTED) :], second


def decoded(line: str) -> bytes | None:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
