"""`edge-mask users`: who may log in to the page, and the tokens of programs that use HTTP."""

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge_mask.cli.common import a_name, add_config, add_json, settings_of
from edge_mask.errors import ConfigurationError, Refused

if TYPE_CHECKING:
    from edge_mask.web.accounts.register import Register
    from edge_mask.web.accounts.register_file import RegisterFile
    from edge_mask.web.accounts.sessions import Kept
    from edge_mask.web.rights import Scope

_FROM: Final = "The password comes from a prompt, or as the one line of standard input."
_MOST_READ: Final = 4096


def add(commands: Any) -> None:
    """The `users` command and its actions."""
    parser = commands.add_parser(
        "users",
        help="who may log in to the page, and tokens for programs",
        description="Users and tokens are kept beside the database. Works beside a running daemon, and counts at once:"
        " a changed password or a removed user ends all sessions.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, function, text in (
        ("add", _add, f"a new user. {_FROM}"),
        ("list", _list, "users and tokens"),
        ("remove", _remove, "remove a user, with all sessions and tokens of this user"),
        ("role", _role, "another role for a user; counts at once, for open sessions and tokens too"),
        ("password", _password, f"another password; ends all sessions of the user. {_FROM}"),
        ("token", _token, "make a token for the user NAME, or for a program that is no user; it is shown once"),
        ("revoke", _revoke, "end a token"),
    ):
        action = actions.add_parser(name, help=text.partition(". ")[0], description=text)
        add_config(action)
        action.set_defaults(function=_with_register(function))
        if name == "list":
            add_json(action)
        else:
            action.add_argument("name", type=a_name, metavar="NAME", help="of the token" if name == "revoke" else None)
        if name == "add":
            action.add_argument(
                "--role", choices=("viewer", "operator"), default="operator",
                help="a viewer sees everything and changes nothing; an operator may do all (default)",
            )  # fmt: skip
        if name == "role":
            action.add_argument("role", choices=("viewer", "operator"), help="what the user may from now on")
        if name == "token":
            action.add_argument(
                "--scope", required=True, type=_scopes, metavar="SCOPES",
                help="one or several of infer,read,control,metrics; a viewer's token may read",
            )  # fmt: skip


def _with_register(
    function: Callable[[argparse.Namespace, "RegisterFile"], int],
) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from edge_mask.web.accounts.accounts import register_beside

        arguments.database = _database(arguments)
        return function(arguments, register_beside(arguments.database))

    return run


def _database(arguments: argparse.Namespace) -> Path:
    """Beside it lie the users; also of a broken configuration: safe mode shows its page to users alone."""
    try:
        return settings_of(arguments).outbox.path
    except ConfigurationError as error:
        from edge_mask.settings.remains import database_of

        place = database_of(arguments.config, os.environ)
        if place is None:
            raise
        left = f" (and {len(error.problems) - 1} more)" if error.problems[1:] else ""
        print(f"the configuration is broken: {error.problems[0]}{left}; its users are beside {place}", file=sys.stderr)
        return place


