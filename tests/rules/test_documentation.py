"""Every example of docs/rules.md is run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.rules.aws_actions import AWS_ACTIONS
from edge_mask.rules.rule_file import RuleDefinition, load_file
from edge_mask.rules.table import load_table, run_case
from edge_mask.sql import UNDEFINED, Context, compile_rule
from edge_mask.sql.functions import FUNCTIONS
from edge_mask.sql.values import equal

TEXT = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")
EXAMPLES = [found for found in re.findall(r"\| `([^`|]+)` \| `([^`|]+)` \|", TEXT) if found[0] != "edge-mask"]
FENCED = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PAYLOAD = next(text for kind, text in FENCED if kind == "json").encode()
CONTEXT = Context(
    timestamp=1_700_000_000_000,
    client_id="gate-01",
    shadow=lambda thing, name: {"state": {"reported": {"armed": True}}} if (thing, name) == ("gate-01", None) else None,
)


@pytest.mark.parametrize(("expression", "result"), EXAMPLES)
def test_an_example_gives_what_stands_beside_it(expression: str, result: str) -> None:
    rule = compile_rule(f"SELECT VALUE ({expression}) FROM 'edge-mask/+/visits'", "2016-03-23")
    value = rule.evaluate("edge-mask/gate-01/visits", PAYLOAD, CONTEXT)
    expected: Any = UNDEFINED if result == "Undefined" else json.loads(result)
    assert (value is UNDEFINED) if expected is UNDEFINED else equal(value, expected), value


def test_every_function_has_an_example_or_runs_in_aws() -> None:
    shown = {name.lower() for expression, _result in EXAMPLES for name in re.findall(r"(\w+)\(", expression)}
    here = {name for name, function in FUNCTIONS.items() if not function.runs_in_aws}
    assert (here | {"cast"}) - shown == set()
    only_aws = TEXT.partition("#### What only AWS can answer")[2]
    assert [name for name in FUNCTIONS if name not in here and f"`{name}`" not in only_aws] == []


def test_every_action_is_named() -> None:
    assert [name for name in AWS_ACTIONS if f"`{name}`" not in TEXT] == []


def _first_rules(folder: Path) -> list[RuleDefinition]:
    text = next(text for kind, text in FENCED if kind == "yaml" and "actions:" in text)
    path = folder / "hot.yaml"
    path.write_text(text, "utf-8")
    rules, problems = load_file(path)
    assert problems == []
    return rules


def test_the_rule_file_and_its_table_are_right(tmp_path: Path) -> None:
    rules = _first_rules(tmp_path)
    table = tmp_path / "hot.test.yaml"
    table.write_text(next(text for kind, text in FENCED if kind == "yaml" and text.startswith("- name")), "utf-8")
    cases, problems = load_table(table)
    assert problems == []
    assert [run_case(case, rules, 1).problem for case in cases] == ["", ""]


def test_the_statement_gives_the_output_below_it() -> None:
    written = [yaml.safe_load(text) for kind, text in FENCED if kind == "yaml" and text.startswith("topic:")]
    assert written
    for example in written:
        rule = compile_rule(example["sql"], "2016-03-23")
        assert rule.evaluate(example["topic"], json.dumps(example["payload"]).encode(), CONTEXT) == example["output"]
