"""How `edge-mask package` speaks to registries: options of its own, or `fleet.packages` of a configuration."""

import argparse
from typing import TYPE_CHECKING

from edge_mask.cli.common import a_name, a_path, settings_of
from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.packages.remote.address import Address
    from edge_mask.packages.remote.signature import PublicKey
    from edge_mask.packages.remote.source import Access, Limits
    from edge_mask.settings.fleet import FleetPackages
    from edge_mask.settings.model import Settings


def add_access(parser: argparse.ArgumentParser, *, has_config: bool = True) -> None:
    """The options; a password is never one of them."""
    if has_config:
        parser.add_argument("--config", type=a_path, metavar="FILE", help="take what follows from its fleet.packages")
    parser.add_argument("--username", type=a_name, metavar="USER", help="user of the registry")
    parser.add_argument("--password-file", type=a_path, metavar="FILE", help="holds the password of that user")
    parser.add_argument("--ca", type=a_path, metavar="FILE", help="certificates (PEM) that the server is checked with")


def configuration_of(arguments: argparse.Namespace) -> "Settings":
    """That of --config, read once."""
    if "configuration" not in arguments:
        arguments.configuration = settings_of(arguments)
    found: Settings = arguments.configuration
    return found


def access_of(arguments: argparse.Namespace, *addresses: "Address") -> "tuple[Access, Limits]":
    """Options come before the configuration. Raises Refused."""
    from edge_mask.packages.remote.source import Access, Credentials, Limits
    from edge_mask.packages.remote.wanted import credentials_for

    configured = _configured(arguments)
    credentials = None if configured is None else credentials_for(configured, addresses)
    if arguments.username is not None:
        if arguments.password_file is None:
            raise Refused("--username needs --password-file")
        credentials = Credentials(username=arguments.username, password=_first_line(arguments))
    elif arguments.password_file is not None:
        raise Refused("--password-file needs --username")
    access = Access(credentials=credentials, ca=arguments.ca or (None if configured is None else configured.ca))
    return access, Limits() if configured is None else Limits(max_bytes=configured.max_bytes)


def keys_of(arguments: argparse.Namespace) -> "tuple[PublicKey, ...]":
    """What a package has to be signed with; nothing: no signature is asked for."""
    from edge_mask.packages.remote.signature import read_keys

    configured = _configured(arguments)
    return read_keys(arguments.pub or (configured.keys if configured else ()))


def _configured(arguments: argparse.Namespace) -> "FleetPackages | None":
    if arguments.config is None:
        return None
    fleet = configuration_of(arguments).fleet
    return None if fleet is None else fleet.packages


def _first_line(arguments: argparse.Namespace) -> str:
    try:
        with arguments.password_file.open(encoding="utf-8") as file:
            return str(file.readline(4096)).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused(f"{arguments.password_file}: cannot be read ({reason})") from None
