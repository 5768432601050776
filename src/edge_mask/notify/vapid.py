"""VAPID (RFC 8292): the key pair of this device, and the signed statement of who sends a push."""

import base64
import json
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from edge_mask.errors import Refused
from edge_mask.notify.encryption import point_of
from edge_mask.private_file import give_to_owner_of_folder
from edge_mask.settings.base import read_whole
from edge_mask.units import Unix

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_HOLDS: Final = 12 * 3600
"""Seconds; services take at most 24 hours."""
MISSING: Final = "web push needs cryptography: pip install 'edge-mask[web]'"


def key_path(database: Path) -> Path:
    """Beside the database, as all that a device keeps of its own."""
    return database.with_name(f"{database.name}.vapid.pem")


class Vapid:
    """The key pair; browsers subscribe to its public half, so that it must stay."""

    def __init__(self, path: Path, subject: str) -> None:
        """The key is read on first use, or made. Methods raise Refused."""
        self._path = path
        self._subject = subject
        self._key: EllipticCurvePrivateKey | None = None

    @property
    def public(self) -> str:
        """For `pushManager.subscribe`: base64url without padding."""
        return base64url(point_of(self._loaded()))

    def examine(self) -> None:
        """Whether the key can be used; none is made."""
        if self._path.exists():
            self._loaded()
        elif find_spec("cryptography") is None:
            raise Refused(MISSING)

    def authorization(self, endpoint: str, now: Unix) -> str:
        """The header of one push."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        key, place = self._loaded(), urlsplit(endpoint)
        claims = {"aud": f"{place.scheme}://{place.netloc}", "exp": int(now) + _HOLDS, "sub": self._subject}
        signed = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"vapid t={signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))},k={self.public}"

    def _loaded(self) -> "EllipticCurvePrivateKey":
        if self._key is None:
            self._key = _read_or_made(self._path)
        return self._key


def _read_or_made(path: Path) -> "EllipticCurvePrivateKey":
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise Refused(MISSING) from None
    try:
        found = load_pem_private_key(read_whole(path), None)
    except FileNotFoundError:
        return _made(path)
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError):
        raise Refused(f"{path}: is not the key that was written there; without it browsers must ask anew") from None
    if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
        raise Refused(f"{path}: is no key of the curve P-256")
    return found


def _made(path: Path) -> "EllipticCurvePrivateKey":
    """A new one on the disk, readable by its owner alone; of two programs that make one, the first wins."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            give_to_owner_of_folder(descriptor, path)
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    except OSError as error:
        raise Refused(f"{path}: cannot be written: {error.strerror}") from error
    return _read_or_made(path)


def _json(fields: dict[str, object]) -> str:
    return base64url(json.dumps(fields, separators=(",", ":")).encode())


def base64url(raw: bytes) -> str:
    """Without padding, as web push has it everywhere."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
