"""Asks a broker for the same TLS handshake once more, for the sentence that a library does not give."""

import socket
import ssl

from edge_mask.deliver import tls
from edge_mask.deliver.certificate import date_of
from edge_mask.errors import Refused
from edge_mask.units import Seconds, Unix

_ALERT_WITHIN = 1.0
"""Seconds: TLS 1.3 refuses a device's certificate only after the handshake."""


def handshake_problem(
    host: str, port: int, files: tls.TlsFiles, *, alpn: str | None, within: Seconds, now: Unix
) -> str:
    """What is wrong with the handshake; empty when it works, or when nothing answers."""
    try:
        context = tls.context(files)
        if alpn is not None:
            context.set_alpn_protocols([alpn])
        with (
            socket.create_connection((host, port), within) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            secured.settimeout(min(within, _ALERT_WITHIN))
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        return _about_the_broker(error.verify_message, files, now)
    except ssl.SSLError as error:
        return _about_us(error.reason or "", files)
    except Refused as error:
        return str(error)
    except (OSError, ValueError):  # a timeout, or a connection that ends: the caller knows as much
        return ""
    return ""


def _about_the_broker(why: str, files: tls.TlsFiles, now: Unix) -> str:
    text = f"the certificate of the broker is not trusted: {why}"
    if "issuer" in why or "self" in why:
        trusted = f"mqtt.tls.ca is {files.ca}" if files.ca is not None else "mqtt.tls.ca is not set"
        return f"{text} ({trusted}; is that the authority of this broker?)"
    if "expired" in why or "not yet valid" in why:
        return f"{text} (the clock of this device says {date_of(now)})"
    return text


def _about_us(reason: str, files: tls.TlsFiles) -> str:
    """`reason` is OpenSSL's, such as SSLV3_ALERT_CERTIFICATE_EXPIRED."""
    _, is_alert, alert = reason.partition("ALERT_")
    if not is_alert:
        return ""
    text = alert.replace("_", " ").lower()
    if files.cert is None:
        return f"the broker ended the handshake: {text}"
    return f"the broker does not accept the certificate {files.cert}: {text}"
