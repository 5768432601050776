"""Message encryption for web push: RFC 8291 over the content coding aes128gcm of RFC 8188."""

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from edge_mask.errors import Refused

if TYPE_CHECKING:  # the library is not loaded without a web-push target
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LONGEST: Final = 3993
"""Bytes of a text: a push service takes 4096 bytes, of which 86 are the header and 17 padding and tag."""
_RECORD: Final = 4096


def encrypted(
    plain: bytes,
    browser_key: bytes,
    secret: bytes,
    *,
    own: "EllipticCurvePrivateKey | None" = None,
    salt: bytes | None = None,
) -> bytes:
    """`browser_key` and `secret` are p256dh and auth of a subscription; `own` and `salt` are made for each message.

    Raises Refused for a key that is no point of the curve.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(plain) > LONGEST:
        raise Refused(f"{len(plain)} bytes; a push service takes at most {LONGEST}")
    own = own or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser_key)
    except ValueError:
        raise Refused("the browser's key is no key of the curve P-256") from None
    ours = point_of(own)
    shared = _expanded(_digest(secret, own.exchange(ec.ECDH(), theirs)), b"WebPush: info\0" + browser_key + ours, 32)
    seed = _digest(salt, shared)
    key = _expanded(seed, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _expanded(seed, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD.to_bytes(4, "big") + len(ours).to_bytes(1, "big") + ours
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)  # the one record is the last one


def point_of(key: "EllipticCurvePrivateKey") -> bytes:
    """The public key, uncompressed: 65 bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _digest(key: bytes, text: bytes) -> bytes:
    """HKDF-Extract (RFC 5869)."""
    return hmac.digest(key, text, hashlib.sha256)


def _expanded(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand for at most one block."""
    return _digest(key, info + b"\x01")[:length]
