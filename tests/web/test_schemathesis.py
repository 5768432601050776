"""The running daemon is asked whatever its own description allows and forbids, and answers as described."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.web.served import Client, Served, served

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "positive_data_acceptance", "ignored_auth",
    "missing_required_header", "unsupported_method",
)  # fmt: skip
PUSH = "/api/v1/push/.*"
LEFT_OUT = ("/api/v1/events", "/api/v1/visits.jsonl")
"""The answer of the first has no end; the other takes what the table takes."""
SAFE = ["infer", "snapshot", "status", "configure", "erase"]
"""Commands that do not build the house anew whatever they are asked."""
FINE = [200, 304, 404]
REFUSED = {
    **{f"/api/v1/{name}": [400] for name in ("visits", "visits.csv", "summary", "readings", "alerts", "faults")},
    **{f"/api/v1/{name}/seen": [400] for name in ("alerts", "faults")},
    "/mask/": [400, 413, 415, 422],
    "/api/v1/config": [400, 403],
    "/api/v1/commands/{name}": [400, 403, 413],
    "/api/v1/push/subscriptions": [201, 204, 422],
}
"""What a schema cannot say: `to` lies behind `from`, a cursor is ours, bytes are a picture, keys are those of the
configuration, a command has its own fields, an address is one of a push service."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    phones = {"name": "phones", "kind": "web-push", "subject": "mailto:gate@example.org"}
    notify = {"targets": [phones]}
    with served(tmp_path_factory.mktemp("described"), health={"interval": "1h"}, notify=notify) as found:
        yield found


def test_the_daemon_answers_a_program_as_its_description_says(house: Served, tmp_path: Path) -> None:
    client = house.with_token("read", "infer", "control", "metrics")
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    asks(client, tmp_path, f"Authorization: Bearer {client.token}", *left_out, "--exclude-path-regex", PUSH)
    assert client.get("/healthz").status == 200


def test_the_daemon_answers_a_browser_that_wants_to_be_told_as_its_description_says(
    house: Served, tmp_path: Path
) -> None:
    """With a session: no token subscribes. What the description says of tokens is asked for by the other test."""
    browser = house.user("kim")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    asks(
        browser, tmp_path, f"Cookie: {cookie}", "--header", f"Origin: {browser.origin}", "--include-path-regex", PUSH,
        "--exclude-checks", "ignored_auth",
    )  # fmt: skip
    assert browser.get("/api/v1/push/subscriptions").status == 200


def asks(client: Client, folder: Path, login: str, *more: str) -> None:
    """All that is described and chosen by `more`, and some that is not."""
    described, config = folder / "openapi.yaml", folder / "schemathesis.toml"
    document = yaml.safe_load(client.get("/openapi.yaml").body)
    document["paths"]["/api/v1/commands/{name}"]["post"]["parameters"][0]["schema"]["enum"] = SAFE
    if client.token is None:  # else it would invent tokens
        del document["security"], document["components"]["securitySchemes"]
    described.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    config.write_text(
        "".join(
            f"[[operations]]\ninclude-path = {path!r}\n"
            f"checks.positive_data_acceptance.expected-statuses = {[*FINE, *statuses]}\n"
            for path, statuses in REFUSED.items()
        ),
        encoding="utf-8",
    )
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", config, "run", described, "--url", client.origin,
        "--header", login, "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--seed", "27", "--workers", "1",
        "--request-timeout", "10", "--suppress-health-check", "all", "--no-color", "--max-failures", "10", *more,
    ]  # fmt: skip
    done = subprocess.run(
        [str(each) for each in command], cwd=folder, capture_output=True, text=True, timeout=180, check=False,
        env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-16000:] + done.stderr[-2000:]