def _add(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.hashing import Hasher
    from edge_mask.web.accounts.spelling import name_of

    name, hasher = name_of(arguments.name), Hasher()
    file.read().with_user(name, arguments.role, "", "")  # says what is wrong before anybody types a password
    hashed = hasher.hashed(_asked_password(name))
    file.change(lambda register: (register.with_user(name, arguments.role, hashed, _now()), None))
    print(f"user {name} ({arguments.role}) can log in")
    return 0


def _password(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.hashing import Hasher
    from edge_mask.web.accounts.spelling import name_of

    name, hasher = name_of(arguments.name), Hasher()
    file.read().user(name)
    hashed = hasher.hashed(_asked_password(name))
    file.change(lambda register: (register.with_password(name, hashed), None))
    print(f"user {name} has a new password; all sessions of {name} have ended, tokens stay")
    return 0


def _role(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.spelling import name_of
    from edge_mask.web.rights import Role

    name, role = name_of(arguments.name), Role(arguments.role)
    before = file.change(lambda register: (register.with_role(name, role), register.user(name).role))
    print(f"user {name} is {'already' if before is role else 'now'} {_A[role]}")
    if not any(user.role is Role.OPERATOR for user in file.read().users.values()):
        print("nobody is an operator any more: nobody can change anything, or see safe mode", file=sys.stderr)
    return 0


_A: Final = {"viewer": "a viewer", "operator": "an operator"}


def _remove(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.spelling import name_of

    name = name_of(arguments.name)

    def remove(register: "Register") -> tuple["Register", int]:
        without = register.without_user(name)
        return without, len(register.tokens) - len(without.tokens)

    tokens = file.change(remove)
    print(f"user {name} is removed, with {tokens} token{'' if tokens == 1 else 's'} and all sessions")
    if not file.read().users:
        print("nobody can log in any more; make a user: edge-mask users add NAME", file=sys.stderr)
    return 0


def _token(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.spelling import name_of
    from edge_mask.web.rights import in_order

    name, scopes = name_of(arguments.name), arguments.scope

    def make(register: "Register") -> tuple["Register", tuple[str, str, bool]]:
        fresh, own, secret = register.with_token(name, scopes, _now())
        return fresh, (own, secret, name in register.users)

    own, secret, has_owner = file.change(make)
    belongs = f"belongs to {name} and ends with this user" if has_owner else "belongs to no user"
    print(f"the token {own} {belongs}; it is shown only now, keep it safe", file=sys.stderr)
    print(f"{own} ({','.join(in_order(scopes))}): {secret}")
    return 0


def _revoke(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.spelling import name_of

    name = name_of(arguments.name)
    file.change(lambda register: (register.without_token(name), None))
    print(f"token {name} is revoked")
    return 0


def _list(arguments: argparse.Namespace, file: "RegisterFile") -> int:
    from edge_mask.web.accounts.accounts import sessions_beside
    from edge_mask.web.accounts.sessions import read_kept

    register = file.read()
    kept = read_kept(sessions_beside(arguments.database))
    found = {"users": _users(register), "tokens": _tokens(register, kept)}
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for user in found["users"]:
        print(f"user   {user['name']:<20} {user['role']:<10} since {user['since']}")
    for token in found["tokens"]:
        owner = f"of {token['user']}" if token["user"] else "of no user"
        used = f"used {token['last_used']}" if token["last_used"] else "not used yet"
        print(f"token  {token['name']:<20} {','.join(token['scopes'])}, {owner}, since {token['since']}, {used}")
    if not register.users:
        print("there is no user yet: edge-mask users add NAME", file=sys.stderr)
    return 0


def _users(register: "Register") -> list[dict[str, Any]]:
    return [{"name": name, "role": user.role, "since": user.since} for name, user in register.users.items()]


def _tokens(register: "Register", kept: "Kept") -> list[dict[str, Any]]:
    from edge_mask.web.rights import in_order

    return [
        {
            "name": name, "user": token.owner, "scopes": in_order(token.scopes),
            "since": token.since, "last_used": kept.tokens.get(token.sha256),
        }
        for name, token in register.tokens.items()
    ]  # fmt: skip


def _asked_password(name: str) -> str:
    """A new password, fit for use; never from the command line, where every user of the machine could read it."""
    from edge_mask.web.accounts.spelling import new_password, password_of

    if not sys.stdin.isatty():
        return new_password(_one_line(), name)
    password = new_password(getpass.getpass(f"Password of {name} (at least 12 characters): "), name)
    if password_of(getpass.getpass("The same again: ")) != password:
        raise Refused("the two passwords are not the same; nothing was changed")
    return password


def _one_line() -> str:
    """What stands on standard input, without the end of its line."""
    data = sys.stdin.buffer.read(_MOST_READ + 1)
    if len(data) > _MOST_READ:
        raise Refused(f"standard input holds more than {_MOST_READ} bytes; expected is one line, the password")
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise Refused("standard input is not UTF-8 text; expected is one line, the password") from error


def _scopes(text: str) -> "frozenset[Scope]":
    """An argparse type: `read,metrics`."""
    from edge_mask.web.accounts.scopes import scopes_from

    try:
        return scopes_from(text)
    except Refused as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _now() -> str:
    from edge_mask.units import Unix
    from edge_mask.web.accounts.accounts import utc

    return utc(Unix(time.time()))
