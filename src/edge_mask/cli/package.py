"""`edge-mask package`: model packages on their way: built, signed, put into a registry, fetched, wished of devices."""

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli import package_deploy
from edge_mask.cli.common import a_name, a_path, add_json, human_bytes
from edge_mask.cli.package_access import access_of, add_access, keys_of
from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.packages.remote.manifest import Manifest


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser with its own commands."""
    parser = subparsers.add_parser("package", help="model packages for other devices", description=__doc__)
    commands = parser.add_subparsers(dest="package_command", metavar="COMMAND", required=True)
    _add_build(commands)
    _add_keys(commands)
    _add_transfers(commands)
    package_deploy.add(commands)


def _add_build(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    build = commands.add_parser("build", help="an OCI layout of a package", description=_build.__doc__)
    build.add_argument("source", type=a_path, metavar="FOLDER|ZIP", help="the package, with its model.yaml")
    build.add_argument("--out", type=a_path, required=True, metavar="LAYOUT|ZIP", help="a folder, or a name with .zip")
    add_json(build)
    build.set_defaults(function=_build)


def _add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    keygen = commands.add_parser("keygen", help="a new pair of keys", description=_keygen.__doc__)
    keygen.add_argument("--key", type=a_path, required=True, metavar="SECRET", help="file for the secret key")
    keygen.add_argument("--public", type=a_path, required=True, metavar="PUBLIC", help="file for the public key")
    keygen.add_argument("--no-password", action="store_true", help="do not encrypt the secret key")
    keygen.set_defaults(function=_keygen)
    sign = commands.add_parser("sign", help="sign a layout", description=_sign.__doc__)
    sign.add_argument("layout", type=a_path, metavar="LAYOUT|ZIP")
    sign.add_argument("--key", type=a_path, required=True, metavar="SECRET", help="secret key of minisign")
    sign.add_argument("--comment", metavar="TEXT", help="the trusted comment (default: name, version and time)")
    sign.set_defaults(function=_sign)


def _add_transfers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    push = commands.add_parser("push", help="put a layout into a registry", description=_push.__doc__)
    push.add_argument("layout", type=a_path, metavar="LAYOUT|ZIP")
    push.add_argument("address", type=a_name, metavar="oci://HOST/REPOSITORY[:TAG]")
    push.set_defaults(function=_push)
    pull = commands.add_parser("pull", help="fetch a package", description=_pull.__doc__)
    pull.add_argument(
        "address", type=a_name, metavar="ADDRESS", help="oci://…[:TAG|@sha256:…], https://…/ or file:///…"
    )
    pull.add_argument("--out", type=a_path, required=True, metavar="FOLDER", help="a folder of its own")
    pull.add_argument("--digest", type=a_name, metavar="sha256:…", help="which package, where the address does not say")
    pull.add_argument("--pub", type=a_path, action="append", default=[], metavar="KEY", help="it has to be signed with")
    pull.add_argument("--signature", type=a_path, metavar="FILE", help="where it does not lie beside the package")
    pull.set_defaults(function=_pull)
    for command in (push, pull):
        add_access(command)
        add_json(command)


def _build(arguments: argparse.Namespace) -> int:
    """Verify a package completely, then write it as an OCI layout. The same package has the same digest, always."""
    from edge_mask.packages.remote.build import build

    made = build(arguments.source, arguments.out)
    return _said(arguments, f"{arguments.out}: {_summary(made)}", made, layout=str(arguments.out))


def _keygen(arguments: argparse.Namespace) -> int:
    """Make a pair of keys in the format of minisign. The password comes from a prompt, or from standard input."""
    from edge_mask.packages.remote.secret_key import write_keys

    password = None if arguments.no_password else _new_password()
    key = write_keys(arguments.key, arguments.public, password)
    print(f"{arguments.public}: the public key {key.shown}, for fleet.packages.keys of the devices")
    print(f"{arguments.key}: the secret key; keep it off the devices")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    """Write the signature beside the layout, as LAYOUT.minisig. The password of an encrypted key comes from a prompt,
    or from standard input."""
    from datetime import UTC, datetime

    from edge_mask.packages.remote.layout import beside, package_in
    from edge_mask.packages.remote.secret_key import read_secret_key, sign

    made = package_in(arguments.layout)
    key = read_secret_key(arguments.key, lambda: _password("Password of the key: "))
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = sign(made.data, key, arguments.comment or f"{made.name} {made.version}, {when}")
    path = beside(arguments.layout)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path}: cannot be written ({error.strerror})") from None
    print(f"{path}: {made.name} {made.version}, {made.digest}, signed with the key {key.shown}")
    return 0


def _push(arguments: argparse.Namespace) -> int:
    """Put the package of a layout into a registry, with the signature that lies beside it. What is there already is not
    sent again."""
    from edge_mask.packages.remote.address import parse
    from edge_mask.packages.remote.push import push
    from edge_mask.packages.remote.source import Effort, Limits

    where = parse(arguments.address)
    if where.scheme not in ("oci", "oci+http") or where.digest:
        raise Refused(f"{where.shown}: expected oci://HOST/REPOSITORY, with or without a tag")
    access, _ = access_of(arguments, where)
    done = push(arguments.layout, where, access, Effort(Limits()))
    signed = "with its signature" if done.is_signed else "without a signature"
    text = f"{done.address} (tag {done.tag}, {signed}, {done.sent} blobs sent)"
    return _said(arguments, text, done.manifest, address=done.address, tag=done.tag, signed=done.is_signed)


def _pull(arguments: argparse.Namespace) -> int:
    """Fetch a package by its digest into a folder of its own, each file checked. With --pub, or with the keys of
    --config, it has to be signed. An interrupted one goes on where it was. Install it with `model install FOLDER`."""
    from edge_mask.packages.remote.address import parse
    from edge_mask.packages.remote.pull import pull
    from edge_mask.packages.remote.resolve import resolved

    where = parse(arguments.address)
    access, limits = access_of(arguments, where)
    digest = arguments.digest or where.digest or resolved(where, access, limits)
    found = pull(
        [arguments.address],
        digest,
        arguments.out,
        credentials=access.credentials,
        ca=access.ca,
        keys=keys_of(arguments),
        signature="" if arguments.signature is None else signature_file(arguments.signature),
        limits=limits,
    )
    signed = f", signed with the key {found.signed.key.shown} ({found.signed.comment})" if found.signed else ""
    text = f"{found.folder}: {found.name} {found.version}, {found.files} files, {human_bytes(found.size)}{signed}"
    content = {
        "folder": str(found.folder), "name": found.name, "version": found.version, "digest": digest,
        "source": found.source, "files": found.files, "bytes": found.size,
        "key": found.signed.key.shown if found.signed else None,
        "comment": found.signed.comment if found.signed else None,
    }  # fmt: skip
    print(json.dumps(content, ensure_ascii=False) if arguments.json else f"{text}\n{digest}")
    return 0


def signature_file(path: Path) -> str:
    """The text of a signature. Raises Refused."""
    from edge_mask.packages.remote.layout import MOST_SIGNATURE

    try:
        with path.open("rb") as file:
            return file.read(MOST_SIGNATURE).decode("utf-8", "replace")
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from None


def _said(arguments: argparse.Namespace, text: str, made: "Manifest", **more: Any) -> int:
    """The digest is the last line, or a key."""
    content = {"name": made.name, "version": made.version, "digest": made.digest, "files": len(made.files)}
    print(json.dumps({**content, "bytes": made.size, **more}) if arguments.json else f"{text}\n{made.digest}")
    return 0


def _summary(made: "Manifest") -> str:
    return f"{made.name} {made.version}, {len(made.files)} files, {human_bytes(made.size)}"


def _new_password() -> str:
    password = _password("Password for the new key: ")
    if not password:
        raise Refused("the password is empty; --no-password writes a key that needs none")
    if sys.stdin.isatty() and getpass.getpass("The same again: ") != password:
        raise Refused("the two passwords are not the same; nothing was written")
    return password


def _password(prompt: str) -> str:
    """From a prompt without echo, or the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline(4096).rstrip("\r\n")
