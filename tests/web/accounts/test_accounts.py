"""Who is let in, and how it ends. The clock is turned by hand; the files are real."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import ManualClock
from edge_mask.web.accounts.accounts import (
    FIRST_USER,
    Accounts,
    LoggedIn,
    TooSoon,
    Wrong,
    register_beside,
    sessions_beside,
)
from edge_mask.web.accounts.hashing import Hasher
from edge_mask.web.accounts.register import Register
from edge_mask.web.accounts.sessions import IDLE, LONGEST, MOST_OF_A_USER, read_kept
from edge_mask.web.rights import SCOPES, Role, Scope

WORD = "correct horse battery"
HASH = Hasher().hashed(WORD)
HOME = "192.168.1.5"


class Place:
    """A device with ann (operator) and bob (viewer); the command line is another reader of the same file."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "edge-mask.db"
        self.clock = ManualClock()
        self.cli = register_beside(self.database)
        self.add("ann", Role.OPERATOR)
        self.add("bob", Role.VIEWER)
        self.accounts = self.again()

    def add(self, name: str, role: Role) -> None:
        self.cli.change(lambda register: (register.with_user(name, role, HASH, ""), None))

    def again(self) -> Accounts:
        """What a restart of the daemon makes."""
        return Accounts(self.database, self.clock)

    def login(self, name: str = "ann", word: str = WORD, address: str = HOME) -> LoggedIn:
        found = self.accounts.login(name, word, address=address)
        assert isinstance(found, LoggedIn), found
        return found

    def token(self, name: str, *scopes: Scope) -> str:
        def make(register):  # type: ignore[no-untyped-def]
            fresh, _, secret = register.with_token(name, frozenset(scopes), "")
            return fresh, secret

        return str(self.cli.change(make))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_password_opens_a_session_with_the_scopes_of_the_role(place: Place) -> None:
    ann, bob = place.login(), place.login("BOB")
    assert (ann.who.name, ann.who.role, ann.who.scopes) == ("ann", Role.OPERATOR, frozenset(SCOPES))
    assert (bob.who.name, bob.who.role, bob.who.scopes) == ("bob", Role.VIEWER, frozenset({"read"}))
    assert place.accounts.of_session(ann.secret) == ann.who
    assert place.accounts.of_session(ann.secret + "x") is None
    assert place.accounts.of_token(ann.secret) is None, "a session is no token"


def test_the_cookie_and_its_hash_are_two_things_and_only_the_hash_is_kept(place: Place) -> None:
    ann = place.login()
    kept = sessions_beside(place.database).read_text()
    assert ann.secret not in kept
    assert ann.who.session is not None
    assert ann.who.session in kept
    assert place.accounts.of_session(ann.who.session) is None, "what is kept opens nothing"
    assert sessions_beside(place.database).stat().st_mode & 0o777 == 0o600


def test_whatever_is_wrong_has_the_same_answer(place: Place) -> None:
    long, half = "x" * 60_000, "\ud800"
    names = [(name, "wrong wrong wrong") for name in ("ann", "nobody", "", "a b", "\0", long, half)]
    words = [("ann", word) for word in ("", "\0" + WORD, WORD + "\0", WORD + "\n", WORD[:-1], long, half)]
    for number, (name, word) in enumerate([*names, *words, ("", "")]):
        assert place.accounts.login(name, word, address=f"10.0.0.{number}") == Wrong(), (name[:20], word[:20])


