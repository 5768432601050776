"""Rule files: what they may hold, and the sentences for what they may not."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # it ships no types
import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.rules.aws_actions import AWS_ACTIONS
from edge_mask.rules.rule_file import load_file
from edge_mask.rules.rule_set import RuleSet
from edge_mask.rules.shapes import Field, ListOf, Shape


def written(folder: Path, text: str, name: str = "r.yaml") -> Path:
    """A rule file with this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


GOOD = """
hot:
  sql: "SELECT *, topic() AS source FROM 'kf99/topic' WHERE temperature > 30"
  awsIotSqlVersion: 2016-03-23
  actions:
    - republish: {topic: "kf99/alarm", qos: 1}
  errorAction:
    republish: {topic: "kf99/error"}
cold:
  sql: SELECT * FROM 'kf99/topic' WHERE temperature < 0
  actions: []
"""


def test_several_rules_by_name(tmp_path: Path) -> None:
    rules, problems = load_file(written(tmp_path, GOOD))
    assert problems == []
    assert [(rule.name, rule.statement.version, rule.runs_here) for rule in rules] == [
        ("hot", "2016-03-23", True),
        ("cold", "2015-10-08", False),
    ]


def test_json_a_bare_payload_and_the_clis_input_are_rule_files_too(tmp_path: Path) -> None:
    payload = {"sql": "SELECT * FROM 't'", "actions": [{"republish": {"topic": "u", "roleArn": "arn"}}]}
    for name, text, expected in (
        ("by_name.json", {"one": payload}, "one"),
        ("my-rule.json", payload, "my_rule"),
        ("cli.json", {"ruleName": "two", "topicRulePayload": payload}, "two"),
    ):
        rules, problems = load_file(written(tmp_path, json.dumps(text), name))
        assert (problems, [rule.name for rule in rules]) == ([], [expected])


SQL = "sql: \"SELECT * FROM 't'\""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rule"),
        ("§- a", "by name"),
        ("a: {\n  b: }§}", "not valid YAML"),
        ("a-b: §{sql: x, actions: []}", "letters, digits"),
        ("a: §{SQL}", "actions is missing"),
        ("a: §{actions: []}", "sql is missing"),
        ('a:\n  sql: "SELECT * FROM §t"\n  actions: []', "single quotes"),
        ("a:\n  sql: SELECT * FROM §t\n  actions: []", "single quotes"),
        ("a:\n  sql: |\n    SELECT *\n    FROM 't' WHERE §nope(1)\n  actions: []", "no function"),
        ("a: {SQL, actions: [], sqll: §1}", "did you mean sql?"),
        ("a: {SQL, §sql: x, actions: []}", "given twice, first on line"),
        ("a: {SQL, awsIotSqlVersion: §2017-01-01, actions: []}", "does not exist"),
        ("a: {SQL, actions: §1}", "list of actions"),
        ("a: {SQL, actions: [{republis: §{}}]}", "did you mean republish?"),
        ("a: {SQL, actions: [{republish: §{}}]}", "topic is missing"),
        ("a: {SQL, actions: [{republish: {topic: x, qos: §2}}]}", "allowed: 0, 1"),
        ("a: {SQL, actions: [{republish: {topic: §5}}]}", "a text is expected, not 5"),
        ('a: {SQL, actions: [{republish: {topic: "x/${upper(§}"}}]}', "a value is expected"),
        ("a: {SQL, actions: [{s3: §{bucketName: b}}]}", "key is missing"),
        ("a: {SQL, actions: [{timestream: {databaseName: d, tableName: t, dimensions: §[]}}]}", "1 to 128"),
        ("a: {SQL, actions: [{sns: {targetArn: a, messageFormat: §XML}}]}", "allowed: RAW, JSON"),
        ("a: {SQL, actions: [§{}]}", "one action is expected"),
        ("a: {SQL, actions: [{edgeMask: {output: §{line: x}}}]}", "value (0 or 1)"),
        ("a: {SQL, actions: [{edgeMask: {output: {line: x, pulse: §2h}}}]}", "duration"),
        ("a: {SQL, actions: [{edgeMask: {output: {line: §[], value: 1}}}]}", "name or number"),
        ("a: {SQL, actions: [{edgeMask: §{beep: 1}}]}", "log, snapshot, output"),
        ("a: {SQL, actions: [], edgeMask: {atMostEvery: §soon}}", "duration"),
        ("a: {SQL, actions: [], edgeMask: {atMostEvery: §1e999}}", "duration"),
        ("a: {SQL, §[b, c]: x, actions: []}", "a key must be a word"),
        ('a: {"sql": "\\ud800", actions: []}', "half a surrogate pair"),
        (
            "".join(
                f"x{n}: &x{n} [{'*x' + str(n - 1) + ',' if n else '1,'} {'*x' + str(n - 1) if n else 1}]\n"
                for n in range(30)
            ),
            "stand for over 5000 values",
        ),
        (
            (
                "a: {SQL, awsIotSqlVersion: beta, actions: [], "
                "errorAction: §{republish: {topic: \"${get_thing_shadow('a', 'b').x}\"}}}"
            ),
            "ask elsewhere",
        ),
        ("a: {SQL, actions: §[" + "{lambda: {functionArn: f}}," * 11 + "]}", "at most 10"),
    ],
)
def test_each_problem_is_a_sentence_with_file_line_and_column(tmp_path: Path, text: str, words: str) -> None:
    """The sign § in the text marks the place that the sentence must name."""
    text = text.replace("SQL,", f"{SQL},").replace("SQL}", SQL + "}")
    before, marked, _after = text.partition("§")
    path = written(tmp_path, text.replace("§", ""))
    with pytest.raises(ConfigurationError) as raised:
        RuleSet.load([path])
    sentence = next((problem for problem in raised.value.problems if words in problem), None)
    assert sentence is not None, raised.value.problems
    if marked:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert sentence.startswith(f"{path}:{line}:{column}: "), sentence


