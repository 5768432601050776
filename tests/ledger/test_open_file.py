"""The file that the daemon holds open, and what others do to it meanwhile."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import open_writer
from edge_mask.ledger.open_file import OpenFile


def test_a_folder_that_comes_back_while_its_file_is_opened_again_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    home.mkdir()
    file = OpenFile(home / "db", lambda _connection: None)
    file.open()

    def come_back(path: Path) -> Connection:
        if elsewhere.exists():
            elsewhere.rename(home)
        return open_writer(path)

    monkeypatch.setattr("edge_mask.ledger.open_file.open_writer", come_back)
    home.rename(elsewhere)
    with suppress(DatabaseError):
        file.follow()
    if elsewhere.exists():
        elsewhere.rename(home)
    if not file.is_open:
        file.reopen()
    assert file.vanished == ""
    (home / "db").unlink()
    file.follow()
    assert "somebody deleted, moved or replaced" in file.vanished
    file.close()
