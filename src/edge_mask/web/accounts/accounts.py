"""Who is this, let me in, let me out: every answer is about now, whatever `edge-mask users` did a moment ago."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_mask.errors import Refused, TryLater
from edge_mask.ledger.database import beside
from edge_mask.runtime.clock import Clock, boot_id
from edge_mask.units import Seconds, Unix
from edge_mask.web.accounts.delays import Delays
from edge_mask.web.accounts.hashing import Hasher
from edge_mask.web.accounts.register import Register, User, digest
from edge_mask.web.accounts.register_file import RegisterFile
from edge_mask.web.accounts.sessions import Session, Sessions
from edge_mask.web.accounts.spelling import name_of, new_password, password_of
from edge_mask.web.rights import OF_ROLE, Principal

log = logging.getLogger(__name__)

FIRST_USER: Final = "nobody can log in yet; make the first user: edge-mask users add NAME --config FILE"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`secret` is for the cookie and nowhere else."""

    who: Principal
    secret: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """The name or the password; nobody says which."""


@dataclass(frozen=True, slots=True)
class TooSoon:
    """Nothing was tried; ask again after `seconds`."""

    seconds: Seconds


Login = LoggedIn | Wrong | TooSoon


def register_beside(database: Path) -> RegisterFile:
    """Users and tokens lie beside the database."""
    return RegisterFile(beside(database, ".users.json"))


def sessions_beside(database: Path) -> Path:
    return beside(database, ".sessions.json")


