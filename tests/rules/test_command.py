"""`edge-mask rules …`, as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.cli import main

SHIPPED = sorted((Path(__file__).parents[2] / "config/rules").glob("*.yaml"))
HOT = """
hot:
  sql: "SELECT temperature AS t FROM 'kf99/topic' WHERE temperature > 30"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: kf99/alarm, qos: 1}
    - lambda: {functionArn: "arn:aws:lambda:us-east-1:123456789012:function:f"}
"""


@dataclass(frozen=True)
class Done:
    """How the command ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


Command = Callable[..., Done]


@pytest.fixture
def edge_mask(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    """The command, in this process."""

    def run(*arguments: str | Path) -> Done:
        code = main(["rules", *map(str, arguments)])
        return Done(code, *capfdbinary.readouterr())

    return run


def test_eval_prints_the_output_and_nothing_else() -> None:
    """The installed command, in its own process."""
    command = [
        sys.executable, "-m", "edge_mask", "rules", "eval", "--topic", "kf99/topic", "--payload", "-",
        "--client-id", "me",
        "--sql", "SELECT temperature AS t, clientid() AS c FROM 'kf99/topic' WHERE temperature > 30",
    ]  # fmt: skip
    done = subprocess.run(command, input=b'{"temperature": 31.5}', capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"t":31.5,"c":"me"}\n', b"")


@pytest.mark.parametrize(("topic", "payload"), [("kf99/topic", b'{"t": 30}'), ("other", b'{"t": 31}')])
def test_eval_is_silent_with_1_when_topic_or_where_do_not_match(
    edge_mask: Command, tmp_path: Path, topic: str, payload: bytes
) -> None:
    file = tmp_path / "payload.json"
    file.write_bytes(payload)
    done = edge_mask("eval", "--sql", "SELECT * FROM 'kf99/topic' WHERE t > 30", "--topic", topic, "--payload", file)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


OPTIONAL = """
optional:
  sql: >-
    SELECT count, every FROM '+/ask' WHERE (isUndefined(count) = true OR count > 0)
    AND (isUndefined(every) = true OR every > 0)
  awsIotSqlVersion: "2016-03-23"
  actions: [{republish: {topic: asked}}]
first_or_changed:
  sql: >-
    SELECT now.lat AS lat FROM 'documents' WHERE now.lat <> NULL AND (isUndefined(before.lat) OR before.lat <> now.lat)
  awsIotSqlVersion: "2016-03-23"
  actions: [{republish: {topic: moved}}]
guarded:
  sql: "SELECT * FROM 'guarded/+' WHERE (isUndefined(a) = false AND a > 3) OR b = 1"
  awsIotSqlVersion: "2016-03-23"
  actions: [{republish: {topic: guarded}}]
"""
OPTIONAL_CASES = """
- {topic: d/ask, payload: {count: 42}, actions: [{republish: {topic: asked}}]}
- {topic: d/ask, payload: {}, actions: [{republish: {topic: asked}}]}
- {topic: d/ask, payload: {count: 42, every: 240}, actions: [{republish: {topic: asked}}]}
- {topic: d/ask, payload: {count: 0}, actions: []}
- {topic: documents, payload: {before: {}, now: {lat: 1.5}}, actions: [{republish: {topic: moved}}]}
- {topic: documents, payload: {before: {lat: 1.4}, now: {lat: 1.5}}, actions: [{republish: {topic: moved}}]}
- {topic: documents, payload: {before: {lat: 1.5}, now: {lat: 1.5}}, actions: []}
- {topic: guarded/x, payload: {b: 1}, actions: [{republish: {topic: guarded}}]}
- {topic: guarded/x, payload: {b: 2}, actions: []}
"""


def test_rules_about_attributes_that_may_be_absent_fire(edge_mask: Command, tmp_path: Path) -> None:
    """`isUndefined(n) OR n > 0` and "first report or changed", as rules on AWS are written."""
    (tmp_path / "rules.yaml").write_text(OPTIONAL, "utf-8")
    (tmp_path / "rules.test.yaml").write_text(OPTIONAL_CASES, "utf-8")
    done = edge_mask("test", tmp_path / "rules.yaml")
    assert (done.returncode, done.stdout.count(b": ok")) == (0, 9), done.stdout.decode()


@pytest.mark.parametrize(
    ("sql", "version", "words"),
    [
        ("SELECT * FROM 't' WHERE a == 1", "2016-03-23", "line 1, column 28"),
        ("SELECT * FROM 't'", "1999-01-01", "does not exist"),
        ("SELECT *, 1 AS a FROM 't'", "2016-03-23", "JSON object"),
    ],
)
def test_eval_says_in_a_sentence_with_2_what_is_wrong(
    edge_mask: Command, tmp_path: Path, sql: str, version: str, words: str
) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"text")
    done = edge_mask("eval", "--sql", sql, "--topic", "t", "--payload", file, "--sql-version", version)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_the_tables_of_the_shipped_rules_hold(edge_mask: Command) -> None:
    done = edge_mask("test", *SHIPPED, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    tested = {Path(case["file"]).name for case in cases}
    assert tested == {path.name for path in SHIPPED if ".test" not in path.name}


def test_a_case_that_does_not_hold_is_shown_and_exits_1(edge_mask: Command, tmp_path: Path) -> None:
    (tmp_path / "hot.yaml").write_text(HOT, "utf-8")
    (tmp_path / "hot.test.yaml").write_text(
        """
- {name: fits, topic: kf99/topic, payload: {temperature: 31}, output: {t: 31}}
- {name: wrong value, topic: kf99/topic, payload: {temperature: 31}, output: {t: 32}}
- {name: unexpected, topic: kf99/topic, payload: {temperature: 31}, expect: no match}
- {name: too cold, topic: kf99/topic, payload: {temperature: 3}, output: {t: 3}}
- {name: other topic, topic: kf99/topic, payload: {temperature: 31}, actions: [{republish: {topic: other}}]}
- {name: no rule, rule: cold, topic: kf99/topic, payload: {}, expect: no match}
- {topic: kf99/topic, payload: {temperature: 31}, actions: [{republish: {topic: kf99/alarm, payload: {t: 31}}}]}
""",
        "utf-8",
    )
    done = edge_mask("test", tmp_path / "hot.yaml")
    lines = [line.partition("hot.yaml: ")[2] for line in done.stdout.decode().splitlines()]
    assert done.returncode == 1
    assert [line.split(":")[1].strip() for line in lines] == ["ok", *["FAILED"] * 5, "ok"]
    assert lines[1] == 'wrong value: FAILED: the output is {"t": 31}, expected is {"t": 32}'


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "hot.test.yaml: cannot be read"),
        ("a: 1", "a list of cases is expected"),
        ("- {topic: t}", "payload is missing"),
        ("- {topic: t, payload: {}}", "nothing is expected"),
        ("- {topic: t, payload: {}, expect: nothing}", "allowed: no match"),
        ("- {topic: t, payload: {}, outputs: 1}", "did you mean output?"),
        ("- {topic: t, payload: {base64: '!'}, output: 1}", "not base64"),
        ("- {topic: t, payload: {base64: 5}, output: 1}", "not base64"),
        ("- {topic: t, payload: 1, output: 1, context: {shadow: 5}}", "a mapping is expected"),
        ("- {topic: t, payload: 1, output: 1, context: {random: x}}", "a number is expected"),
        ('- {topic: t, payload: "\\ud800", output: 1}', "half a surrogate pair"),
        ("[]", "no case was run"),
    ],
)
def test_a_faulty_table_is_a_sentence_with_2(edge_mask: Command, tmp_path: Path, table: str | None, words: str) -> None:
    (tmp_path / "hot.yaml").write_text(HOT, "utf-8")
    if table is not None:
        (tmp_path / "hot.test.yaml").write_text(table, "utf-8")
    done = edge_mask("test", tmp_path / "hot.yaml")
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_check_says_where_each_action_runs(edge_mask: Command, tmp_path: Path) -> None:
    file = tmp_path / "hot.yaml"
    file.write_text(HOT, "utf-8")
    done = edge_mask("check", file, "--json")
    assert done.returncode == 0
    (rule,) = json.loads(done.stdout)
    assert rule["actions"] == [
        {"action": "republish", "runs": "runs on the device"},
        {"action": "lambda", "runs": "runs in AWS (lambda needs AWS)"},
    ]
    assert any("roleArn" in note for note in rule["notes"])
    assert "lambda: runs in AWS" in edge_mask("check", file).stdout.decode()


