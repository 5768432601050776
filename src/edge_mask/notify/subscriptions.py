"""The browsers that want to be told, by user: a small file beside the database, readable by its owner alone."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from edge_mask.deliver.public_address import is_public
from edge_mask.errors import Refused
from edge_mask.notify.vapid import from_base64url
from edge_mask.private_file import replace_private
from edge_mask.settings.base import MOST_READ, read_whole

MOST_OF_A_USER: Final = 10
MOST: Final = 50
"""Each has a courier of its own."""
_LONGEST: Final = 1024
"""Characters of an address."""
_NOT_PUBLIC: Final = (".local", ".localhost", ".internal", ".lan", ".home", ".arpa", ".test", ".invalid")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser of one user."""

    user: str
    endpoint: str
    p256dh: str
    auth: str

    @property
    def id(self) -> str:
        """Names it in the outbox, where its address, which is a secret, must not stand."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()[:16]


def store_path(database: Path) -> Path:
    """Beside the database."""
    return database.with_name(f"{database.name}.push.json")


class Subscriptions:
    """May be used from any thread. The file is read once, and written on each change."""

    def __init__(
        self, path: Path, private_hosts: Collection[str] = (), users: Callable[[], Collection[str]] | None = None
    ) -> None:
        """`users` returns who may still be told; None is everybody."""
        self._path = path
        self._private_hosts = frozenset(host.lower() for host in private_hosts)
        self._users = users
        self._lock = threading.Lock()
        self._known: dict[str, Subscription] | None = None

    def ids(self) -> list[str]:
        """Those who are told now. Those of users who are gone are forgotten: another of that name is somebody else."""
        with self._lock:
            kept = self._wanted()
            if len(kept) < len(self._read()):
                with suppress(Refused):
                    self._write(kept)
        return list(kept)

    def __len__(self) -> int:
        """How many are told; changes nothing."""
        with self._lock:
            return len(self._wanted())

    def get(self, subscription: str) -> Subscription | None:
        """None when it is gone."""
        with self._lock:
            return self._read().get(subscription)

    def of(self, user: str) -> Sequence[Subscription]:
        """Those of one user."""
        with self._lock:
            return [each for each in self._read().values() if each.user == user]

    def add(self, user: str, wish: Any) -> Subscription:
        """Keep what a browser's `PushSubscription.toJSON()` says. Raises Refused."""
        made = replace(parsed(wish, self._private_hosts), user=user)
        with self._lock:
            known = dict(self._read())
            others = [each for each in known.values() if each.id != made.id]
            if sum(each.user == user for each in others) >= MOST_OF_A_USER:
                raise Refused(f"{MOST_OF_A_USER} browsers of this user are told already; remove one first")
            if len(others) >= MOST:
                raise Refused(f"{MOST} browsers are told already; remove one first")
            self._write({**known, made.id: made})
        return made

    def remove(self, subscription: str, user: str | None = None) -> bool:
        """Forget it, by its id or address, with `user` only one of theirs; whether there was one. Raises Refused."""
        with self._lock:
            known = dict(self._read())
            found = next((each for each in known.values() if subscription in (each.id, each.endpoint)), None)
            if found is None or user not in (None, found.user):
                return False
            del known[found.id]
            self._write(known)
            return True

    def may_connect(self, host: str, address: str) -> bool:
        """Whether a push may go to this host at this IP address: no service is in the network of the device."""
        return host.lower() in self._private_hosts or is_public(address)

    def _wanted(self) -> dict[str, Subscription]:
        users = None if self._users is None else self._users()
        return {name: each for name, each in self._read().items() if users is None or each.user in users}

    def _read(self) -> dict[str, Subscription]:
        if self._known is None:
            self._known = _stored(self._path)
        return self._known

    def _write(self, known: dict[str, Subscription]) -> None:
        data = json.dumps({"subscriptions": [asdict(each) for each in known.values()]}, indent=1).encode()
        try:
            replace_private(self._path, data)
        except OSError as error:
            raise Refused(f"{self._path}: cannot be written: {error.strerror}") from error
        self._known = known


def _stored(path: Path) -> dict[str, Subscription]:
    """Empty when there is no file; one that cannot be used is as good as none, and written anew."""
    try:
        found = json.loads(read_whole(path))
        made = [Subscription(**{name: str(each[name]) for name in _FIELDS}) for each in found["subscriptions"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {each.id: each for each in made}


_FIELDS: Final = ("user", "endpoint", "p256dh", "auth")


def parsed(wish: Any, private_hosts: Collection[str]) -> Subscription:
    """Raises Refused with a sentence; nothing of the address stands in it."""
    keys = wish.get("keys") if isinstance(wish, Mapping) else None
    endpoint = wish.get("endpoint") if isinstance(wish, Mapping) else None
    if not isinstance(keys, Mapping) or not isinstance(endpoint, str):
        raise Refused("a subscription is {endpoint, keys: {p256dh, auth}}")
    _check_endpoint(endpoint, private_hosts)
    texts = [keys.get("p256dh"), keys.get("auth")]
    try:
        point, secret = (from_base64url(text) for text in texts if isinstance(text, str) and len(text) < MOST_READ)
    except ValueError:
        raise Refused("keys.p256dh and keys.auth are base64url") from None
    if len(point) != 65 or point[0] != 4 or len(secret) != 16:
        raise Refused("keys.p256dh is a point of P-256 of 65 bytes, keys.auth has 16 bytes")
    return Subscription("", endpoint, *(str(text) for text in texts))


def _check_endpoint(endpoint: str, private_hosts: Collection[str]) -> None:
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        raise Refused("endpoint is no address") from None
    if parts.scheme != "https" or not endpoint.isascii() or not endpoint.isprintable() or len(endpoint) > _LONGEST:
        raise Refused(f"endpoint is an https address of at most {_LONGEST} characters")
    if parts.username is not None or parts.fragment or " " in endpoint:
        raise Refused("endpoint has no user and no fragment")
    if host in private_hosts:
        return
    if port not in (None, 443) or not _may_be_public(host):
        raise Refused("endpoint is the address of a push service in the public internet")


def _may_be_public(host: str) -> bool:
    try:
        return is_public(str(ip_address(host)))
    except ValueError:
        is_name = re.fullmatch(r"([a-z0-9-]{1,63}\.)+([a-z]{2,63}|xn--[a-z0-9-]+)", host) is not None
        return is_name and not f".{host}".endswith(_NOT_PUBLIC)
