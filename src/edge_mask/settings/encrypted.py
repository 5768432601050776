"""Whether pictures of people may be sent somewhere: encrypted, or not beyond this machine. Each function answers with
why not; an empty text when they may."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from edge_mask.settings.sending import Mqtt


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def broker_objection(mqtt: Mqtt) -> str:
    """What is against pictures of people on this connection to the broker."""
    match mqtt.transport:
        case "none":
            return "mqtt.transport is none, so nobody would be reached; allowed: another transport"
        case "aws-iot" | "greengrass":
            return ""  # AWS IoT speaks nothing but TLS
    if mqtt.tls is not None or is_loopback(mqtt.host):
        return ""
    return f"pictures of people would go to {mqtt.host} as anybody can read them; allowed: with mqtt.tls"


def address_objection(url: str) -> str:
    """What is against pictures of people at this address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host:
        return "is not an address; allowed: https://HOST/…, or http:// on this machine"
    if scheme == "https" or is_loopback(host):
        return ""
    return f"pictures of people would go to {host} as anybody can read them; allowed: https://…"
