"""The board and the alerts that are shipped: Prometheus reads each expression, and each name is in `/metrics`."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.web.metric_figures import busy_tally, whole_house
from tests.web.test_metrics import samples, text

from edge_mask.web.metrics.requests import Requests

FOLDER = Path(__file__).parents[2] / "docs/grafana"
NAME = re.compile(r"\bedge_mask_[a-z0-9_]+")


def known() -> set[str]:
    requests = Requests()
    requests.answered("/mask/", "POST", 200, 0.05)
    return {name for name, _ in samples(text(busy_tally(), whole_house(), requests))}


def panels() -> list[dict[str, Any]]:
    board = json.loads((FOLDER / "edge-mask.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def alerts() -> list[dict[str, Any]]:
    found = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def test_prometheus_reads_every_expression_of_the_board(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$instance", "gate.*").replace("$__interval", "5m")}
        for number, expression in enumerate(expressions())
    ]
    file = tmp_path / "board.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    judged = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
    assert f"{len(rules)} rules found" in judged.stdout


def test_every_metric_of_the_board_and_of_the_alerts_exists() -> None:
    there = known()
    used = {name for text_ in (*expressions(), *(rule["expr"] for rule in alerts())) for name in NAME.findall(text_)}
    assert used
    assert used <= there, sorted(used - there)


def test_the_board_shows_everything_that_is_told() -> None:
    shown = {name.removesuffix("_bucket") for each in expressions() for name in NAME.findall(each)}
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known()}
    shown = {re.sub(r"_(sum|count)$", "", name) for name in shown}
    assert told == shown


def test_panels_lie_beside_each_other_and_have_a_name_and_a_number_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len({panel["title"] for panel in panels()}) == len(panels())


def test_the_alerts_are_raised_by_what_they_name_and_by_nothing_else() -> None:
    for what in ("check rules alerts.yml", "test rules alerts.test.yml"):
        judged = subprocess.run(["promtool", *what.split()], cwd=FOLDER, capture_output=True, text=True, check=False)
        assert judged.returncode == 0, judged.stdout + judged.stderr
    tested = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
    by_name: dict[str, list[int]] = {}
    for case in tested:
        for one in case["alert_rule_test"]:
            by_name.setdefault(one["alertname"], []).append(len(one["exp_alerts"]))
    assert set(by_name) == {rule["alert"] for rule in alerts()}
    assert all({0, 1} <= set(raised) for name, raised in by_name.items()), by_name


def test_the_page_names_every_metric_and_no_other() -> None:
    page = (FOLDER.parent / "metrics.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    told = {re.sub(r"_(bucket|sum|count)$", "", name).removeprefix("edge_mask_") for name in known()}
    assert named == told


def test_the_page_names_the_labels_of_every_metric() -> None:
    page = (FOLDER.parent / "metrics.md").read_text()
    rows = {line.split("|")[1]: line.split("|")[2] for line in page.splitlines() if line.startswith("| `")}
    requests = Requests()
    requests.answered("/mask/", "POST", 200, 0.05)
    for name, labels in samples(text(busy_tally(), whole_house(), requests)):
        short = re.sub(r"_(bucket|sum|count)$", "", name).removeprefix("edge_mask_")
        shown = next(labels for names, labels in rows.items() if f"`{short}`" in names)
        wanted = {label for label, _ in labels} - {"le"}
        assert wanted <= set(re.findall(r"`([a-z]+)`", shown)), name
