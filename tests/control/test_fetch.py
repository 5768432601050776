"""The zip of a package comes whole, over https or from a file, or a sentence says why not; nothing of it is left."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.broker import free_port
from tests.control.shop import Shop

from edge_mask.control.cloud import fetch
from edge_mask.control.cloud.fetch import clean, fetched
from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Moment

CONTENT = b"a zip, as it were"
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with Shop(tmp_path) as running:
        running.files["/m.zip"] = CONTENT
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        yield running


def get(source: str, folder: Path, sha256: str = SUM, clock: ManualClock | None = None) -> bytes:
    with fetched(source, sha256, folder, clock or ManualClock()) as zipped:
        return zipped.read_bytes()


def left(folder: Path) -> list[Path]:
    return list(folder.glob(".edge-mask-fetch-*"))


def test_it_comes_over_https_and_from_a_file(tmp_path: Path, shop: Shop) -> None:
    assert get(f"{shop.address}/m.zip?signature=secret", tmp_path) == CONTENT
    (tmp_path / "m.zip").write_bytes(CONTENT)
    assert get(str(tmp_path / "m.zip"), tmp_path) == CONTENT
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/none.zip", "the server answers 404"), ("/plain", "without https"), ("/short", "its sha256 is")],
)
def test_what_does_not_come_whole_is_refused(tmp_path: Path, shop: Shop, path: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        get(f"{shop.address}{path}", tmp_path)
    assert left(tmp_path) == []


def test_a_server_that_nobody_trusts_is_refused(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Refused, match="its certificate is not trusted"):
        get(f"{shop.address}/m.zip", tmp_path)


def test_a_server_that_is_away_is_asked_later(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="refused"):
        get(f"https://localhost:{free_port()}/m.zip", tmp_path)


def test_a_signature_stands_in_no_sentence(tmp_path: Path, shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        get(f"{shop.address}/m.zip?X-Amz-Signature=sesame", tmp_path, "0" * 64)
    assert "sesame" not in str(refused.value)


def test_what_is_too_large_or_too_slow_is_refused(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(ManualClock):
        def now(self) -> Moment:
            self._mono += fetch.FETCHED_WITHIN + 1
            return super().now()

    with pytest.raises(Refused, match="was not there within"):
        get(f"{shop.address}/m.zip", tmp_path, clock=Late())
    monkeypatch.setattr(fetch, "LARGEST", 5)
    with pytest.raises(Refused, match="is larger than"):
        get(f"{shop.address}/m.zip", tmp_path)


def test_a_pipe_and_a_folder_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(Refused, match="there is no such file"):
            get(str(path), tmp_path)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be fetched"):
        get("/m.zip", tmp_path / "missing")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".edge-mask-fetch-abc").mkdir()
    (tmp_path / ".edge-mask-fetch-abc" / "package.zip").write_bytes(CONTENT)
    clean(tmp_path)
    assert left(tmp_path) == []
