"""A browser's half of web push, written from RFC 8291 and RFC 8188 with the library's own HKDF."""

import base64
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Browser:
    """A subscription, as a browser makes it."""

    def __init__(self, endpoint: str = "https://push.example.org/send/abc") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.secret = os.urandom(16)
        self.endpoint = endpoint

    def to_json(self) -> dict[str, Any]:
        """`PushSubscription.toJSON()`."""
        keys = {"p256dh": _words(self.point), "auth": _words(self.secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}


def _words(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsealed(body: bytes, browser: Browser) -> bytes:
    """The text of one push. Raises what the library raises when it is for somebody else."""
    salt, size, length = struct.unpack("!16sIB", body[:21])
    server, sealed = body[21 : 21 + length], body[21 + length :]
    assert length == 65
    assert len(sealed) <= size
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), server)
    shared = browser.key.exchange(ec.ECDH(), theirs)
    seed = HKDF(hashes.SHA256(), 32, browser.secret, b"WebPush: info\0" + browser.point + server).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(seed)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(seed)
    padded = AESGCM(key).decrypt(nonce, sealed, None)
    text, _, padding = padded.rpartition(b"\x02")
    assert not padding.strip(b"\0")
    return text
