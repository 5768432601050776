"""The register of users and tokens, as a value: each change returns another one, or a sentence that says why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from secrets import token_hex, token_urlsafe
from typing import Final

from edge_mask.errors import Refused
from edge_mask.suggest import did_you_mean
from edge_mask.web.rights import OF_ROLE, Role, Scope, in_order

MOST_USERS: Final = 100
MOST_TOKENS: Final = 200
_MARK: Final = "em_"
"""Begins each token: it is recognised where it should not stand, and no shell takes it for an option."""


@dataclass(frozen=True, slots=True)
class User:
    """A person. `stamp` is new with each password: a session that knows another one has ended."""

    role: Role
    password: str
    stamp: str
    since: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows instead of a password; `owner` is the user with whom it ends, if any."""

    sha256: str
    scopes: frozenset[Scope]
    since: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """Users and tokens by their names."""

    users: Mapping[str, User] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)

    def with_user(self, name: str, role: Role, password: str, since: str) -> "Register":
        """One user more; `password` is its hash."""
        if name in self.users:
            other = f"another role: edge-mask users role {name} viewer|operator"
            raise Refused(f"there is already a user {name}; a new password: edge-mask users password {name}; {other}")
        if (token := self.tokens.get(name)) is not None and token.owner != name:
            raise Refused(
                f"there is already a token {name}; take another name, or revoke it: edge-mask users revoke {name}"
            )
        if len(self.users) >= MOST_USERS:
            raise Refused(f"there are already {MOST_USERS} users; remove one that is no longer needed")
        return replace(self, users={**self.users, name: User(role, password, token_hex(16), since)})

    def with_password(self, name: str, password: str) -> "Register":
        """Another hash; every session of the user ends with it."""
        changed = replace(self.user(name), password=password, stamp=token_hex(16))
        return replace(self, users={**self.users, name: changed})

    def with_role(self, name: str, role: Role) -> "Register":
        """Another role, in force at once: sessions and tokens can do what the user may do now."""
        return replace(self, users={**self.users, name: replace(self.user(name), role=role)})

    def without_user(self, name: str) -> "Register":
        """Neither the user nor the tokens of this user."""
        self.user(name)
        return Register(
            {key: user for key, user in self.users.items() if key != name},
            {key: token for key, token in self.tokens.items() if token.owner != name},
        )

    def with_token(self, name: str, scopes: frozenset[Scope], since: str) -> tuple["Register", str, str]:
        """A token for the user, or the program, of that name; with the token's own name and its secret."""
        user = self.users.get(name)
        if user is not None and not scopes <= OF_ROLE[user.role]:
            more = ",".join(in_order(scopes - OF_ROLE[user.role]))
            raise Refused(f"{name} is a {user.role} and may not {more}; a token can do no more than its user")
        if len(self.tokens) >= MOST_TOKENS:
            raise Refused(f"there are already {MOST_TOKENS} tokens; revoke one that is no longer needed")
        own = self._free(name) if user is not None else name
        if own in self.tokens:
            raise Refused(f"there is already a token {own}; revoke it first: edge-mask users revoke {own}")
        secret = _MARK + token_urlsafe(32)
        token = Token(digest(secret), scopes, since, name if user is not None else None)
        return replace(self, tokens={**self.tokens, own: token}), own, secret

    def without_token(self, name: str) -> "Register":
        if name not in self.tokens:
            raise Refused(f"there is no token {name}{did_you_mean(name, self.tokens)}")
        return replace(self, tokens={key: token for key, token in self.tokens.items() if key != name})

    def user(self, name: str) -> User:
        """Raises Refused when there is none."""
        if name in self.users:
            return self.users[name]
        if name in self.tokens:
            raise Refused(f"{name} is a token and no user; to end it: edge-mask users revoke {name}")
        raise Refused(f"there is no user {name}{did_you_mean(name, self.users)}")

    def token_of(self, key: str) -> tuple[str, Token] | None:
        """The token whose secret has that digest, with the scopes that it has now: none that its user has lost."""
        found = next(((name, token) for name, token in self.tokens.items() if token.sha256 == key), None)
        if found is None or (owner := found[1].owner) is None:
            return found
        allowed = OF_ROLE[self.users[owner].role] if owner in self.users else frozenset[Scope]()
        return found[0], replace(found[1], scopes=found[1].scopes & allowed)

    def _free(self, name: str) -> str:
        """`ann`, then `ann-2`, `ann-3`, …, which are neither tokens nor users."""
        number = 1
        while (own := name if number == 1 else f"{name}-{number}") in self.tokens or (number > 1 and own in self.users):
            number += 1
        return own


def digest(secret: str) -> str:
    """What is kept of a random secret. It needs no slow hash: 32 random bytes cannot be guessed."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