def test_what_json_escapes_in_two_halves_is_one_character(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    rule = {"sql": "SELECT '\U0001f637' AS mask FROM 'a/\U0001f637'", "actions": [{"republish": {"topic": "b"}}]}
    path.write_text(json.dumps({"r": rule}), "utf-8")
    assert "\\ud83d" in path.read_text("utf-8")
    (loaded,) = RuleSet.load([path]).rules
    assert loaded.statement.evaluate("a/\U0001f637", b"{}") == {"mask": "\U0001f637"}


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    first = written(tmp_path, "a: {sql: x, actions: []}\nb: {actions: []}", "1.yaml")
    second = written(tmp_path, "a: {sql: \"SELECT * FROM 't'\", actions: []}", "2.yaml")
    third = written(tmp_path, "a: {sql: \"SELECT * FROM 't'\", actions: []}", "3.yaml")
    with pytest.raises(ConfigurationError) as raised:
        RuleSet.load([first, second, third, tmp_path / "none.yaml"])
    problems = raised.value.problems
    assert len(problems) == 4
    assert "already" in problems[2]
    assert "cannot be read" in problems[3]


def test_tables_of_cases_are_no_rule_files(tmp_path: Path) -> None:
    rules = RuleSet.load([written(tmp_path, GOOD), written(tmp_path, "- {topic: t}", "r.test.yaml")])
    assert set(rules.counts) == {"hot", "cold"}


def _field_matches(ours: Field, theirs: Any, is_required: bool) -> None:
    kind = ours.kind
    assert ours.is_required == is_required
    if isinstance(kind, Shape):
        _matches(kind, theirs)
    elif isinstance(kind, ListOf):
        assert theirs.type_name == "list"
        _matches(kind.item, theirs.member)
    else:
        assert theirs.type_name == {"text": "string", "int": "integer", "bool": "boolean"}.get(kind, kind)
        if kind == "text" and ours.choices and "\n" not in ours.choices:
            assert list(ours.choices) == theirs.enum


def _matches(ours: Shape, theirs: Any) -> None:
    members = theirs.members
    required = set(theirs.required_members)
    known = {name: field for name, field in ours.fields.items() if not field.only_here}
    assert known.keys() == members.keys()
    for name, field in known.items():
        is_role_of_the_action = name == "roleArn" and not field.is_required
        _field_matches(field, members[name], field.is_required if is_role_of_the_action else name in required)


@cache
def service_actions() -> Any:
    """The actions in the description of the service that the AWS CLI works with."""
    service = botocore.session.get_session().get_service_model("iot")
    return service.shape_for("TopicRulePayload").members["actions"].member.members


@pytest.mark.parametrize("name", sorted(AWS_ACTIONS))
def test_the_actions_have_the_fields_that_the_service_describes(name: str) -> None:
    actions = service_actions()
    assert AWS_ACTIONS.keys() == actions.keys()
    _matches(AWS_ACTIONS[name], actions[name])
