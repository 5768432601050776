"""Addresses that are signed: as AWS publishes them, and as a real store takes them."""

from datetime import UTC, datetime

import pytest

from edge_mask.sink.presigned import LONGEST, Signer

AT = datetime(2013, 5, 24, tzinfo=UTC)
KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_the_example_that_aws_publishes() -> None:
    """AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)"."""
    signer = Signer("https://examplebucket.s3.amazonaws.com", "", "us-east-1", *KEYS)
    assert signer.presigned("GET", "test.txt", AT, 86400) == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize("key", ["gate-01/2026/11/29/a.jpg", "gate:01/a b.jpg", "gate~1/ü+%.jpg"])
def test_a_key_may_hold_any_letter_and_every_thing_is_signed(key: str) -> None:
    signer = Signer("https://store.example:8443", "pictures", "eu-1", *KEYS)
    one = signer.presigned("PUT", key, AT, 900, {"If-None-Match": "*"})
    assert one.startswith("https://store.example:8443/pictures/gate")
    assert "SignedHeaders=host%3Bif-none-match" in one
    others = [
        signer.presigned("GET", key, AT, 900, {"If-None-Match": "*"}),
        signer.presigned("PUT", key + "x", AT, 900, {"If-None-Match": "*"}),
        signer.presigned("PUT", key, AT, 901, {"If-None-Match": "*"}),
        signer.presigned("PUT", key, AT, 900, {"If-None-Match": "a"}),
    ]
    assert len({each.rpartition("=")[2] for each in (one, *others)}) == 5


def test_nobody_sees_the_secret_key() -> None:
    signer = Signer("https://store.example", "pictures", "eu-1", *KEYS)
    assert KEYS[1] not in repr(signer)
    assert KEYS[1] not in signer.presigned("PUT", "a", AT, 900)


def test_no_address_holds_for_longer_than_a_week() -> None:
    signer = Signer("https://store.example", "pictures", "eu-1", *KEYS)
    assert f"X-Amz-Expires={LONGEST}&" in signer.presigned("PUT", "a", AT, 10 * LONGEST)
