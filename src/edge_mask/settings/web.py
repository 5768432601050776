"""The section about the operator's page and HTTP, and what must fit in it."""

import re
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from edge_mask.settings.base import FilePath, Port, Section, allowed
from edge_mask.settings.encrypted import is_loopback
from edge_mask.settings.named_files import Complaint, pem_problem, unreadable

EXTRA: Final = "pip install 'edge-mask[web]'"
_LIBRARIES: Final = ("starlette", "uvicorn", "h11", "python_multipart", "jinja2", "argon2", "prometheus_client")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def _is_name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > 253:
        raise ValueError(f"found {value!a}; allowed: a host name such as gate.example.org, without scheme and port")
    return value.rstrip(".").lower()


def _is_network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"found {value!a}; allowed: an address or a network such as 192.168.1.0/24") from None


HostName = Annotated[str, AfterValidator(_is_name)]
Network = Annotated[str, AfterValidator(_is_network)]


class WebTls(Section):
    """The server's own certificate."""

    cert: FilePath = Field(description="The certificate and its chain, PEM; a new file is taken over without restart.")
    key: FilePath = Field(description="Its private key, PEM without a password.")


class Web(Section):
    """The operator's page, the HTTP API and metrics."""

    enabled: bool = Field(default=False, description="Serve the page; needs `pip install 'edge-mask[web]'`.")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on; 0.0.0.0 is every network of IPv4, `::` of both. Another one than loopback"
        " is used only when somebody can log in.",
    )
    port: Port = Field(default=8080, description="Port to listen on.")
    base_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path below which a proxy shows the page, if it passes that path on.",
        json_schema_extra=allowed("nothing, or a path such as /gate, without a slash at its end"),
    )
    names: tuple[HostName, ...] = Field(
        default=(),
        description="Host names under which browsers reach it. Addresses, `localhost`, `*.local` and the thing's name"
        " are known without.",
    )
    tls: WebTls | None = Field(default=None, description="Serve HTTPS with this certificate.")
    trusted_proxies: tuple[Network, ...] = Field(
        default=(), description="Proxies in front of it whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."
    )
    safe_mode: bool = Field(
        default=True,
        description="With `run --safe-mode`, and somebody who can log in, a broken configuration brings up a page that"
        " says what is wrong; `false`: the program ends with exit code 2, as it does without that option.",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def exposure(self) -> str:
        """What others on the network could do; empty when they cannot."""
        if self.is_loopback or self.tls is not None or self.trusted_proxies:
            return ""
        return (
            f"web.host is {self.host} and there is no TLS: whoever is on that network can read passwords and pictures"
            " on the way; give web.tls, or a proxy with TLS in web.trusted_proxies"
        )


def missing_libraries() -> list[str]:
    """What the page needs and is not installed."""
    return [name for name in _LIBRARIES if find_spec(name) is None]


def web_complaints(web: Web) -> Iterator[Complaint]:
    """What is missing for a page that is wanted."""
    if not web.enabled:
        return
    if missing := missing_libraries():
        yield ("web", "enabled"), f"the page needs packages that are not installed ({', '.join(missing)}): {EXTRA}"
    if web.tls is not None:
        yield from unreadable(("web", "tls", "cert"), web.tls.cert, partial(pem_problem, "CERTIFICATE"))
        yield from unreadable(("web", "tls", "key"), web.tls.key, partial(pem_problem, "PRIVATE KEY"))