def test_check_names_file_line_and_column(edge_mask: Command, tmp_path: Path) -> None:
    file = tmp_path / "hot.yaml"
    file.write_text(HOT.replace("temperature > 30", "temperature >> 30"), "utf-8")
    done = edge_mask("check", file)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"{file}:3:")


def test_export_prints_documents_and_says_what_stays_here(edge_mask: Command, tmp_path: Path) -> None:
    file = tmp_path / "hot.yaml"
    file.write_text(HOT + "    - edgeMask: {log: {text: hot}}\n", "utf-8")
    template = edge_mask("export", file)
    assert template.returncode == 0
    assert "HotRule" in yaml.safe_load(template.stdout)["Resources"]
    assert "edgeMask.log is the device's own" in template.stderr.decode()
    payloads = edge_mask("export", file, "--format", "cli", "--role-arn", "arn:aws:iam::123456789012:role/r")
    (rule,) = json.loads(payloads.stdout)
    assert rule["ruleName"] == "hot"
    assert rule["topicRulePayload"]["actions"][0]["republish"]["roleArn"].endswith("role/r")


SHADOWED = "SELECT get_thing_shadow('door', 'lamp', 'r').state.reported.on AS lamp FROM 't'"


def test_eval_takes_shadows_from_a_file(edge_mask: Command, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{}")
    (tmp_path / "shadows.json").write_text('{"door/lamp": {"state": {"reported": {"on": true}}}}')
    arguments = ("eval", "--topic", "t", "--payload", tmp_path / "p.json", "--sql", SHADOWED)
    assert edge_mask(*arguments, "--shadow", tmp_path / "shadows.json").stdout == b'{"lamp":true}\n'
    assert edge_mask(*arguments).stdout == b"{}\n"


@pytest.mark.parametrize("text", ["", "[]", None])
def test_eval_says_what_is_wrong_with_a_file_of_shadows(text: str | None, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{}")
    file = tmp_path / "shadows.json"
    if text is not None:
        file.write_text(text)
    arguments = ["--topic", "t", "--payload", str(tmp_path / "p.json"), "--sql", SHADOWED, "--shadow", str(file)]
    assert main(["rules", "eval", *arguments]) == 2


def test_a_table_gives_named_shadows(edge_mask: Command, tmp_path: Path) -> None:
    rules = {"r": {"sql": SHADOWED, "awsIotSqlVersion": "2016-03-23", "actions": [{"republish": {"topic": "u"}}]}}
    case = {"topic": "t", "payload": {}, "output": {"lamp": 1}}
    case["context"] = {"shadow": {"door/lamp": {"state": {"reported": {"on": 1}}}}}
    assert _tested(edge_mask, tmp_path, rules, case) == 0
    rules["r"]["sql"] = SHADOWED.replace(".on", ".on / 2")
    case["context"] = {"shadow": {"door/lamp": {"state": {"reported": {"on": 3.0}}}}}
    assert _tested(edge_mask, tmp_path, rules, case | {"output": {"lamp": 1}}) == 0  # an Int, as in the daemon


def _tested(edge_mask: Command, tmp_path: Path, rules: dict[str, Any], case: dict[str, Any]) -> int:
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "r.test.yaml").write_text(yaml.safe_dump([case]))
    return edge_mask("test", tmp_path / "r.yaml").returncode
