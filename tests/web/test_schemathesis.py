"""The running daemon is asked whatever its own description allows and forbids, and answers as described."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web.served import Served, served

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "positive_data_acceptance", "ignored_auth",
    "missing_required_header", "unsupported_method",
)  # fmt: skip
LEFT_OUT = (
    "/api/v1/events", "/api/v1/config", "/api/v1/commands/{name}", "/api/v1/push/key", "/api/v1/push/subscriptions",
    "/api/v1/visits.jsonl",
)  # fmt: skip
"""The answer of the first has no end; most of what the next two are asked builds the house again; no token subscribes;
the last takes what the table takes."""
FINE = [200, 304, 404]
REFUSED = {
    **{f"/api/v1/{name}": [400] for name in ("visits", "visits.csv", "summary", "readings", "alerts", "faults")},
    **{f"/api/v1/{name}/seen": [400] for name in ("alerts", "faults")},
    "/mask/": [400, 413, 415, 422],
}
"""What a schema cannot say: `to` lies behind `from`, a cursor is ours, bytes are a picture."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("described"), health={"interval": "1h"}) as found:
        yield found


def test_the_daemon_answers_as_its_description_says(house: Served, tmp_path: Path) -> None:
    client = house.with_token("read", "infer", "control", "metrics")
    described = tmp_path / "openapi.yaml"
    described.write_bytes(client.get("/openapi.yaml").body)
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        "".join(
            f"[[operations]]\ninclude-path = {path!r}\n"
            f"checks.positive_data_acceptance.expected-statuses = {[*FINE, *more]}\n"
            for path, more in REFUSED.items()
        ),
        encoding="utf-8",
    )
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", config, "run", described, "--url", client.origin,
        "--header", f"Authorization: Bearer {client.token}", "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--seed", "27", "--workers", "1",
        *(word for path in LEFT_OUT for word in ("--exclude-path", path)),
        "--request-timeout", "10", "--suppress-health-check", "all", "--no-color", "--max-failures", "10",
    ]  # fmt: skip
    done = subprocess.run(
        [str(each) for each in command], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-16000:] + done.stderr[-2000:]
    assert client.get("/healthz").status == 200
