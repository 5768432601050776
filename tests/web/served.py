"""The installed daemon with its page on a free port, and somebody who asks it over the network."""

import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.broker import free_port
from tests.end_to_end.daemon import MASKED, Daemon, write_config, write_model, write_scene
from tests.waiting import until
from tests.web.asking import Answer
from tests.web.typed import typed

HOST = "127.0.0.1"
PASSWORD = "correct horse battery staple"


@dataclass
class Client:
    """A browser without a window: it keeps cookies, follows nothing, and sends `Origin` as browsers do."""

    port: int
    tls: ssl.SSLContext | None = None
    token: str | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    timeout: float = 20.0

    @property
    def origin(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://{HOST}:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: bytes | str = b"", **headers: str) -> Answer:
        return self.ask("POST", path, body, headers={"Origin": self.origin, **headers})

    def form(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form."""
        return self.post(path, urlencode(fields), **{"Content-Type": "application/x-www-form-urlencoded", **headers})

    def ask(self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """`Content_Type="…"` becomes the header `Content-Type`."""
        shown = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookies:
            shown.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.token is not None:
            shown.setdefault("Authorization", f"Bearer {self.token}")
        with closing(self.connection()) as connection:
            connection.request(method, path, body or None, shown)
            came = connection.getresponse()
            for name, value in came.getheaders():
                if name.lower() == "set-cookie":
                    self._keep(value)
            return Answer(came.status, {name.lower(): value for name, value in came.getheaders()}, came.read())

    def connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)
        return http.client.HTTPSConnection(HOST, self.port, timeout=self.timeout, context=self.tls)

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """A long answer, to be read line by line."""
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            shown["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.token is not None:
            shown["Authorization"] = f"Bearer {self.token}"
        with closing(self.connection()) as connection:
            connection.request("GET", path, headers=shown)
            yield connection.getresponse()

    def _keep(self, text: str) -> None:
        for name, morsel in SimpleCookie(text).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value

    def login(self, name: str, password: str = PASSWORD) -> "Client":
        """Log in by the form."""
        answer = self.form("/login", {"name": name, "password": password})
        assert answer.status == 303, answer
        return self


@dataclass
class Served:
    """A running daemon with a page."""

    daemon: Daemon
    config: Path
    port: int

    @property
    def folder(self) -> Path:
        return self.config.parent

    def client(self, **more: Any) -> Client:
        """Somebody who is not logged in."""
        return Client(self.port, **more)

    def user(self, name: str, role: str = "operator", password: str = PASSWORD) -> Client:
        """A new user, logged in."""
        add_user(self.config, name, role, password)
        return self.client().login(name, password)

    def with_token(self, *scopes: str, name: str = "program") -> Client:
        """A program with a token of these scopes."""
        return self.client(token=token(self.config, name, *scopes))


def add_user(config: Path, name: str, role: str = "operator", password: str = PASSWORD) -> None:
    done = typed("users", "add", name, "--role", role, "--config", config, stdin=f"{password}\n")
    assert done.code == 0, done


def token(config: Path, name: str, *scopes: str) -> str:
    done = typed("users", "token", name, "--scope", ",".join(scopes), "--config", config)
    assert done.code == 0, done
    found = re.search(r"(\S+)\s*$", done.out)
    assert found, done
    return found[1]


def write_house(folder: Path, *, web: Mapping[str, Any] | None = None, **changes: Any) -> tuple[Path, int]:
    """The configuration of a gate whose film goes round and round, nothing published, and the port of its page."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    write_model(folder)
    write_scene(folder / "scene", [*[MASKED] * 12, *[None] * 30])
    given = {
        "cameras": [
            {"name": "front", "source": f"images:{folder / 'scene'}", "role": "gate", "interval": "0.1s", "loop": True}
        ],
        **changes,
    }
    return write_config(folder, None, web={"enabled": True, "port": port, **(web or {})}, **given), port


@contextmanager
def served(folder: Path, *, web: Mapping[str, Any] | None = None, **changes: Any) -> Iterator[Served]:
    """That house, and it runs; `changes` replace whole sections."""
    config, port = write_house(folder, web=web, **changes)
    with Daemon(config) as daemon:
        found = Served(daemon, config, port)
        if not (web or {}).get("tls"):
            until(lambda: answers(found))
        yield found


def answers(found: Served) -> bool:
    """Whether its page is there."""
    assert found.daemon.process.poll() is None, found.daemon.stderr
    try:
        return found.client().get("/healthz").status == 200
    except OSError:
        return False
