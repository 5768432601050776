"""The Dockerfile without an engine: each of its lines that can be tried is tried, none is taken on trust."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.deploy.manifests import ROOT, compose, pods

from edge_mask.cli import main

TEXT = (ROOT / "Dockerfile").read_text()
LINES = [
    line
    for line in re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()
    if line.strip()
]  # fmt: skip


def instructions(name: str) -> list[str]:
    """What stands behind each instruction of this name."""
    return [line.partition(" ")[2].strip() for line in LINES if line.partition(" ")[0] == name]


def test_it_is_built_of_an_image_that_can_be_named_and_runs_as_nobody() -> None:
    assert instructions("ARG")[0] == "BASE=python:3.11-slim-bookworm"
    assert [each.split()[0] for each in instructions("FROM")] == ["${BASE}", "${BASE}"]
    assert instructions("USER") == ["${UID}:${UID}"]
    (uid,) = (each.partition("=")[2] for each in instructions("ARG") if each.startswith("UID="))
    assert {pod["securityContext"]["runAsUser"] for _, pod in pods()} == {int(uid)}
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert LINES.index("USER ${UID}:${UID}") > max(n for n, line in enumerate(LINES) if line.startswith("RUN"))


def test_nothing_in_it_is_of_one_processor() -> None:
    assert not re.search(r"x86|amd64|aarch64|arm64|--platform|armv", "\n".join(LINES))


def test_what_it_copies_is_there_and_reaches_the_engine_and_nothing_else_does() -> None:
    copied = [each for line in instructions("COPY") if "--from" not in line for each in line.split()[:-1]]
    assert copied
    wanted = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted == set(copied)
    for each in copied:
        assert (ROOT / each).exists()


def test_the_extras_are_those_that_the_server_side_needs() -> None:
    (asked,) = (each.partition("=")[2] for each in instructions("ARG") if each.startswith("EXTRAS="))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(asked.split(",")) <= project["optional-dependencies"].keys()
    assert {"sink", "web"} <= set(asked.split(","))


def test_the_versions_are_those_that_the_tests_run_with(tmp_path: Path) -> None:
    (line,) = (each for each in instructions("RUN") if each.startswith("sed "))
    made = tmp_path / "constraints.txt"
    subprocess.run(["sh", "-c", line.replace("/constraints.txt", str(made))], cwd=ROOT, check=True)
    pinned = made.read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==\S+( ;.*)?", each) for each in pinned), pinned
    names = {each.partition("==")[0].lower() for each in pinned}
    assert {"numpy", "opencv-python-headless", "ai-edge-litert", "psycopg-binary", "starlette"} <= names


def test_what_is_left_out_is_there_and_not_needed(tmp_path: Path) -> None:
    """In a folder of links to the packages, without what the Dockerfile deletes, the model still answers."""
    (line,) = (each for each in instructions("RUN") if "site-packages" in each)
    left_out = re.findall(r"ai_edge_litert/[A-Za-z./]+", line)
    spec = find_spec("ai_edge_litert")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    assert len(left_out) == 3
    for each in left_out:
        assert (package.parent / each).exists(), f"{each}: is there no more, so that deleting it saves nothing"
    (tmp_path / "ai_edge_litert").mkdir()
    for part in package.iterdir():
        if f"ai_edge_litert/{part.name}" not in left_out:
            (tmp_path / "ai_edge_litert" / part.name).symlink_to(part)
    done = subprocess.run(
        [sys.executable, "-m", "edge_mask", "model", "verify", str(ROOT / "models/mask-detector")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where = "import ai_edge_litert.interpreter as i; print(i.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout.startswith(str(tmp_path)), "it was this one that answered"


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_and_believes_the_answer(status: int, is_healthy: bool) -> None:
    (line,) = instructions("HEALTHCHECK")
    command = json.loads(line.partition("CMD ")[2])
    command[0] = sys.executable
    with answering(status) as port:
        env = {**os.environ, "HEALTH": f"127.0.0.1:{port}"}
        assert (subprocess.run(command, env=env, check=False, capture_output=True).returncode == 0) is is_healthy
    assert subprocess.run(command, env=env, check=False, capture_output=True).returncode != 0, "nobody is there"


def test_what_it_runs_is_a_command_and_the_same_one_as_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = instructions("CMD")
    assert instructions("ENTRYPOINT") == ['["edge-mask"]']
    words = json.loads(command)
    with pytest.raises(SystemExit, match="0"):
        main([words[0], "--help"])
    assert words[1] in capsys.readouterr().out
    places = {words[2], compose()["services"]["sink"]["command"][2]}
    places |= {container["args"][2] for _, pod in pods() for container in pod["containers"]}
    assert places == {"/etc/edge-mask/config.yaml"}


def test_only_the_kept_and_the_temporary_are_written() -> None:
    assert instructions("VOLUME") == ["/var/lib/edge-mask"]
    assert instructions("WORKDIR")[-1] == "/var/lib/edge-mask"
    environment = " ".join(instructions("ENV"))
    assert "PYTHONPYCACHEPREFIX=/tmp/pycache" in environment
