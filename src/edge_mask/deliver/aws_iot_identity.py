"""Who the device is to AWS IoT: a certificate with its key in a file, or in a PKCS#11 token."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from awscrt import io

from edge_mask.deliver import tls
from edge_mask.deliver.certificate import date_of, validity_of
from edge_mask.errors import Refused
from edge_mask.runtime.clock import Clock

_Stamp = tuple[tuple[int, int, int] | None, ...]
"""What tells one state of the files from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A PKCS#11 token that holds the private key and never gives it away."""

    library: Path
    pin: Callable[[], str | None]
    """Reads the PIN anew; may raise OSError. None for a token that asks for it on its own keypad."""
    label: str | None = None
    slot: int | None = None
    key_label: str | None = None


class Identity:
    """Reads the files anew for each connection, so that new ones are taken without a restart."""

    def __init__(self, files: tls.TlsFiles, token: Token | None = None, alpn: str | None = None) -> None:
        """`alpn`: the protocol to ask for where one port serves several."""
        self.alpn = alpn
        self.files = files if token is None else tls.TlsFiles(ca=files.ca)
        """What Python's own TLS can use: without the key of a token."""
        self._files = files
        self._token = token
        self._library: io.Pkcs11Lib | None = None
        self._pin: str | None = None
        self._wrong_pin: str | None = None
        self._used: _Stamp = ()
        self._tried: _Stamp = ()

    def check(self) -> None:
        """Raises Refused, naming the file at fault."""
        tls.context(self.files)
        if self._token is not None:
            self._cert_of_token()

    def context(self) -> io.ClientTlsContext:
        """The SDK's form of it. Raises Refused with a sentence."""
        self._used = self._stamp()
        self.check()
        try:
            options = self._options()
            if self._files.ca is not None:
                options.override_default_trust_store(self._files.ca.read_bytes())
            if self.alpn is not None:
                options.alpn_list = [self.alpn]
            return io.ClientTlsContext(options)
        except Refused:
            raise
        except OSError as error:
            raise Refused(f"mqtt.tls: {error.filename} cannot be read: {error.strerror}") from error
        except Exception as error:
            if "PIN_INCORRECT" in str(error):
                self._wrong_pin = self._pin
            raise Refused(f"{self._what()} cannot be used: {_without_code(error)}") from error

    def problem(self, now: float) -> str:
        """Why the device's own certificate does not hold now; empty when it does, or cannot be read."""
        with suppress(OSError, ValueError):
            if self._files.cert is not None and (why := validity_of(self._files.cert).problem(now)):
                return f"the certificate {self._files.cert} {why}; the clock of this device says {date_of(now)}"
        return ""

    def has_new_files(self) -> bool:
        """Whether there are other files than those in use, and they can be used.

        Raises Refused when they stay as they are and cannot: a certificate is often there before its key.
        """
        found = self._stamp()
        if found == self._used:
            return False
        was_tried, self._tried = found == self._tried, found
        try:
            self.check()
        except Refused:
            if was_tried:
                raise
            return False
        return True

    def _stamp(self) -> _Stamp:
        return tuple(_state(path) for path in (self._files.ca, self._files.cert, self._files.key))

    def _options(self) -> io.TlsContextOptions:
        if self._token is not None:
            return self._options_of_token(self._token)
        cert, key = self._files.cert, self._files.key
        if cert is None or key is None:
            return io.TlsContextOptions()
        return io.TlsContextOptions.create_client_with_mtls(cert.read_bytes(), key.read_bytes())

    def _options_of_token(self, token: Token) -> io.TlsContextOptions:
        if self._library is None:  # once: a library stays loaded
            try:
                self._library = io.Pkcs11Lib(file=str(token.library))
            except Exception as error:
                raise Refused(f"aws.pkcs11.library: {token.library} cannot be loaded: {error}") from error
        return io.TlsContextOptions.create_client_with_mtls_pkcs11(
            pkcs11_lib=self._library,
            user_pin=self._next_pin(token),
            slot_id=token.slot,
            token_label=token.label,
            private_key_label=token.key_label,
            cert_file_contents=self._cert_of_token(),
        )

    def _next_pin(self, token: Token) -> str | None:
        """A wrong PIN is tried once: after a few more the token would lock itself for ever."""
        try:
            self._pin = token.pin()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"aws.pkcs11.pin_file cannot be read: {error}") from error
        if self._pin is not None and self._pin == self._wrong_pin:
            raise Refused("aws.pkcs11.pin_file: the token refused this PIN; it waits for the file to hold another")
        return self._pin

    def _cert_of_token(self) -> bytes:
        cert = self._files.cert
        if cert is None:
            raise Refused("mqtt.tls.cert is missing: the token holds the key alone")
        try:
            validity_of(cert)
            return cert.read_bytes()
        except OSError as error:
            raise Refused(f"mqtt.tls.cert: {cert} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise Refused(f"mqtt.tls.cert: {error}") from error

    def _what(self) -> str:
        if self._token is None:
            return f"mqtt.tls: {self._files.cert} with {self._files.key}"
        named = [f"slot {self._token.slot}"] if self._token.slot is not None else []
        named += [f"token {self._token.label}"] if self._token.label else []
        named += [f"key {self._token.key_label}"] if self._token.key_label else []
        return f"aws.pkcs11: {', '.join(named) or 'the token'} of {self._token.library}"


class Renewal:
    """Looks now and then whether new certificate files were put in place of those in use."""

    def __init__(self, identity: Identity, clock: Clock, every: float, say_once: Callable[[str], None]) -> None:
        self._identity = identity
        self._clock = clock
        self._every = every
        self._say_once = say_once
        self._look_at = float("inf")
        self.is_due = False
        """Whether there should be a new connection."""

    def begin(self) -> None:
        """A connection was made."""
        self._look_at = self._clock.now().mono + self._every

    def next_look(self) -> float:
        """Seconds until then."""
        return self._look_at - self._clock.now().mono

    def look(self) -> None:
        """Does nothing before it is time."""
        if self.next_look() > 0:
            return
        self._look_at = self._clock.now().mono + self._every
        try:
            self.is_due = self.is_due or self._identity.has_new_files()
        except Refused as error:
            self._say_once(f"the new certificate files cannot be used, the connection goes on with the old: {error}")


def _without_code(error: Exception) -> str:
    """The SDK writes `1074 (AWS_ERROR_PKCS11_TOKEN_NOT_FOUND): Could not pick …`."""
    return re.sub(r"^\d+ \(\w+\): ", "", str(error))


def _state(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
