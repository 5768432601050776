"""A web server with TLS where packages are to be had."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import trustme
from tests.broker import HOST


class Shop:
    """A web server with TLS that hands out files; `/hang` is asked for and never answered."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.hangs = threading.Semaphore(0)
        self._goes_on = threading.Event()
        authority = trustme.CA()
        self.authority = folder / "shop.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        shop = self

        class Counter(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.serve(self)

            def log_message(self, *_anything: Any) -> None: ...

        self._server = ThreadingHTTPServer((HOST, 0), Counter)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._goes_on.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, asked: BaseHTTPRequestHandler) -> None:
        if asked.path == "/hang":
            self.hangs.release()
            self._goes_on.wait(60.0)
            return
        if asked.path == "/short":
            asked.send_response(200)
            asked.send_header("Content-Length", "1000")
            asked.end_headers()
            asked.wfile.write(b"short")
            return
        if asked.path == "/plain":
            asked.send_response(302)
            asked.send_header("Location", "http://localhost/model.zip")
            asked.end_headers()
            return
        content = self.files.get(asked.path.partition("?")[0])
        asked.send_response(404 if content is None else 200)
        asked.send_header("Content-Length", str(len(content or b"")))
        asked.end_headers()
        asked.wfile.write(content or b"")
