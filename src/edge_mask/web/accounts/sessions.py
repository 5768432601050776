"""Sessions: random keys in cookies, of which only the hash is kept.

They outlive a restart of the daemon, not one of the device: their times are the monotonic clock's, which begins anew
at boot and which nobody can set. A session whose user is gone, or has another password, has ended: whoever asks
compares its stamp.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

import msgspec

from edge_mask.private_file import replace_private
from edge_mask.settings.base import read_whole
from edge_mask.units import Moment, Seconds
from edge_mask.web.accounts.delays import group_of
from edge_mask.web.accounts.register import digest

IDLE: Final = 12 * 3600.0
"""Seconds without a request after which a session ends; an open page that is kept up to date counts as requests."""
LONGEST: Final = 30 * 86400.0
MOST: Final = 500
MOST_OF_A_USER: Final = 20
_MOST_TOKENS: Final = 400
_WRITTEN_AGAIN_AFTER: Final = 600.0
_TRIED_AGAIN_AFTER: Final = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """One login. `since` is for people; the other times are monotonic."""

    user: str
    stamp: str
    begun: float
    used: float
    since: str
    place: str = ""
    agent: str = ""

    def is_over(self, now: float) -> bool:
        return not 0.0 <= now - self.begun <= LONGEST or now - self.used > IDLE


class Sessions:
    """Any thread may use it. `used` of tokens is kept here, too: both change without a change of the register."""

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._written_at = self._not_before = 0.0
        self._is_changed = self._is_used = False
        kept = read_kept(path)
        self._sessions = dict(kept.sessions) if kept.boot == boot != "unknown" else {}
        self._tokens = dict(kept.tokens)
        self.places = list(dict.fromkeys([*kept.places, *(group_of(each.place) for each in kept.sessions.values())]))
        """From where somebody logged in, the latest last: written with the sessions, and known after every restart."""

    def begin(self, user: str, stamp: str, now: Moment, since: str, *, place: str, agent: str) -> str:
        """A new session; its secret, which is nowhere kept."""
        secret = token_urlsafe(32)
        with self._lock:
            self.drop(lambda session: session.is_over(now.mono))
            own = [key for key, session in self._sessions.items() if session.user == user]
            self._forget(own, MOST_OF_A_USER - 1)
            self._forget(list(self._sessions), MOST - 1)
            self._sessions[digest(secret)] = Session(user, stamp, now.mono, now.mono, since, place, agent[:200])
            self._is_changed = True
        return secret

    def touch(self, key: str, now: Seconds) -> Session | None:
        """The session of that key, unless it is over; this counts as use."""
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if session.is_over(now):
                del self._sessions[key]
                self._is_changed = True
                return None
            self._sessions[key] = session = replace(session, used=max(now, session.used))
            self._is_used = True
            return session

    def of(self, user: str, now: Seconds) -> dict[str, Session]:
        """The sessions of a user, the newest first."""
        with self._lock:
            own = {key: each for key, each in self._sessions.items() if each.user == user and not each.is_over(now)}
        return dict(reversed(own.items()))

    def end(self, is_meant: Callable[[str, Session], bool]) -> None:
        """End those that are meant."""
        with self._lock:
            self._sessions = {key: each for key, each in self._sessions.items() if not is_meant(key, each)}
            self._is_changed = True

    def drop(self, is_meant: Callable[[Session], bool]) -> None:
        self.end(lambda _key, session: is_meant(session))

    def token_used(self, key: str, at: str) -> None:
        """A token was shown, at that time for people. Of those that are revoked, the oldest are forgotten."""
        with self._lock:
            while key not in self._tokens and len(self._tokens) >= _MOST_TOKENS:
                del self._tokens[next(iter(self._tokens))]
            self._is_changed = self._is_changed or key not in self._tokens
            self._is_used = True
            self._tokens.pop(key, None)  # the latest stands last
            self._tokens[key] = at

    def is_due(self, now: Seconds) -> bool:
        """Whether to write: at once what is new, times of use now and then, to spare the card; nothing twice."""
        if now < self._not_before:
            return False
        return self._is_changed or (self._is_used and now - self._written_at > _WRITTEN_AGAIN_AFTER)

    def write(self, now: Seconds) -> None:
        """Raises OSError; what is in memory counts all the same, and is due again after a minute."""
        with self._writing:
            with self._lock:  # not held while the disk is slow: the server's loop asks whose session it is
                sessions = {key: asdict(session) for key, session in self._sessions.items()}
                kept = {"boot": self._boot, "sessions": sessions, "tokens": self._tokens, "places": self.places}
                data = json.dumps(kept)
                self._is_changed = self._is_used = False
            try:
                replace_private(self._path, data.encode())
            except OSError:
                self._is_changed, self._not_before = True, now + _TRIED_AGAIN_AFTER
                raise
            self._written_at = now

    def _forget(self, keys: list[str], most: int) -> None:
        """The oldest, until no more than `most` of these are left."""
        for key in keys[: max(0, len(keys) - most)]:
            del self._sessions[key]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file holds."""

    boot: str
    sessions: dict[str, Session]
    tokens: dict[str, str]
    places: list[str] = field(default_factory=list)


def read_kept(path: Path) -> Kept:
    """Nothing of a file that is missing or makes no sense: then everybody logs in again."""
    try:
        return msgspec.json.decode(read_whole(path), type=Kept)
    except (OSError, ValueError, RecursionError):
        return Kept("", {}, {})
