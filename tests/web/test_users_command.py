"""`edge-mask users`, as somebody types it."""

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest
from tests.end_to_end.daemon import COMMAND, Ended, edge_mask, write_config
from tests.web.typed import typed

from edge_mask.doctor import examine
from edge_mask.settings.model import Settings

WORD = "correct horse battery"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One device for all tests here: ann is its operator."""
    made = tmp_path_factory.mktemp("users")
    write_config(made, None)
    assert users(made, "add", "Ann", stdin=f"{WORD}\n").out == "user ann (operator) can log in\n"
    return made


def users(folder: Path, *words: str, stdin: str | None = "") -> Ended:
    return typed("users", *words, "--config", folder / "config.yaml", stdin=stdin)


def listed(folder: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(users(folder, "list", "--json").out)
    return found


def test_a_token_is_the_last_word_and_is_shown_once(folder: Path) -> None:
    made = users(folder, "token", "prometheus", "--scope", "metrics")
    secret = made.out.split()[-1]
    assert made.code == 0
    assert secret.startswith("em_")
    assert "belongs to no user" in made.err
    again = users(folder, "token", "prometheus", "--scope", "metrics")
    assert again.code == 1
    assert "there is already a token prometheus; revoke it first: edge-mask users revoke prometheus" in again.err
    shown = users(folder, "list")
    assert "token  prometheus" in shown.out
    assert "not used yet" in shown.out
    assert secret not in shown.out + repr(listed(folder))
    assert users(folder, "revoke", "prometheus").out == "token prometheus is revoked\n"
    assert [token["name"] for token in listed(folder)["tokens"]] == []


def test_a_token_of_a_user_ends_with_the_user_and_can_do_no_more(folder: Path) -> None:
    assert users(folder, "add", "bob", "--role", "viewer", stdin=WORD).code == 0
    assert "bob is a viewer and may not infer" in users(folder, "token", "bob", "--scope", "read,infer").err
    for _ in range(2):
        assert users(folder, "token", "bob", "--scope", "read").code == 0
    assert [(token["name"], token["user"]) for token in listed(folder)["tokens"]] == [("bob", "bob"), ("bob-2", "bob")]
    assert users(folder, "remove", "bob").out == "user bob is removed, with 2 tokens and all sessions\n"
    found = listed(folder)
    assert [user["name"] for user in found["users"]] == ["ann"]
    assert found["tokens"] == []


@pytest.mark.parametrize(
    ("words", "stdin", "code", "sentence"),
    [
        (("add", "ann"), WORD, 1, "there is already a user ann; a new password: edge-mask users password ann"),
        (("add", "ann", "--role", "viewer"), WORD, 1, "another role: edge-mask users role ann viewer|operator"),
        (("role", "anne", "viewer"), None, 1, "there is no user anne; did you mean ann?"),
        (("role", "ann", "admin"), None, 2, "invalid choice: 'admin'"),
        (("add", "carl"), "short\n", 1, "the password has 5 characters; allowed: 12 to 256"),
        (("add", "carl"), "", 1, "the password has 0 characters"),
        (("add", "carl"), f"{WORD}\n{WORD}\n", 1, "the password holds a control character"),
        (("add", "carl"), "x" * 60_000, 1, "standard input holds more than 4096 bytes; expected is one line"),
        (("add", "a b"), WORD, 1, "'a b' cannot be a name; allowed: up to 64 letters"),
        (("add", "carl", "--role", "admin"), WORD, 2, "invalid choice: 'admin'"),
        (("password", "anne"), WORD, 1, "there is no user anne; did you mean ann?"),
        (("remove", "nobody"), None, 1, "there is no user nobody"),
        (("revoke", "nothing"), None, 1, "there is no token nothing"),
        (("token", "ann", "--scope", "read,infr"), None, 2, '"infr" is no scope; allowed'),
        (("token", "ann"), None, 2, "--scope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_a_sentence(
    folder: Path, words: tuple[str, ...], stdin: str | None, code: int, sentence: str
) -> None:
    before = listed(folder)
    ended = users(folder, *words, stdin=stdin)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err
    assert WORD not in ended.err
    assert listed(folder) == before


def test_another_role_counts_and_the_last_operator_is_told(tmp_path: Path) -> None:
    write_config(tmp_path, None)
    assert users(tmp_path, "add", "ann", stdin=WORD).code == 0
    made = users(tmp_path, "role", "ANN", "viewer")
    assert (made.code, made.out) == (0, "user ann is now a viewer\n")
    assert "nobody is an operator any more" in made.err
    assert "ann is a viewer and may not infer" in users(tmp_path, "token", "ann", "--scope", "infer").err
    assert users(tmp_path, "role", "ann", "operator").out == "user ann is now an operator\n"
    again = users(tmp_path, "role", "ann", "operator")
    assert (again.out, again.err) == ("user ann is already an operator\n", "")
    assert [user["role"] for user in listed(tmp_path)["users"]] == ["operator"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outbox: {pth: x.db}\n", 'outbox.pth: unknown key; did you mean "path"?'),
        ("outbx: {path: x.db}\n", 'outbx: unknown key; did you mean "outbox"?'),
    ],
)
def test_with_a_misspelt_place_of_the_database_no_user_is_made_beside_another_one(
    tmp_path: Path, text: str, said: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = edge_mask("users", "add", "kim", "--config", config, cwd=tmp_path, stdin=WORD)
    assert done.code == 2, done
    assert said in done.err
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("gatee: {}\n", 'did you mean "gate"?'),
        ("mqtt: {host: 7}\n", "mqtt.host"),
        ("cameras: [{name: front, source: '${NOT_SET_ANYWHERE}'}]\n", "NOT_SET_ANYWHERE is not set"),
        ("web: {enabled: true, port: 99999999}\n", "web.port"),
    ],
)
def test_users_are_made_while_the_configuration_is_broken(tmp_path: Path, broken: str, said: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"outbox: {{path: {tmp_path}/state/em.db}}\n{broken}")
    (tmp_path / "state").mkdir()
    made = edge_mask("users", "list", "--config", config, cwd=tmp_path)
    assert made.code == 0
    assert "there is no user yet" in made.err
    done = users(tmp_path, "add", "ann", stdin=WORD)
    assert (done.code, done.out) == (0, "user ann (operator) can log in\n")
    assert "the configuration is broken: " in done.err
    assert said in done.err
    assert f"its users are beside {tmp_path}/state/em.db" in done.err
    assert (tmp_path / "state" / "em.db.users.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "outbox: {path: 7}\n", "outbox: [\n", "outbox: 5\n", "outbox: {path: '${NOT_SET_ANYWHERE}'}\n", "- a\n",
        "outbox: {path: a.db}\noutbox: {path: b.db}\n",
    ],
)  # fmt: skip
def test_where_users_lie_is_never_guessed(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    ended = users(tmp_path, "add", "ann", stdin=WORD)
    assert (ended.code, ended.out) == (2, "")
    assert str(tmp_path / "config.yaml") in ended.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.yaml"]


def test_a_damaged_file_is_a_sentence_and_is_left_as_it_is(tmp_path: Path) -> None:
    write_config(tmp_path, None)
    file = tmp_path / "edge-mask.db.users.json"
    file.write_bytes(b'{"version": 1')
    for words in (("list",), ("add", "ann")):
        ended = users(tmp_path, *words, stdin=WORD)
        assert (ended.code, ended.out) == (1, "")
        assert f"{file}: is damaged: " in ended.err
        assert "nobody can log in. Put back a copy of it, or delete it" in ended.err
    assert file.read_bytes() == b'{"version": 1'


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    config = write_config(tmp_path, None)
    for second, expected in (("another horse battery", b"the two passwords are not the same"), (WORD, b"can log in")):
        shown = _typed([COMMAND, "users", "add", "ann", "--config", config], [WORD, second])
        assert expected in shown
        assert WORD.encode() not in shown
    assert [user["name"] for user in listed(tmp_path)["users"]] == ["ann"]


def _typed(command: list[str | Path], answers: list[str]) -> bytes:
    """All that a terminal shows while somebody answers the prompts."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    shown, waiting = b"", list(answers)
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
        if waiting and shown.rstrip().endswith(b":"):
            os.write(master, waiting.pop(0).encode() + b"\n")
            shown += b"|"
    os.close(master)
    process.wait()
    return shown


