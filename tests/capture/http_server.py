"""A small HTTP camera on loopback: one picture for each request, JPEGs in a row, or motion JPEG with boundaries.

It can ask for a password (Basic or Digest), send its visitor elsewhere, and say what it was asked.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.request import parse_http_list, parse_keqv_list

import cv2
import numpy as np

Answer = Callable[["Request"], None]


def jpeg(brightness: int) -> bytes:
    """A grey picture of 64 x 48."""
    done, encoded = cv2.imencode(".jpg", np.full((48, 64, 3), brightness, np.uint8))
    assert done
    return encoded.tobytes()


class Request(BaseHTTPRequestHandler):
    """One connection; what it answers stands in the server."""

    protocol_version = "HTTP/1.1"
    server: "HttpCameraServer"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.logins.append(self.headers.get("Authorization", ""))
        if self.server.guard is None or self.server.guard(self):
            try:
                self.server.answer(self)
            except OSError:  # whoever asked has gone
                self.close_connection = True

    def give(self, content: bytes, kind: str = "image/jpeg", status: int = 200, **headers: str) -> None:
        """A whole answer, with its length."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def begin(self, kind: str) -> None:
        """An answer that ends with its connection."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silence."""


class HttpCameraServer(ThreadingHTTPServer):
    """Runs from `with` to its end; `answer` and `guard` may be changed meanwhile."""

    daemon_threads = True

    def __init__(self, answer: Answer, guard: Callable[[Request], bool] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.guard = guard
        self.asked: list[str] = []
        self.logins: list[str] = []
        self.stopped = threading.Event()
        self.connections = 0

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        self.connections += 1
        return super().get_request()

    def address(self, path: str = "/snapshot.jpg", login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.server_port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self.shutdown()
        self.server_close()


def brightnesses() -> Iterator[int]:
    """Of the pictures of one camera, one after the other."""
    return iter(range(40, 240, 4))


def still() -> Answer:
    """A camera that gives one picture for each request."""
    values = brightnesses()
    return lambda request: request.give(jpeg(next(values)))


def in_a_row(every: float = 0.02) -> Answer:
    """JPEGs one behind the other, without anything between them."""

    def answer(request: Request) -> None:
        request.begin("image/jpeg")
        for value in brightnesses():
            request.wfile.write(jpeg(value))
            if request.server.stopped.wait(every):
                return

    return answer


def with_boundaries(every: float = 0.02, *, length: bool = True) -> Answer:
    """Motion JPEG as most cameras send it; each picture may state its length."""

    def answer(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        for value in brightnesses():
            picture = jpeg(value)
            stated = b"Content-Length: %d\r\n" % len(picture) if length else b""
            request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n" + stated + b"\r\n" + picture + b"\r\n")
            if request.server.stopped.wait(every):
                return

    return answer


def basic(user: str, password: str) -> Callable[[Request], bool]:
    """Lets in who knows the password."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def guard(request: Request) -> bool:
        if request.headers.get("Authorization") == wanted:
            return True
        request.give(b"no", "text/plain", 401, WWW_Authenticate='Basic realm="camera"')
        return False

    return guard


def digest(user: str, password: str, algorithm: str = "MD5", uses: int = 1000) -> Callable[[Request], bool]:
    """RFC 7616 with qop; each number may be used so often."""
    numbers = iter(range(1, 1000))
    nonce, left = "n0", uses
    name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm]

    def hashed(*parts: str) -> str:
        return hashlib.new(name, ":".join(parts).encode()).hexdigest()

    def guard(request: Request) -> bool:
        nonlocal nonce, left
        given = request.headers.get("Authorization", "")
        if given.startswith("Digest "):
            said = parse_keqv_list(parse_http_list(given.removeprefix("Digest ")))
            secret, asked = hashed(user, "cam, one", password), hashed("GET", request.path)
            expected = hashed(secret, said["nonce"], said["nc"], said["cnonce"], "auth", asked)
            if said["response"] == expected and said["nonce"] == nonce and left > 0:
                left -= 1
                return True
        nonce, left = f"n{next(numbers)}", uses
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Digest realm="x", nonce="0", algorithm=SHA-512-256, qop="auth"')
        request.send_header(
            "WWW-Authenticate",
            f'Digest realm="cam, one", nonce="{nonce}", algorithm={algorithm}, qop="auth,auth-int"',
        )
        request.send_header("Content-Length", "0")
        request.end_headers()
        return False

    return guard