def test_a_name_that_nobody_has_is_not_told_to_the_log(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        place.accounts.login("my-secret-word-in-the-wrong-field", "ann", address=HOME)
        place.accounts.login("ann", "guess guess guess", address=HOME)
        place.login()
    assert "login failed for an unknown user from 192.168.1.5" in caplog.text
    assert "login failed for ann from 192.168.1.5" in caplog.text
    assert "secret" not in caplog.text
    assert "guess" not in caplog.text
    assert WORD not in caplog.text


def test_fifty_wrong_passwords_are_mostly_not_even_tried(place: Place) -> None:
    answers = [place.accounts.login("ann", f"guess number {n}", address=HOME) for n in range(50)]
    assert answers.count(Wrong()) == 3
    waits = [answer.seconds for answer in answers if isinstance(answer, TooSoon)]
    assert waits == [1.0] * 47
    assert isinstance(place.accounts.login("ann", WORD, address=HOME), TooSoon), "nor the right one, just now"
    place.clock.advance(1.0)
    place.login()


def test_a_session_ends_when_it_is_not_used_and_at_last_in_any_case(place: Place) -> None:
    ann = place.login()
    place.clock.advance(IDLE - 1)
    assert place.accounts.of_session(ann.secret)
    place.clock.advance(IDLE + 1)
    assert place.accounts.of_session(ann.secret) is None
    ann = place.login()
    for _ in range(int(LONGEST / IDLE) * 2):
        place.clock.advance(IDLE / 2 - 1)
        assert place.accounts.still(ann.who)
    place.clock.advance(IDLE / 2)
    assert not place.accounts.still(ann.who)
    assert place.accounts.of_session(ann.secret) is None


def test_setting_the_clock_neither_ends_nor_prolongs_a_session(place: Place) -> None:
    ann = place.login()
    place.clock.set_wall(0.0)
    assert place.accounts.of_session(ann.secret)
    place.clock.set_wall(4e9)
    assert place.accounts.of_session(ann.secret)
    place.clock.advance(IDLE + 1)
    place.clock.set_wall(0.0)
    assert place.accounts.of_session(ann.secret) is None


def test_each_login_is_a_session_of_its_own(place: Place) -> None:
    first, second = place.login(), place.login()
    assert first.secret != second.secret
    assert len(place.accounts.sessions(first.who)) == 2
    assert second.who.session is not None
    place.accounts.end_session("bob", second.who.session)
    assert place.accounts.of_session(second.secret), "nobody ends the sessions of others"
    place.accounts.end_session("ann", second.who.session)
    assert place.accounts.of_session(second.secret) is None
    assert place.accounts.of_session(first.secret)
    place.accounts.end_sessions("ann")
    assert place.accounts.of_session(first.secret) is None


def test_the_oldest_session_of_a_user_makes_room(place: Place) -> None:
    first = place.login()
    rest = [place.accounts._begin("ann", place.cli.read().users["ann"], HOME, "") for _ in range(MOST_OF_A_USER)]
    assert place.accounts.of_session(first.secret) is None
    assert all(place.accounts.of_session(each.secret) for each in rest)


def test_a_password_changed_on_the_command_line_ends_the_sessions_of_that_user_at_once(place: Place) -> None:
    ann, bob = place.login(), place.login("bob")
    place.cli.change(lambda register: (register.with_password("ann", HASH), None))
    assert place.accounts.of_session(ann.secret) is None
    assert not place.accounts.still(ann.who)
    assert place.accounts.of_session(bob.secret)
    assert place.again().of_session(ann.secret) is None


def test_a_removed_user_is_gone_with_sessions_and_tokens_and_does_not_come_back_with_the_name(place: Place) -> None:
    ann, token = place.login(), place.token("ann", "read")
    who = place.accounts.of_token(token)
    assert who is not None
    place.cli.change(lambda register: (register.without_user("ann"), None))
    place.add("ann", Role.VIEWER)
    assert place.accounts.of_session(ann.secret) is None
    assert place.accounts.of_token(token) is None
    assert not place.accounts.still(who)


def test_ones_own_password_ends_all_sessions_but_the_new_one(place: Place) -> None:
    stolen, ann = place.login(), place.login()
    fresh = place.accounts.change_password(ann.who, WORD, "another horse battery", address=HOME)
    assert isinstance(fresh, LoggedIn)
    assert place.accounts.of_session(fresh.secret) == fresh.who
    assert [place.accounts.of_session(each.secret) for each in (stolen, ann)] == [None, None]
    assert place.accounts.login("ann", WORD, address=HOME) == Wrong()
    place.login(word="another horse battery")


def test_a_stolen_session_does_not_know_the_password_and_guesses_are_delayed(place: Place) -> None:
    ann = place.login()
    tried = [place.accounts.change_password(ann.who, "guess", "another horse battery", address=HOME) for _ in range(5)]
    assert tried == [Wrong()] * 3 + [TooSoon(tried[3].seconds)] * 2 if isinstance(tried[3], TooSoon) else False
    with pytest.raises(Refused, match="has 5 characters"):
        place.accounts.change_password(ann.who, WORD, "short", address=HOME)


def test_sessions_outlive_a_restart_of_the_daemon_but_not_one_of_the_device(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = place.login()
    assert place.again().of_session(ann.secret) == ann.who
    monkeypatch.setattr("edge_mask.web.accounts.accounts.boot_id", lambda: "another boot")
    assert place.again().of_session(ann.secret) is None


@pytest.mark.parametrize("data", [b"", b"\0" * 99, b"[]", b'{"boot": 1}', b"{" * 99_999])
def test_a_damaged_file_of_sessions_means_that_everybody_logs_in_again(place: Place, data: bytes) -> None:
    ann = place.login()
    sessions_beside(place.database).write_bytes(data)
    place.accounts = place.again()
    assert place.accounts.of_session(ann.secret) is None
    place.login()


def test_a_session_whose_stamp_is_forged_in_a_damaged_file_opens_nothing(place: Place) -> None:
    ann = place.login()
    path = sessions_beside(place.database)
    path.write_text(path.read_text().replace(place.cli.read().users["ann"].stamp, "0" * 32))
    assert place.again().of_session(ann.secret) is None


def test_a_damaged_file_of_users_lets_nobody_in_neither_by_password_nor_session_nor_token(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    ann, token = place.login(), place.token("ann", "read")
    good = place.cli.path.read_bytes()
    place.cli.path.write_bytes(good[:-9])
    for accounts in (place.accounts, place.again()):
        assert accounts.login("ann", WORD, address=HOME) == Wrong()
        assert accounts.of_session(ann.secret) is None
        assert accounts.of_token(token) is None
        assert not accounts.has_users
        assert "is damaged" in accounts.trouble()
    assert caplog.text.count("is damaged") == 2, "once each, not with each request"
    place.cli.path.write_bytes(good)
    assert place.accounts.of_session(ann.secret) == ann.who
    assert place.accounts.has_users


def test_without_a_user_it_is_said_how_to_make_the_first(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "edge-mask.db", ManualClock())
    assert accounts.trouble() == FIRST_USER
    assert not accounts.has_users
    assert accounts.login("ann", "", address=HOME) == Wrong()
    assert accounts.login("", "", address=HOME) == Wrong()


def test_a_token_has_its_scopes_and_no_role_and_its_use_is_kept(place: Place) -> None:
    secret = place.token("prometheus", "metrics")
    who = place.accounts.of_token(secret)
    assert who is not None
    assert (who.name, who.scopes, who.role, who.session) == ("prometheus", frozenset({"metrics"}), None, None)
    assert place.accounts.still(who)
    place.accounts.keep()
    assert list(read_kept(sessions_beside(place.database)).tokens) == [who.token]
    place.cli.change(lambda register: (register.without_token("prometheus"), None))
    assert place.accounts.of_token(secret) is None
    assert not place.accounts.still(who)
    assert place.accounts.of_session(secret) is None


def test_a_use_that_is_already_known_is_not_written_each_time(place: Place) -> None:
    secret = place.token("prometheus", "metrics")
    path = sessions_beside(place.database)

    def used() -> tuple[int, int]:
        place.accounts.of_token(secret)
        place.accounts.keep()
        return path.stat().st_ino, path.stat().st_mtime_ns

    first = used()
    place.clock.advance(601)
    place.accounts.keep()
    assert path.stat().st_mtime_ns == first[1], "nobody used it meanwhile"
    second = used()
    assert second != first
    place.clock.advance(60)
    assert used() == second


def test_when_a_session_was_used_last_outlives_an_ordered_stop(place: Place) -> None:
    ann = place.login()
    for _ in range(3):
        place.clock.advance(IDLE / 2)
        assert place.accounts.of_session(ann.secret)
    place.accounts.stopped()
    place.clock.advance(IDLE / 2)
    assert place.again().of_session(ann.secret) == ann.who


def test_a_full_disk_ends_no_login(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    sessions_beside(place.database).mkdir()  # nothing can be written there
    ann = place.login()
    assert place.accounts.of_session(ann.secret) == ann.who
    for _ in range(5):
        place.clock.advance(61)
        place.accounts.keep()
    assert caplog.text.count("cannot be written") == 1
    sessions_beside(place.database).rmdir()
    place.clock.advance(61)
    place.accounts.keep()
    assert place.again().of_session(ann.secret) == ann.who, "written as soon as it can be"


@pytest.mark.parametrize("how", ["one", "all", "shown"])
def test_a_logout_that_cannot_be_written_is_never_called_done(place: Place, how: str) -> None:
    ann = place.login()
    written = sessions_beside(place.database)
    in_the_way = written.with_name(f"{written.name}.new")
    in_the_way.mkdir()  # nothing can be written
    end: Callable[[], None] = {
        "one": partial(place.accounts.end_session, "ann", ann.who.session or ""),
        "all": partial(place.accounts.end_sessions, "ann"),
        "shown": partial(place.accounts.end_shown, [ann.secret]),
    }[how]
    for _ in range(2):  # also right after a write that failed
        with pytest.raises(TryLater, match=r"sessions\.json\.new cannot be written: "):
            end()
    assert place.accounts.of_session(ann.secret) is None, "here it has ended"
    assert place.again().of_session(ann.secret) is not None, "a restart would bring it back, as was told"
    in_the_way.rmdir()
    place.clock.advance(61)
    place.accounts.keep()
    assert place.again().of_session(ann.secret) is None, "written as soon as it can be"


def test_a_token_keeps_no_right_that_its_user_has_lost(place: Place) -> None:
    secret = place.token("ann", "read", "control", "metrics")
    before = place.accounts.of_token(secret)
    assert before is not None
    assert before.scopes == {"read", "control", "metrics"}
    assert before.person == "ann"

    def demoted(register: Register) -> tuple[Register, None]:
        ann = replace(register.users["ann"], role=Role.VIEWER)
        return replace(register, users={**register.users, "ann": ann}), None

    place.cli.change(demoted)
    now = place.accounts.of_token(secret)
    assert now is not None
    assert now.scopes == {"read"}
    assert not place.accounts.still(before)
    assert place.accounts.still(now)


def test_who_was_here_is_let_through_while_strangers_guess_also_after_a_restart_of_the_device(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.login()
    monkeypatch.setattr("edge_mask.web.accounts.accounts.boot_id", lambda: "another boot")
    place.accounts = place.again()
    place.login("bob", address="192.168.7.7")
    place.accounts = place.again()
    for number in range(60):
        place.accounts._delays.attempt(f"10.0.0.{number}", "ann", place.clock.now().mono)
    assert isinstance(place.accounts.login("ann", WORD, address="203.0.113.7"), TooSoon)
    place.login()
    place.login("bob", address="192.168.7.7")
