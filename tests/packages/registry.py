"""A real docker-registry on loopback, with TLS and a password."""

import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import trustme
import yaml
from tests.broker import HOST, free_port
from tests.waiting import until

USER, PASSWORD = "edge", "let me in"
_HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuu4h2R.N3/mVBA7Xh7aLzKSJDAsK61n52\n"
"""bcrypt of the password: docker-registry takes nothing else."""


class Registry:
    """Start it with `with`; one serves a whole module: a name of one's own keeps tests apart."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        program = shutil.which("docker-registry")
        assert program, "docker-registry is not installed: `apt install docker-registry` (the tests talk to a real one)"
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.password_file = folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        (folder / "htpasswd").write_text(_HTPASSWD)
        if not self.ca.exists():
            self._write_certificates()
        (folder / "config.yml").write_text(yaml.safe_dump(self._config()))
        self._command = [program, "serve", str(folder / "config.yml")]
        self._process: subprocess.Popen[bytes] | None = None

    def _write_certificates(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca))
        identity = authority.issue_cert("localhost", HOST)
        identity.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        for part in identity.cert_chain_pems:
            part.write_to_path(str(self.folder / "cert.pem"), append=True)

    def _config(self) -> dict[str, object]:
        return {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "store")}, "delete": {"enabled": True}},
            "http": {
                "addr": f"{HOST}:{self.port}",
                "tls": {"certificate": str(self.folder / "cert.pem"), "key": str(self.folder / "key.pem")},
            },
            "auth": {"htpasswd": {"realm": "packages", "path": str(self.folder / "htpasswd")}},
        }

    @property
    def base(self) -> str:
        """The beginning of the addresses of packages."""
        return f"oci://localhost:{self.port}"

    def start(self) -> None:
        assert self._process is None, "it runs already"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            urllib.request.urlopen(  # without a password it says no, and that is an answer
                f"https://localhost:{self.port}/v2/", context=ssl.create_default_context(cafile=self.ca), timeout=5
            ).close()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code == 401
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def blob(self, digest: str) -> Path:
        """Where it keeps the bytes of a blob or manifest."""
        name = digest.removeprefix("sha256:")
        return self.folder / "store" / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
