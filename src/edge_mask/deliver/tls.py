"""From PEM files to a TLS context, or to a sentence about the file at fault."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge_mask.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files. Without `ca` the system's own authorities are trusted."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def context(files: TlsFiles) -> ssl.SSLContext:
    """A client context that checks the broker's certificate and name. Raises Refused, naming the file at fault."""
    if (files.cert is None) != (files.key is None):
        raise Refused("tls: a client certificate needs both `cert` and `key`")
    for key, path in (("ca", files.ca), ("cert", files.cert), ("key", files.key)):
        _require_readable(key, path)
    made = _trusting(files.ca)
    if files.cert is not None and files.key is not None:
        _add_identity(made, files.cert, files.key)
    return made


def _require_readable(key: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise Refused(f"tls.{key}: {path} cannot be read: {error.strerror}") from error


def _trusting(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    except ssl.SSLError as error:
        raise Refused(f"tls.ca: {ca} holds no certificate in PEM form") from error


def _add_identity(made: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        made.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Refused(f"tls: the key {key} does not belong to the certificate {cert}") from error
        raise Refused(f"tls: {cert} and {key} are not a certificate and its key in PEM form") from error


def _no_password() -> str:
    """Keeps OpenSSL from prompting for a passphrase on the terminal."""
    raise Refused("tls.key: the key is encrypted; store it decrypted, readable by the service's user only")
