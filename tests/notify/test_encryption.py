"""Web push: RFC 8291, RFC 8188 and RFC 8292, checked against their own examples and by a reader of our own."""

import base64
import hashlib
import hmac
import json
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.notify.browser import Browser, unsealed

from edge_mask.errors import Refused
from edge_mask.notify.encryption import LONGEST, encrypted
from edge_mask.notify.vapid import Vapid, from_base64url
from edge_mask.units import Unix


def test_the_example_of_the_specification() -> None:
    """RFC 8291, appendix A, byte for byte."""
    own = ec.derive_private_key(
        int.from_bytes(from_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    sealed = encrypted(
        b"When I grow up, I want to be a watermelon",
        from_base64url("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        from_base64url("BTBZMqHH6r4Tts7J_aSIgg"),
        own=own,
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize("text", [b"", "마스크 😷\n".encode(), b"x" * LONGEST])
def test_a_browser_can_read_it_and_no_other(text: bytes) -> None:
    browser, other = Browser(), Browser()
    sealed = encrypted(text, browser.point, browser.secret)
    assert unsealed(sealed, browser) == text
    assert len(sealed) <= 4096, "what each push service must take"
    with pytest.raises(InvalidTag):
        unsealed(sealed, other)


def test_what_is_too_long_or_no_key_is_refused() -> None:
    browser = Browser()
    with pytest.raises(Refused, match="at most"):
        encrypted(b"x" * (LONGEST + 1), browser.point, browser.secret)
    with pytest.raises(Refused, match="P-256"):
        encrypted(b"x", b"\x04" + b"\x01" * 64, browser.secret)


def read(word: str) -> object:
    return json.loads(from_base64url(word))


def test_who_sends_it_is_signed_and_the_key_stays(tmp_path: Path) -> None:
    path = tmp_path / "vapid.pem"
    vapid = Vapid(path, "mailto:guard@example.org")
    header = vapid.authorization("https://push.example.org:8443/send/abc?x=1", Unix(1_790_000_000.0))
    assert header.startswith("vapid t=")
    token, key = header.removeprefix("vapid t=").split(",k=")
    head, claims, signature = token.split(".")
    assert read(head) == {"typ": "JWT", "alg": "ES256"}
    assert read(claims) == {
        "aud": "https://push.example.org:8443", "exp": 1_790_043_200, "sub": "mailto:guard@example.org",
    }  # fmt: skip
    raw = from_base64url(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(key))
    public.verify(
        encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        f"{head}.{claims}".encode(),
        ec.ECDSA(hashes.SHA256()),
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vapid(path, "mailto:guard@example.org").public == key == vapid.public
    assert [file.name for file in tmp_path.iterdir()] == ["vapid.pem"]


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vapid.pem"
    path.write_text(content)
    with pytest.raises(Refused, match="is not the key that was written there"):
        _ = Vapid(path, "mailto:a@example.org").public


def test_the_reader_of_this_test_is_no_copy_of_ours() -> None:
    """HKDF by the library's own words, not by the two functions under test."""
    prk = hmac.new(b"salt", b"key", hashlib.sha256).digest()
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

    expanded = HKDFExpand(hashes.SHA256(), 32, b"info").derive(prk)
    assert expanded == HKDF(hashes.SHA256(), 32, b"salt", b"info").derive(b"key")
