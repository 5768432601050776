"""A web server with TLS that answers as each path was told to, and writes down what it was asked."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import trustme
from tests.broker import HOST

from edge_mask.packages.remote.layout import place

Answer = Callable[[BaseHTTPRequestHandler], None]


class Faulty:
    """Files by their paths, and answers of another kind by theirs. `ends` is set when the test is over."""

    def __init__(self, folder: Path, authority: trustme.CA | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ends = threading.Event()
        self.authority = authority or trustme.CA()
        self.ca = folder / "faulty-ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost").configure_cert(context)
        server = self

        class Counter(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *_anything: Any) -> None: ...

        class Calm(ThreadingHTTPServer):
            def handle_error(self, *_anything: Any) -> None:
                """Whoever asked hung up, as the test wants it."""

        self._server = Calm((HOST, 0), Counter)
        self._server.daemon_threads = True
        # The handshake belongs to the thread of the connection: one that does not shake hands must not hold the others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ends.set()
        self._server.shutdown()
        self._server.server_close()

    def offer(self, layout: Path, name: str = "x") -> str:
        """A layout as a repository and as a folder; gives the address of the repository."""
        for blob in (layout / "blobs" / "sha256").iterdir():
            digest = f"sha256:{blob.name}"
            for path in (f"/v2/{name}/blobs/{digest}", f"/v2/{name}/manifests/{digest}", f"/{name}/{place(digest)}"):
                self.files[path] = blob.read_bytes()
        self.files[f"/{name}/index.json"] = (layout / "index.json").read_bytes()
        return f"oci://{self.host}/{name}"

    def heads(self, part: str) -> list[dict[str, str]]:
        """The headers of the requests whose path holds `part`."""
        return [headers for path, headers in self.asked if part in path]

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append((request.path, {name.lower(): text for name, text in request.headers.items()}))
        if path in self.answers:
            self.answers[path](request)
            return
        content = self.files.get(path)
        send(request, 200 if content is not None else 404, content or b"")


def send(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """A whole answer; underscores in the names of headers are hyphens."""
    request.send_response(status)
    for name, text in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), text)
    request.end_headers()
    request.wfile.write(body)
