"""The action in rule files: tried by a table of cases, checked, and left out of what AWS gets."""

import json
from pathlib import Path

import pytest
from tests.end_to_end.daemon import edge_mask

from edge_mask.rules.local import _WORDS
from edge_mask.rules.rule_file import load_file
from edge_mask.web.texts import texts

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


LOCAL = """
refused:
  sql: "SELECT * FROM 'edge-mask/+/visits' WHERE ispass = 0"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - edgeMask:
        notify:
          to: guard
          title: "${upper(local.verdict)}: ${camera}"
          text: "${local.date} ${local.time}: ${local.reasons} (${local.mask})"
"""
CASES = """
- topic: edge-mask/gate-01/visits
  payload: {verdict: no_pass, ispass: 0, mask: no_mask, reasons: [no_mask, fever], camera: front}
  context: {timestamp: 1764406980000}
  actions:
    - notify: {title: "REFUSED: front", text: "2025-11-29 09:03: no mask, fever (no mask)"}
- topic: edge-mask/gate-01/visits
  payload: {verdict: no_pass, ispass: 0, clock_ok: false, reasons: [new_one, 7], local: {mask: mine}}
  context: {timestamp: 5000}
  actions:
    - notify: {title: ": ", text: " :  (mine)"}
- topic: edge-mask/gate-01/visits
  payload: {ispass: 0, clock_ok: false, reasons: [new_one, 7]}
  context: {timestamp: 5000}
  actions:
    - notify: {title: ": ", text: " --:--: new_one,  ()"}
"""


def test_templates_say_time_and_verdict_in_words(tmp_path: Path) -> None:
    """Tried without a site: English, UTC."""
    (tmp_path / "refused.yaml").write_text(LOCAL)
    (tmp_path / "refused.test.yaml").write_text(CASES)
    tried = edge_mask("rules", "test", "refused.yaml", cwd=tmp_path)
    assert tried.code == 0, tried


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (
            'edgeMask: {notify: {to: guard, text: "a ${local.verdic}"}}',
            "no local.verdic; did you mean local.verdict?",
        ),
        (
            'edgeMask: {notify: {to: guard, text: "${upper(local.x)}"}}',
            "there are local.time, local.date, local.v",
        ),
        ('edgeMask: {notify: {to: guard, title: "${LOCAL.time}", text: t}}', "there is no LOCAL.time"),
        ('edgeMask: {notify: {to: guard, text: "${local}"}}', "there is no local; there are local.time"),
        (
            'edgeMask: {log: {text: "${local.time}"}}',
            "local.time is known in the title and text of notify alone",
        ),
        (
            'republish: {topic: "t/${local.nonsense}"}',
            "local.nonsense is known in the title and text of notify",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_word_of_the_site_that_is_not_there_is_an_error_at_load(tmp_path: Path, action: str, sentence: str) -> None:
    (tmp_path / "wrong.yaml").write_text(f"wrong:\n  sql: \"SELECT * FROM 'a'\"\n  actions:\n    - {action}\n")
    checked = edge_mask("rules", "check", "wrong.yaml", cwd=tmp_path)
    assert checked.code != 0
    assert sentence in checked.out + checked.err
    place = len("    - ") + action.lower().index("local") + 1
    assert f"wrong.yaml:4:{place}: " in checked.out + checked.err


def test_a_field_of_the_message_that_is_named_local_can_be_said(tmp_path: Path) -> None:
    text = "${get(*, 'local').time} ${(SELECT VALUE local.x FROM readings)} ${my.local.time}"
    path = tmp_path / "right.yaml"
    path.write_text(
        f'right:\n  sql: "SELECT local.time FROM \'a\'"\n  awsIotSqlVersion: "2016-03-23"\n'
        f'  actions:\n    - edgeMask: {{log: {{text: "{text}"}}}}\n'
    )
    rules, problems = load_file(path)
    assert (len(rules), problems) == (1, [])


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("group", ["verdict", "mask", "reasons"])
def test_every_verdict_and_reason_of_the_page_has_its_words(language: str, group: str) -> None:
    shown = {key.partition(".")[2] for key in texts("en") if key.startswith(f"{group.removesuffix('s')}.")}
    assert shown == set(_WORDS[language][group])
