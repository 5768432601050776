"""`/metrics` of the installed daemon: promtool's judgement, and Prometheus itself, which scrapes it with a token."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml
from tests.broker import free_port
from tests.end_to_end.daemon import edge_mask
from tests.waiting import until
from tests.web.served import HOST, Served, served
from tests.web.test_metrics import samples, value


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    readings = tmp_path_factory.mktemp("readings") / "readings.csv"
    readings.write_text("seconds,value\n0,36.5\n0.1,36.6\n")
    forehead = {"name": "forehead", "kind": "replay", "path": str(readings), "loop": True}
    with served(tmp_path_factory.mktemp("house"), sensors=[forehead]) as found:
        yield found
        assert "Traceback" not in found.daemon.stderr


def told(house: Served) -> str:
    return house.with_token("metrics", name="scraper").get("/metrics").text


def test_a_gate_that_judges_is_told_and_promtool_finds_nothing(house: Served) -> None:
    scraper = house.with_token("metrics", name="scraper-1")

    def judged() -> dict[Any, float]:
        now = samples(scraper.get("/metrics").text)
        visits = sum(number for (name, _), number in now.items() if name == "edge_mask_visits_total")
        return now if visits and value(now, "frames_seen_total", camera="front") > 3 else {}

    now = until(judged)
    assert value(now, "camera_up", camera="front") == 1
    assert 0.05 < value(now, "camera_interval_seconds", camera="front") < 5
    assert value(now, "inference_seconds_count") == value(now, "frames_seen_total", camera="front")
    assert value(now, "time_to_verdict_seconds_count", camera="front") >= 1
    assert value(now, "sensor_up", sensor="forehead") == 1
    assert 36 < value(now, "temperature_celsius", sensor="forehead") < 37
    assert value(now, "outbox_pending_messages") == 0
    assert value(now, "process_resident_memory_bytes") > 1e7
    assert value(now, "node_disk_size_bytes") > 0
    answer = scraper.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=answer.text, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_counters_grow_over_an_erased_history_and_over_another_house(house: Served) -> None:
    scraper = house.with_token("metrics", "control", name="scraper-2")

    def counters() -> dict[Any, float]:
        now = samples(scraper.get("/metrics").text)
        return {key: number for key, number in now.items() if key[0].endswith(("_total", "_count", "_sum", "_bucket"))}

    before = counters()
    erased = scraper.post(
        "/api/v1/commands/erase", b'{"before": "2200-01-01T00:00:00Z"}', Content_Type="application/json"
    )
    assert erased.json()["ok"], erased
    changed = scraper.ask(
        "PATCH", "/api/v1/config", b'{"health": {"interval": "17s"}}', headers={"Content_Type": "application/json"}
    )
    assert changed.json()["changed"] == ["health.interval"], changed
    after = counters()
    assert set(before) <= set(after)
    assert {key: (before[key], after[key]) for key in before if after[key] < before[key]} == {}


def test_requests_are_counted_by_route(house: Served) -> None:
    scraper = house.with_token("metrics", name="scraper-3")
    for path in ("/nothing/at/all", "/nothing/else?token=secret", "/healthz"):
        house.client().get(path)
    now = samples(scraper.get("/metrics").text)
    assert value(now, "http_requests_total", route="other", method="GET", code="404") >= 2
    assert value(now, "http_requests_total", route="/healthz", method="GET", code="200") >= 1
    assert "secret" not in scraper.get("/metrics").text


def test_a_notification_that_was_not_told_is_a_figure_and_no_error(house: Served) -> None:
    scraper = house.with_token("metrics", name="scraper-4")
    assert value(samples(scraper.get("/metrics").text), "notifications_not_told_total", reason="quiet") == 0
    with closing(sqlite3.connect(house.folder / "edge-mask.db", timeout=20)) as database, database:
        database.execute("INSERT INTO counters (name, value) VALUES ('notify_quiet', 2)")
    answer = scraper.get("/metrics")
    assert answer.status == 200, answer
    assert value(samples(answer.text), "notifications_not_told_total", reason="quiet") == 2


def test_nobody_without_the_scope_reads_figures(house: Served) -> None:
    assert house.client().get("/metrics").status == 401
    assert house.with_token("read", name="reader").get("/metrics").status == 403


@contextmanager
def prometheus(folder: Path, house: Served, token: str) -> Iterator[int]:
    """The real one, which looks every half second."""
    port = free_port()
    (folder / "token").write_text(token)
    rules = Path(__file__).parents[2] / "docs/grafana/alerts.yml"
    job = {
        "job_name": "edge-mask",
        "authorization": {"credentials_file": str(folder / "token")},
        "static_configs": [{"targets": [f"{HOST}:{house.port}"]}],
    }
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with (folder / "log.txt").open("wb") as log:
        running = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={HOST}:{port}", "--log.level=warn",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield port
        finally:
            running.terminate()
            running.wait(30)


def asked(port: int, query: str) -> list[Any]:
    try:
        with urlopen(f"http://{HOST}:{port}/api/v1/query?query={quote(query)}", timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])
    except OSError:  # it is starting
        return []


def test_prometheus_scrapes_a_gate_with_a_token(house: Served, tmp_path: Path) -> None:
    made = edge_mask("users", "token", "prometheus", "--scope", "metrics", "--config", house.config, cwd=house.folder)
    with prometheus(tmp_path, house, made.out.split()[-1]) as port:
        up = until(lambda: asked(port, 'up{job="edge-mask"} == 1'))
        assert up[0]["value"][1] == "1"
        rate = until(lambda: asked(port, "rate(edge_mask_frames_seen_total[10s]) > 0"))
        assert rate[0]["metric"]["camera"] == "front"
        assert asked(port, 'edge_mask_build_info{version!=""}')
        assert asked(port, 'scrape_samples_scraped{job="edge-mask"} > 50')
