"""The period of a certificate, read from the file: compared with a library that reads everything."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from tests.papers import A_DAY, Papers

from edge_mask.deliver.certificate import Validity, validity_of


@pytest.mark.parametrize("years", [1, 23, 25, 60, 200])  # from 2050 on the time is written in another form
def test_it_reads_what_the_library_reads(tmp_path: Path, years: int) -> None:
    paper = Papers(tmp_path).issue("device", ends=years * 365 * A_DAY)
    known = x509.load_pem_x509_certificate(paper.cert.read_bytes())
    found = validity_of(paper.cert)
    assert datetime.fromtimestamp(found.begins, UTC) == known.not_valid_before_utc
    assert datetime.fromtimestamp(found.ends, UTC) == known.not_valid_after_utc


def test_a_certificate_of_the_last_century_has_ended(tmp_path: Path) -> None:
    paper = Papers(tmp_path).issue("device", begins=-60 * 365 * A_DAY, ends=-40 * 365 * A_DAY)
    assert validity_of(paper.cert).days_left(datetime.now(UTC).timestamp()) < -39 * 365


def test_in_a_chain_the_devices_own_comes_first(tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"Bag attributes: none\n" + papers.device.cert.read_bytes() + papers.ca.read_bytes())
    assert validity_of(chain) == validity_of(papers.device.cert)


@given(st.floats(-400 * 86_400, 400 * 86_400))
def test_days_left_are_whole_days(seconds: float) -> None:
    validity = Validity(0.0, 1e9)
    days = validity.days_left(1e9 - seconds)
    assert days * 86_400 <= seconds + 1e-3
    assert seconds - 1e-3 < (days + 1) * 86_400
    assert (validity.problem(1e9 - seconds) != "") == (1e9 - seconds > 1e9)


def test_a_period_that_has_not_begun_is_a_problem() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    validity = Validity((now + timedelta(hours=1)).timestamp(), (now + A_DAY).timestamp())
    assert validity.problem(now.timestamp()) == "is not valid before 2026-01-01 01:00 UTC"


@given(st.binary(max_size=200) | st.integers(0, 500).map(lambda length: bytes([0x30, 0x82, length >> 8, length & 255])))
def test_any_bytes_are_a_sentence_and_no_crash(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    with pytest.raises(ValueError, match="holds"):
        _read(tmp_path_factory.getbasetemp() / "garbage.pem", _pem(garbage))


def test_a_truncated_certificate_is_a_sentence(tmp_path: Path) -> None:
    whole = Papers(tmp_path).device.cert.read_bytes().splitlines(keepends=True)
    der = base64.b64decode(b"".join(whole[1:-1]))
    for length in range(0, 120, 7):
        with pytest.raises(ValueError, match="holds a damaged certificate"):
            _read(tmp_path / "short.pem", _pem(der[:length]))


def test_a_file_without_a_certificate_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no certificate in PEM form"):
        validity_of(Papers(tmp_path).device.key)


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der) + b"\n-----END CERTIFICATE-----\n"


def _read(path: Path, pem: bytes) -> Validity:
    path.write_bytes(pem)
    return validity_of(path)
