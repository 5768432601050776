"""How a camera wants a password over HTTP: Basic (RFC 7617) or Digest (RFC 7616)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import parse_http_list

_DIGESTS = {"SHA-256": "sha256", "MD5": "md5"}
"""Best first; a camera that knows both offers both."""
_PARAMETER = re.compile(r"(?:(?P<scheme>[\w-]+)\s+)?(?P<name>[\w-]+)\s*=\s*(?P<value>.*)", re.DOTALL)


@dataclass(slots=True)
class Challenge:
    """What a server asks: its scheme, and for Digest the number that the answer is made with."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    used: int = 0

    def is_same(self, other: "Challenge | None") -> bool:
        """Whether whoever has answered `other` has answered this one: a new number (`nonce`) wants a new answer."""
        return other is not None and (self.scheme, self.nonce) == (other.scheme, other.nonce)

    @property
    def nonce(self) -> str:
        """The server's number, which makes each answer another one; empty for Basic."""
        return self.parameters.get("nonce", "")

    def answer(self, user: str, password: str, path: str) -> str:
        """The header `Authorization`."""
        if self.scheme == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.used += 1
        given = self.parameters
        name, realm, nonce = given.get("algorithm", "MD5"), given.get("realm", ""), self.nonce
        count, own = f"{self.used:08x}", secrets.token_hex(8)
        secret = _digest(name, user, realm, password)
        if name.lower().endswith("-sess"):
            secret = _digest(name, secret, nonce, own)
        asked = _digest(name, "GET", path)
        has_qop = "auth" in re.split(r"[\s,]+", given.get("qop", ""))
        middle = (nonce, count, own, "auth") if has_qop else (nonce,)
        said = {"username": user, "realm": realm, "nonce": nonce, "uri": path}
        said["response"] = _digest(name, secret, *middle, asked)
        if "opaque" in given:
            said["opaque"] = given["opaque"]
        text = ", ".join(f'{key}="{_quoted(value)}"' for key, value in said.items())
        if "algorithm" in given:
            text += f", algorithm={name}"
        return f"Digest {text}" + (f', qop=auth, nc={count}, cnonce="{own}"' if has_qop else "")


def _digest(algorithm: str, *parts: str) -> str:
    name = _DIGESTS[algorithm.upper().removesuffix("-SESS")]
    return hashlib.new(name, _bytes(":".join(parts)), usedforsecurity=False).hexdigest()


def _text(header: str) -> str:
    """http.client reads and writes headers as Latin-1; names and passwords are UTF-8, or what the server sent."""
    return header.encode("latin-1").decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", _bytes(text).decode("latin-1"))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' else text


def best_challenge(headers: list[str]) -> Challenge | None:
    """The best way that is offered and known here."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in (part for header in headers for part in parse_http_list(_text(header))):
        parameter = _PARAMETER.fullmatch(part.strip())
        if parameter is None or parameter["scheme"]:
            scheme = part.strip() if parameter is None else parameter["scheme"]
            found.append((scheme.lower(), {}))
        if parameter is not None and found:
            found[-1][1][parameter["name"].lower()] = _unquoted(parameter["value"].strip())
    known = [Challenge(scheme, given) for scheme, given in found if _rank(scheme, given) is not None]
    return min(known, key=lambda each: _rank(each.scheme, each.parameters) or 0, default=None)


def _rank(scheme: str, given: Mapping[str, str]) -> int | None:
    if scheme == "basic":
        return len(_DIGESTS)
    algorithm = given.get("algorithm", "MD5").upper().removesuffix("-SESS")
    return list(_DIGESTS).index(algorithm) if scheme == "digest" and algorithm in _DIGESTS else None
