"""The action in rule files: tried by a table of cases, checked, and left out of what AWS gets."""

import json
from pathlib import Path

import pytest
from tests.end_to_end.daemon import edge_mask

from edge_mask.rules.rule_file import load_file

RULE = """
hot:
  sql: "SELECT * FROM 'kf99/topic' WHERE temperature > 30"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - edgeMask: {notify: {to: [guard, office], title: "Hot: ${camera}", text: "${temperature} C", priority: high}}
    - republish: {topic: "kf99/alarm", roleArn: "arn:aws:iam::123456789012:role/r"}
"""
TABLE = """
- topic: kf99/topic
  payload: {temperature: 38.5, camera: front}
  actions:
    - notify: {to: [guard, office], title: "Hot: front", text: "38.5 C", priority: high, snapshot: false}
    - republish: {topic: kf99/alarm}
"""


def test_a_table_of_cases_tries_it_and_export_leaves_it_out(tmp_path: Path) -> None:
    (tmp_path / "hot.yaml").write_text(RULE)
    (tmp_path / "hot.test.yaml").write_text(TABLE)
    tried = edge_mask("rules", "test", "hot.yaml", cwd=tmp_path)
    assert tried.code == 0, tried
    exported = edge_mask("rules", "export", "hot.yaml", "--format", "cli", cwd=tmp_path)
    assert "edgeMask.notify is the device's own and is left out" in exported.err
    assert "guard" not in json.dumps(json.loads(exported.out))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("{text: x}", "to is missing"),
        ("{to: guard}", "text is missing"),
        ("{to: [], text: x}", "the name of a target is expected, or a list of names"),
        ("{to: 7, text: x}", "the name of a target is expected, or a list of names"),
        ("{to: guard, text: x, snapshot: 1}", "true or false is expected"),
        ("{to: guard, text: x, priority: loud}", "'loud' is not allowed; allowed: low, normal, high, urgent"),
        ("{to: guard, text: x, titel: y}", "there is no such field; did you mean title?"),
        ('{to: guard, text: "${"}', ":4:"),
    ],
)
def test_what_is_wrong_has_its_line_and_column(tmp_path: Path, fields: str, sentence: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"wrong:\n  sql: \"SELECT * FROM 'a'\"\n  actions:\n    - edgeMask: {{notify: {fields}}}\n")
    rules, problems = load_file(path)
    assert not rules
    assert sentence in problems[0]
    assert ":4:" in problems[0]
