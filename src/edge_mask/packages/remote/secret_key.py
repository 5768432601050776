"""Secret keys in the format of minisign, and signing with them."""

import hashlib
import os
import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_mask.errors import Refused
from edge_mask.packages.remote.signature import LEGACY, NO_LIBRARY, PREHASHED, TRUSTED, UNTRUSTED, decoded, shown_id
from edge_mask.private_file import replace_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KDF: Final = b"Sc"
_NO_KDF: Final = b"\0\0"
_CHECKSUM: Final = b"B2"
_ID, _SEED_AND_PUBLIC, _SUM, _SALT = 8, 64, 32, 32
_HEAD = 6 + _SALT + 16
_WHOLE = _HEAD + _ID + _SEED_AND_PUBLIC + _SUM
_OPS, _MEMORY = 1 << 25, 1 << 30
"""What minisign takes: scrypt with N = 2^20, r = 8, p = 1, which is 1 GiB for some seconds."""
_MOST_MEMORY = 1 << 31
AskPassword = Callable[[], str]


@dataclass(frozen=True, slots=True)
class SecretKey:
    """What packages are signed with."""

    key_id: bytes
    seed: bytes = field(repr=False)

    @property
    def shown(self) -> str:
        return shown_id(self.key_id)


def read_secret_key(path: Path, password: AskPassword) -> SecretKey:
    """A file of `minisign -G`; `password` is asked for when it is encrypted. Raises Refused."""
    try:
        with path.open("rb") as file:
            text = file.read(4096).decode("ascii", "replace")
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(UNTRUSTED.strip())]
    data = decoded(lines[0]) if len(lines) == 1 else None
    if data is None or len(data) != _WHOLE or data[:2] != LEGACY or data[4:6] != _CHECKSUM:
        raise Refused(f"{path}: is no secret key of minisign (`edge-mask package keygen` writes one)")
    rest, is_encrypted = data[_HEAD:], data[2:4] == _KDF
    if is_encrypted:
        salt, ops, memory = data[6:38], int.from_bytes(data[38:46], "little"), int.from_bytes(data[46:54], "little")
        rest = _mixed(rest, _stretched(path, password(), salt, ops, memory))
    elif data[2:4] != _NO_KDF:
        raise Refused(f"{path}: is encrypted in a way that is not known here")
    key_id, pair, checksum = rest[:_ID], rest[_ID : _ID + _SEED_AND_PUBLIC], rest[-_SUM:]
    if is_encrypted and _checksum(key_id, pair) != checksum:
        raise Refused(f"{path}: the password is wrong")
    if _public(pair[:32]) != pair[32:]:  # minisign gives an unencrypted key no checksum
        raise Refused(f"{path}: was changed")
    return SecretKey(key_id, pair[:32])


def sign(manifest: bytes, key: SecretKey, comment: str) -> str:
    """The four lines of a signature; `comment` is vouched for with it. Raises Refused."""
    if not comment.isprintable() or len(comment) > 512:
        raise Refused("the trusted comment has to be one line of at most 512 characters")
    private = _private(key.seed)
    first = private.sign(hashlib.blake2b(manifest).digest())
    second = private.sign(first + comment.encode())
    lines = (
        f"{UNTRUSTED}signature of a model package, key {key.shown}",
        b64encode(PREHASHED + key.key_id + first).decode(),
        f"{TRUSTED}{comment}",
        b64encode(second).decode(),
    )
    return "".join(f"{line}\n" for line in lines)


def write_keys(secret: Path, public: Path, password: str | None) -> SecretKey:
    """A new pair in two files, which may not be there yet; encrypted unless `password` is None. Raises Refused."""
    for path in (secret, public):
        if path.exists():
            raise Refused(f"{path}: is there already; a key that is lost cannot be made again")
    key = SecretKey(secrets.token_bytes(_ID), secrets.token_bytes(32))
    raw = _public(key.seed)
    pair = key.seed + raw
    rest = key.key_id + pair + _checksum(key.key_id, pair)
    head = LEGACY + _NO_KDF + _CHECKSUM + bytes(_SALT + 16)
    if password is not None:
        salt = os.urandom(_SALT)
        limits = _OPS.to_bytes(8, "little") + _MEMORY.to_bytes(8, "little")
        head = LEGACY + _KDF + _CHECKSUM + salt + limits
        rest = _mixed(rest, _stretched(secret, password, salt, _OPS, _MEMORY))
    try:
        replace_private(secret, _file("minisign encrypted secret key", head + rest))
        public.write_bytes(_file(f"minisign public key {key.shown}", LEGACY + key.key_id + raw))
    except OSError as error:
        raise Refused(f"{error.filename or secret}: cannot be written ({error.strerror})") from None
    return key


def _file(comment: str, data: bytes) -> bytes:
    return f"{UNTRUSTED}{comment}\n{b64encode(data).decode()}\n".encode()


def _checksum(key_id: bytes, pair: bytes) -> bytes:
    return hashlib.blake2b(LEGACY + key_id + pair, digest_size=_SUM).digest()


def _mixed(data: bytes, stream: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(data, stream, strict=True))


def _stretched(path: Path, password: str, salt: bytes, ops: int, memory: int) -> bytes:
    """What libsodium's crypto_pwhash_scryptsalsa208sha256 makes of a password and its limits."""
    ops, block = max(ops, 32_768), 8
    if ops < memory // 32:
        most, parallel = ops // (block * 4), 1
        cost = _power(most)
    else:
        cost = _power(memory // (block * 128))
        parallel = min(ops // 4 // cost, 0x3FFF_FFFF) // block
    needed = 128 * block * (cost + parallel + 2)
    if needed > _MOST_MEMORY:
        raise Refused(f"{path}: opening it takes {needed >> 20} MiB of memory; at most {_MOST_MEMORY >> 20} are given")
    try:
        return hashlib.scrypt(
            password.encode(), salt=salt, n=cost, r=block, p=max(1, parallel), maxmem=needed, dklen=_WHOLE - _HEAD
        )
    except (ValueError, MemoryError):
        raise Refused(f"{path}: cannot be opened here, which takes {needed >> 20} MiB of memory") from None


def _power(most: int) -> int:
    """The largest power of two that is not above `most`, and above most / 2."""
    power = 2
    while power <= most // 2:
        power *= 2
    return power


def _private(seed: bytes) -> "Ed25519PrivateKey":
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise Refused(NO_LIBRARY) from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(seed: bytes) -> bytes:
    return _private(seed).public_key().public_bytes_raw()