def utc(wall: Unix) -> str:
    """As times are written for people and programs."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Accounts:
    """Any thread may use it. What is slow hashes a password, or writes: never call it in the server's loop."""

    def __init__(self, database: Path, clock: Clock) -> None:
        """Raises Refused without argon2."""
        self._clock = clock
        self._hasher = Hasher()
        self._register = register_beside(database)
        self._sessions = Sessions(sessions_beside(database), boot_id())
        self._delays = Delays(self._sessions.places)
        self._said = ""
        self._is_unwritten = False

    # -- the register ------------------------------------------------------------------------------------

    def trouble(self) -> str:
        """Why nobody can log in at all; empty when somebody can."""
        try:
            return "" if self._register.read().users else FIRST_USER
        except Refused as error:
            return str(error)

    @property
    def has_users(self) -> bool:
        """Whether anybody can log in."""
        return not self.trouble()

    def _now_known(self) -> Register:
        """Nobody, while the register cannot be read. The log says once why nobody can log in."""
        try:
            register = self._register.read()
            trouble = "" if register.users else FIRST_USER
        except Refused as error:
            register, trouble = Register(), str(error)
        if trouble != self._said:
            self._said = trouble
            if trouble:
                log.warning("web: %s", trouble)
            else:
                log.info("web: users can log in now")
        return register

    # -- who is this -------------------------------------------------------------------------------------

    def of_session(self, secret: str) -> Principal | None:
        """Whose cookie that is. Takes microseconds."""
        return self._of_key(digest(secret))

    def of_token(self, secret: str) -> Principal | None:
        """Whose bearer token that is."""
        found = self._now_known().token_of(digest(secret))
        if found is None:
            return None
        name, token = found
        self._sessions.token_used(token.sha256, utc(self._clock.now().wall))
        return Principal(name, token.scopes, token=token.sha256, owner=token.owner)

    def still(self, who: Principal) -> bool:
        """Whether somebody who was let in would be let in now, with the same rights: for streams that stay open."""
        if who.session is not None:
            return self._of_key(who.session) == who
        found = self._now_known().token_of(who.token) if who.token is not None else None
        return found is not None and found[1].scopes == who.scopes

    def _of_key(self, key: str) -> Principal | None:
        session = self._sessions.touch(key, self._clock.now().mono)
        if session is None:
            return None
        user = self._now_known().users.get(session.user)
        return _who(session.user, user, key) if user is not None and user.stamp == session.stamp else None

    # -- in and out --------------------------------------------------------------------------------------

    def login(
        self, name: str, password: str, *, address: str, agent: str = "", instead_of: Collection[str] = ()
    ) -> Login:
        """A new session for whoever knows the password, in the place of those of these secrets. Slow."""
        known = _known_name(name)
        tried = self._tried(known, password, address)
        if not isinstance(tried, User):
            return tried
        log.info("web: %s logged in from %s", known, address)
        self._end(instead_of)
        return self._begin(known, tried, address, agent)

    def change_password(self, who: Principal, old: str, new: str, *, address: str, agent: str = "") -> Login:
        """Another password ends every session of the user; the answer is a new one. Slow. Raises Refused for a password
        that is unfit, TryLater when it cannot be written."""
        password = new_password(new, who.name)
        tried = self._tried(who.name, old, address)
        if not isinstance(tried, User):
            return tried
        hashed = self._hasher.hashed(password)
        self._register.change(lambda register: (register.with_password(who.name, hashed), None))
        log.info("web: %s has another password, set from %s", who.name, address)
        return self._begin(who.name, self._now_known().user(who.name), address, agent)

    def _tried(self, name: str, password: str, address: str) -> User | Wrong | TooSoon:
        """The user, if that is the password. Unknown names take the same time."""
        wait = self._delays.attempt(address, name, self._clock.now().mono)
        if wait > 0.0:
            return TooSoon(wait)
        user = self._now_known().users.get(name)
        is_right = self._hasher.fits(user.password if user else None, password_of(password))
        if user is None or not is_right:
            # A name that nobody has is not told to the log: it may be a password in the wrong field.
            log.warning("web: login failed for %s from %s", name if user else "an unknown user", address)
            return Wrong()
        self._delays.succeeded(address, name)
        return user

    def _begin(self, name: str, user: User, address: str, agent: str) -> LoggedIn:
        now = self._clock.now()
        users = self._now_known().users
        self._sessions.drop(lambda each: each.user not in users or users[each.user].stamp != each.stamp)
        secret = self._sessions.begin(name, user.stamp, now, utc(now.wall), place=address, agent=agent)
        self._sessions.places = self._delays.familiar()
        self.keep()
        return LoggedIn(_who(name, user, digest(secret)), secret)

    # -- sessions ----------------------------------------------------------------------------------------

    def sessions(self, who: Principal) -> Mapping[str, tuple[Session, str]]:
        """The sessions of the same user by key, the newest first, each with the time of its last use."""
        now = self._clock.now()
        user = self._now_known().users.get(who.name)
        return {
            key: (session, utc(Unix(now.wall - (now.mono - session.used))))
            for key, session in self._sessions.of(who.name, now.mono).items()
            if user is not None and session.stamp == user.stamp
        }

    def end_session(self, name: str, key: str) -> None:
        """One session of that user. Raises TryLater, see `_keep_now`."""
        self._sessions.end(lambda each, session: each == key and session.user == name)
        self._keep_now()

    def end_shown(self, secrets: Collection[str]) -> None:
        """The sessions of these secrets. Raises TryLater, see `_keep_now`."""
        self._end(secrets)
        self._keep_now()

    def _end(self, secrets: Collection[str]) -> None:
        keys = set(map(digest, secrets))
        self._sessions.end(lambda key, _session: key in keys)

    def end_sessions(self, name: str) -> None:
        """Every session of that user. Raises TryLater, see `_keep_now`."""
        self._sessions.end(lambda _key, session: session.user == name)
        self._keep_now()

    def keep(self) -> None:
        """Write sessions and times of use where something is new, or old enough; slow. What fails is logged."""
        self._now_known()
        now = self._clock.now().mono
        if self._sessions.is_due(now):
            self._write(now)

    def stopped(self) -> None:
        """The process ends: the times of use are to outlive it."""
        self._write(self._clock.now().mono)

    def _keep_now(self) -> None:
        """On the disk when this returns. Raises TryLater: they have ended, and a restart would bring them back."""
        if (error := self._write(self._clock.now().mono)) is not None:
            raise TryLater(f"{error.filename} cannot be written: {error.strerror}")

    def _write(self, now: Seconds) -> OSError | None:
        """Why it could not be written."""
        try:
            self._sessions.write(now)
        except OSError as error:
            if not self._is_unwritten:
                text = "a restart brings sessions back that have ended since, and ends new ones"
                log.warning("web: %s cannot be written: %s; %s", error.filename, error.strerror, text)
            self._is_unwritten = True
            return error
        self._is_unwritten = False
        return None


def _who(name: str, user: User, key: str) -> Principal:
    return Principal(name, OF_ROLE[user.role], user.role, key)


def _known_name(text: str) -> str:
    """The name as it is kept; what cannot be one is nobody's."""
    try:
        return name_of(text)
    except Refused:
        return ""