def test_several_commands_at_once_lose_no_user(tmp_path: Path) -> None:
    config = write_config(tmp_path, None)
    ended: list[Ended] = []

    def add(number: int) -> None:
        words = ("users", "add", f"user-{number}", "--config", config)
        ended.append(edge_mask(*words, cwd=tmp_path, stdin=f"{WORD}\n"))

    workers = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [each.code for each in ended] == [0] * 4, ended
    assert len(listed(tmp_path)["users"]) == 4


def test_a_file_written_by_root_belongs_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    write_config(tmp_path, None)
    os.chown(tmp_path, 65534, 65534)
    assert users(tmp_path, "add", "ann", stdin=WORD).code == 0
    for name in ("edge-mask.db.users.json", "edge-mask.db.users.json.lock"):
        found = (tmp_path / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65534, 0o600)


def test_without_the_library_for_passwords_it_is_said_what_to_install(folder: Path) -> None:
    with mock.patch.dict(sys.modules, {"argon2": None}):
        ended = users(folder, "add", "carl", stdin=WORD)
        assert users(folder, "list").code == 0
    assert ended.code == 1
    assert 'passwords need a library that is not installed: pip install "edge-mask[web]"' in ended.err


def test_the_command_and_check_load_neither_a_web_server_nor_templates() -> None:
    modules = "edge_mask.cli.users, edge_mask.web.accounts.accounts, edge_mask.doctor.users"
    unwanted = '{"starlette", "uvicorn.config", "jinja2", "argon2", "multipart"}'
    code = (
        f"import sys, {modules}; sys.exit(str({unwanted} & set(sys.modules)) if {unwanted} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("damage", "state", "text"),
    [
        (None, "ok", "1 user, 0 tokens"),
        (b"", "failed", "is damaged"),
        (b'{"version": 1, "users": {}, "tokens": {}}', "warning", "make the first user: edge-mask users add NAME"),
    ],
)
def test_check_says_whether_anybody_can_log_in(tmp_path: Path, damage: bytes | None, state: str, text: str) -> None:
    write_config(tmp_path, None)
    settings = Settings.model_validate({"outbox": {"path": str(tmp_path / "edge-mask.db")}, "web": {"enabled": True}})
    users(tmp_path, "add", "ann", stdin=WORD)
    if damage is not None:
        (tmp_path / "edge-mask.db.users.json").write_bytes(damage)
    (found,) = [each for each in examine(settings) if each.part == "users"]
    assert found.state == state
    assert text in found.text
