"""Heads of requests that a parser takes and we do not: too much in one go, and two lengths."""

import asyncio
import logging
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from tests.web.asking import asking, site

from edge_mask.errors import DatabaseError, TryLater
from edge_mask.private_file import replace_private
from edge_mask.web.address import context_of
from edge_mask.web.api import answers


@pytest.mark.parametrize("header", ["x_padding", "cookie", "accept_language"])
def test_headers_of_60_kilobytes_in_one_go_are_refused_as_those_that_come_slowly(tmp_path: Path, header: str) -> None:
    program = asking(site(tmp_path))
    answer = program.get("/healthz", **{header: "x" * 60_000})
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    assert "more than 16384 bytes" in answer.json()["detail"]
    assert program.get(f"/healthz?{'x' * 60_000}").status == 431
    assert program.get("/healthz", **{header: "x" * 12_000}).status == 200


def test_a_request_with_two_lengths_is_refused_and_its_connection_ends(tmp_path: Path) -> None:
    program = asking(site(tmp_path), bearer="infer")
    answer = program.post("/mask/", b"0", content_length="1", transfer_encoding="chunked")
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert "two lengths" in answer.json()["detail"]


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_the_log_names_the_file_of_the_two_that_is_missing(tmp_path: Path, missing: str) -> None:
    there = {"cert": tmp_path / "web.pem", "key": tmp_path / "web.key"}
    for name, path in there.items():
        if name != missing:
            path.write_text("something")
    with pytest.raises(TryLater, match=f"{there[missing].name} cannot be read: No such file"):
        context_of(there["cert"], there["key"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        with Path("/dev/full").open("wb", buffering=0) as disk:
            disk.write(b"x")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as failed:
        replace_private(tmp_path / "sessions.json", b"{}")
    assert failed.value.filename == str(tmp_path / "sessions.json")


def test_a_damaged_database_is_one_line_in_the_log_and_not_one_for_each_request(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_outage", answers._Outage())

    def damaged() -> None:
        raise DatabaseError("edge-mask.db: is damaged")

    for _ in range(5):
        with pytest.raises(HTTPException, match="the history cannot be read now"):
            asyncio.run(answers.read(damaged))
    assert [each.levelno for each in caplog.records if each.name == answers.__name__].count(logging.WARNING) == 1
