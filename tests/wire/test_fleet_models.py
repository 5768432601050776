"""A wish for a model is taken as it is meant, or a sentence names the key that is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import Refused
from edge_mask.wire.fleet_models import Desired, Reported, read_desired

WISH: dict[str, Any] = {
    "revision": 7,
    "name": "mask-detector",
    "version": "1.10.0+b2",
    "digest": f"sha256:{'0' * 64}",
    "sources": ["oci://hub.example/mask"],
    "signature": "untrusted comment: x\n",
    "window": ["02:00", "05:00"],
}


def test_a_whole_wish_is_read() -> None:
    found = read_desired(json.dumps(WISH).encode())
    assert found.model_dump() == WISH


def test_a_short_wish_is_read() -> None:
    found = read_desired(json.dumps({key: WISH[key] for key in ("revision", "name", "version", "digest")}).encode())
    assert (found.sources, found.signature, found.window) == ([], "", None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"revision": 0}, "revision: input should be greater than or equal to 1, found '0'"),
        ({"revision": "7"}, "revision: input should be a valid integer, found '7'"),
        ({"revision": True}, "revision: input should be a valid integer"),
        ({"revision": 2**60}, "revision: input should be less than"),
        ({"name": "../x"}, "name: expected up to 64 letters"),
        ({"name": ""}, "name: expected up to 64 letters"),
        ({"version": 1.1}, "version: input should be a valid string, found '1.1'"),
        ({"version": "x" * 65}, "version: expected up to 64 letters"),
        ({"digest": "0" * 64}, "digest: expected sha256: and 64 digits"),
        ({"digest": f"sha256:{'0' * 64}\n"}, "digest: expected sha256: and 64 digits"),
        ({"sources": "oci://x"}, "sources: input should be a valid list"),
        ({"sources": ["oci://x"] * 17}, "sources: list should have at most 16 items"),
        ({"sources": ["x" * 1025]}, r"sources\.0: string should have at most 1024 characters"),
        ({"sources": [""]}, r"sources\.0: string should have at least 1 character"),
        ({"signature": "x" * 4097}, "signature: string should have at most 4096"),
        ({"window": ["02:00"]}, "window: list should have at least 2 items"),
        ({"window": ["02:00", "24:00"]}, r"window\.1: expected a time such as 02:00"),
        ({"digets": "x"}, "digets: unknown key.*digest"),
    ],
)
def test_a_wrong_wish_is_refused_by_its_key(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=f"^model/desired: {sentence}"):
        read_desired(json.dumps({**WISH, **change}).encode())


@pytest.mark.parametrize("key", ["revision", "name", "version", "digest"])
def test_what_is_missing_is_named(key: str) -> None:
    with pytest.raises(Refused, match=f"^model/desired: {key}: is missing$"):
        read_desired(json.dumps({name: value for name, value in WISH.items() if name != key}).encode())


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"null", "expected an object, found NoneType"),
        (b"[]", "expected an object, found list"),
        (b" " * 128_001, "is larger than 128 kB"),
    ],
)
def test_what_is_no_wish_is_refused(payload: bytes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        read_desired(payload)


def test_a_wish_with_thousands_of_unknown_keys_is_told_in_a_few_sentences() -> None:
    with pytest.raises(Refused) as refused:
        read_desired(json.dumps(WISH | {f"revision{number:05}": 1 for number in range(5000)}).encode())
    assert len(str(refused.value)) < 2000
    assert str(refused.value).endswith("and 4992 more mistakes")


def test_a_key_without_an_end_is_cut() -> None:
    with pytest.raises(Refused, match="unknown key") as refused:
        read_desired(json.dumps(WISH | {"x" * 100_000: 1}).encode())
    assert len(str(refused.value)) < 200


def test_a_password_in_a_wish_that_is_wrong_is_not_said_again() -> None:
    with pytest.raises(Refused, match="valid list") as refused:
        read_desired(json.dumps(WISH | {"sources": f"oci://user:{'geheim' * 20}@hub.example/mask"}).encode())
    assert "geheim" not in str(refused.value)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*WISH, "x"]), ANY))
def test_whatever_is_wished_is_taken_or_a_sentence(change: dict[str, Any]) -> None:
    try:
        found = read_desired(json.dumps({**WISH, **change}).encode())
    except Refused as refused:
        assert str(refused).startswith("model/desired: ")  # noqa: PT017 (both ends are right)
    else:
        assert isinstance(found, Desired)


def test_a_report_says_how_far_it_is() -> None:
    said = {"revision": 7, "state": "trial", "name": "n", "version": "1", "digest": None}
    assert Reported.model_validate(said).previous is None
