"""The file of users: private, replaced as a whole, locked; a damaged one lets nobody in and is never written over."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import until

from edge_mask.errors import Refused, TryLater
from edge_mask.web.accounts.hashing import Hasher
from edge_mask.web.accounts.register import Register
from edge_mask.web.accounts.register_file import RegisterFile
from edge_mask.web.rights import Role

HASH = Hasher().hashed("correct horse battery")


@pytest.fixture
def file(tmp_path: Path) -> RegisterFile:
    made = RegisterFile(tmp_path / "edge-mask.db.users.json")
    made.change(lambda register: (register.with_user("ann", Role.OPERATOR, HASH, "2026-11-29T09:00:00Z"), None))
    return made


def add(file: RegisterFile, name: str) -> None:
    file.change(lambda register: (register.with_user(name, Role.VIEWER, HASH, "2026-11-29T09:00:00Z"), None))


def test_only_its_owner_may_read_it_and_no_secret_stands_in_it(file: RegisterFile) -> None:
    _, secret = file.change(lambda register: _made(register.with_token("ann", frozenset({"read"}), "")))
    for path in file.path.parent.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path.name
    text = file.path.read_text()
    assert secret not in text
    assert "correct horse" not in text


def _made(made: tuple[Register, str, str]) -> tuple[Register, tuple[str, str]]:
    return made[0], made[1:]


def test_a_file_that_nobody_made_is_a_register_of_nobody(tmp_path: Path) -> None:
    assert RegisterFile(tmp_path / "none.json").read() == Register()


def test_what_another_process_changed_counts_at_once(file: RegisterFile) -> None:
    other = RegisterFile(file.path)
    assert set(file.read().users) == {"ann"}
    add(other, "bob")
    assert set(file.read().users) == {"ann", "bob"}
    other.change(lambda register: (register.without_user("bob"), None))
    assert set(file.read().users) == {"ann"}


def damages() -> list[Any]:
    def changed(**what: Any) -> bytes:
        user = {"role": "operator", "password": HASH, "stamp": "ab", "since": ""}
        whole = {"version": 1, "users": {"ann": user}, "tokens": {}, **what}
        return json.dumps(whole).encode()

    good = {"role": "operator", "password": HASH, "stamp": "ab", "since": ""}
    token = {"sha256": "ab", "scopes": ["read"], "since": "", "owner": "nobody"}
    return [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 500, id="zeros, as after a power cut"),
        pytest.param(changed()[:-20], id="cut off"),
        pytest.param(b"\xff" + changed(), id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no users key"),
        pytest.param(b'{"users": {}, "tokens": {}}', id="no version"),
        pytest.param(changed(version=2), id="a later version"),
        pytest.param(changed(users={"ann": {**good, "role": "admin"}}), id="no role of ours"),
        pytest.param(changed(users={"ann": {**good, "password": ""}}), id="no password"),
        pytest.param(changed(users={"ann": {**good, "stamp": ""}}), id="no stamp"),
        pytest.param(changed(users={"ann": {**good, "password": HASH.replace("19456", "4194304")}}), id="4 GB a hash"),
        pytest.param(changed(users=[]), id="users as a list"),
        pytest.param(changed(tokens={"t": {**token, "owner": "nobody"}}), id="a token of nobody"),
        pytest.param(changed(tokens={"t": {**token, "scopes": ["all"], "owner": None}}), id="no scope of ours"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b" " * 2_000_000, id="too large"),
    ]


@pytest.mark.parametrize("data", damages())
def test_a_damaged_file_is_a_sentence_and_is_never_written_over(file: RegisterFile, data: bytes) -> None:
    file.path.write_bytes(data)
    with pytest.raises(Refused, match=r"users.json: .*nobody can log in") as refused:
        file.read()
    assert HASH not in str(refused.value)
    with pytest.raises(Refused, match="nobody can log in"):
        add(file, "bob")
    assert file.path.read_bytes() == data


def test_a_file_that_was_put_right_is_read_again(file: RegisterFile) -> None:
    good = file.path.read_bytes()
    file.path.write_bytes(b"")
    with pytest.raises(Refused):
        file.read()
    file.path.write_bytes(good)
    assert set(file.read().users) == {"ann"}


@pytest.mark.parametrize("kind", ["a folder", "a pipe"])
def test_what_is_no_file_is_a_sentence_and_nobody_hangs(file: RegisterFile, kind: str) -> None:
    file.path.unlink()
    if kind == "a folder":
        file.path.mkdir()
    else:
        os.mkfifo(file.path)
    with pytest.raises(Refused, match=r"cannot be read: .*; nobody can log in"):
        file.read()


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="cannot be written: No such file or directory"):
        add(RegisterFile(tmp_path / "gone" / "users.json"), "bob")


def test_many_writers_lose_nothing(file: RegisterFile) -> None:
    files = [RegisterFile(file.path) for _ in range(8)]

    def work(number: int) -> None:
        for turn in range(5):
            add(files[number], f"u{number}-{turn}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(file.read().users) == 41


WRITER = """
import sys
from pathlib import Path
from edge_mask.web.accounts.register_file import RegisterFile
file, hashed = RegisterFile(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
while True:
    file.change(lambda register: (register.with_password("ann", hashed), None))
"""


def test_a_kill_while_it_is_written_leaves_the_old_or_the_new_one_and_no_lock(file: RegisterFile) -> None:
    for _ in range(3):
        stamp = file.read().users["ann"].stamp
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(file.path), HASH], stdout=subprocess.PIPE)
        until(lambda before=stamp: file.read().users["ann"].stamp != before)  # type: ignore[misc]  # it is writing now
        writer.kill()
        writer.communicate()
        assert set(file.read().users) == {"ann"}
    add(file, "bob")
    assert set(file.read().users) == {"ann", "bob"}
