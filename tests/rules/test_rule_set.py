"""Rules at work: effects, classes, chains, failures."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_mask.messages import Priority
from edge_mask.rules.chain import MAX_BYTES, MAX_DEPTH, MAX_EFFECTS
from edge_mask.rules.effects import (
    EdgeAction,
    Effect,
    HoldOutput,
    HttpCall,
    Incoming,
    KeepPicture,
    LogLine,
    PulseOutput,
    Republish,
    RuleFailed,
)
from edge_mask.rules.rule_set import RuleSet
from edge_mask.rules.running import SET_ASIDE_AFTER
from edge_mask.sql import Context
from edge_mask.units import Seconds


def rule(sql: str, *actions: Any, **rest: Any) -> dict[str, Any]:
    """A rule as a file holds it."""
    return {"sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": list(actions), **rest}


def republish(topic: str, **rest: Any) -> dict[str, Any]:
    """A republish action."""
    return {"republish": {"topic": topic, **rest}}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """A function that loads rules through a real file."""

    def _load(**rules: Mapping[str, Any]) -> RuleSet:
        path = tmp_path / "rules.json"
        path.write_text(json.dumps(rules), "utf-8")
        return RuleSet.load([path])

    return _load


def incoming(topic: str, payload: Any, priority: Priority = Priority.TELEMETRY, **context: Any) -> Incoming:
    """A message for the rules."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Incoming(topic=topic, payload=data, priority=priority, context=Context(**context))


def sent(effects: list[Effect]) -> list[tuple[str, Any]]:
    """Topics and payloads of what is republished."""
    return [(e.message.topic, json.loads(e.message.payload)) for e in effects if isinstance(e, Republish)]


def failures(effects: list[Effect]) -> list[RuleFailed]:
    """What failed."""
    return [effect for effect in effects if isinstance(effect, RuleFailed)]


def test_only_rules_whose_topic_and_where_match_act(load: Any) -> None:
    rules = load(
        hot=rule("SELECT temperature FROM 'kf99/topic' WHERE temperature > 30", republish("kf99/alarm")),
        all=rule("SELECT topic() AS t FROM 'kf99/#'", republish("copy")),
        other=rule("SELECT * FROM 'other'", republish("never")),
    )
    effects = rules.apply(incoming("kf99/topic", {"temperature": 31, "x": 1}))
    assert sorted(sent(effects), key=str) == [
        ("copy", {"t": "kf99/alarm"}),
        ("copy", {"t": "kf99/topic"}),
        ("kf99/alarm", {"temperature": 31}),
    ]
    assert sent(rules.apply(incoming("kf99/topic", {"temperature": 30}))) == [("copy", {"t": "kf99/topic"})]
    assert (rules.counts["hot"].matched, rules.counts["all"].matched, rules.counts["other"].matched) == (1, 3, 0)


@pytest.mark.parametrize(
    ("priority", "qos", "expected"),
    [
        (Priority.URGENT, 0, Priority.URGENT),
        (Priority.EVIDENCE, 1, Priority.EVIDENCE),
        (Priority.TELEMETRY, 0, Priority.TELEMETRY),
        (Priority.LIVE, 0, Priority.LIVE),
        (Priority.LIVE, 1, Priority.TELEMETRY),
    ],
)
def test_a_republished_message_has_the_class_of_the_one_that_matched(
    load: Any, priority: Priority, qos: int, expected: Priority
) -> None:
    effects = load(r=rule("SELECT * FROM 't'", republish("u", qos=qos))).apply(incoming("t", {}, priority))
    assert [(e.message.priority, e.message.qos) for e in effects] == [(expected, qos)]


def test_topic_headers_and_retain(load: Any) -> None:
    headers = {
        "contentType": "text/${kind}",
        "responseTopic": "answers/${clientid()}",
        "correlationData": "${encode(id, 'base64')}",
        "messageExpiry": "${10 * 6}",
        "payloadFormatIndicator": "UTF8_DATA",
        "userProperties": [{"key": "site", "value": "${topic(2)}"}, {"key": "${kind}", "value": "v"}],
    }
    rules = load(
        r=rule("SELECT * FROM 'a/+'", republish("$$aws/things/${topic(2)}/shadow/update", retain=True, headers=headers))
    )
    (effect,) = rules.apply(incoming("a/door", {"kind": "plain", "id": "42"}, client_id="gate-01"))
    assert effect.message.topic == "$aws/things/door/shadow/update"
    assert effect.message.retain
    assert effect.message.properties == {
        "content_type": "text/plain",
        "response_topic": "answers/gate-01",
        "correlation_data": b"42",
        "message_expiry_interval": 60,
        "payload_format_indicator": 1,
        "user_properties": [("site", "door"), ("plain", "v")],
    }


def test_the_next_rule_of_a_chain_sees_the_headers_of_the_message_before_it(load: Any) -> None:
    properties = {"userProperties": [{"key": "k", "value": "v"}], "contentType": "x/y"}
    rules = load(
        a=rule("SELECT * FROM 'a'", republish("b", headers=properties)),
        b=rule("SELECT get_user_properties('k') AS k, get_mqtt_property('content_type') AS c FROM 'b'", republish("c")),
    )
    assert sent(rules.apply(incoming("a", {})))[-1] == ("c", {"k": ["v"], "c": "x/y"})


def test_http_and_the_devices_own_actions(load: Any) -> None:
    rules = load(
        r=rule(
            "SELECT camera FROM 't'",
            {"http": {"url": "http://vms/${camera}", "headers": [{"key": "X-Topic", "value": "${topic()}"}]}},
            {"edgeMask": {"log": {"text": "seen\n${n}", "level": "error"}}},
            {"edgeMask": {"snapshot": {"camera": "${camera}"}}},
            {"edgeMask": {"output": {"line": 17, "value": 1}}},
            {"edgeMask": {"output": {"line": "buzzer", "pulse": "500ms"}}},
        )
    )
    assert rules.apply(incoming("t", {"camera": "front", "n": 6}, Priority.EVIDENCE)) == [
        HttpCall(
            rule="r",
            url="http://vms/front",
            headers=(("X-Topic", "t"),),
            body=b'{"camera":"front"}',
            priority=Priority.EVIDENCE,
        ),
        LogLine(rule="r", level="error", text="seen 6"),
        KeepPicture(rule="r", camera="front", reason="rule r"),
        HoldOutput(rule="r", line="17", on=True),
        PulseOutput(rule="r", line="buzzer", lasting=Seconds(0.5)),
    ]


def test_what_runs_in_aws_is_left_to_aws(load: Any) -> None:
    rules = load(
        mixed=rule("SELECT * FROM 't'", {"lambda": {"functionArn": "f"}}, republish("u")),
        cloud=rule("SELECT aws_lambda('f', *) AS a FROM 't'", republish("never")),
        secret=rule("SELECT * FROM 't'", {"http": {"url": "https://a/${get_secret('a', 'SecretString', 'r')}"}}),
        signed=rule("SELECT * FROM 't'", {"http": {"url": "https://a", "auth": {"sigv4": {
            "signingRegion": "a", "serviceName": "b", "roleArn": "c"}}}}),
        off=rule("SELECT * FROM 't'", republish("never"), ruleDisabled=True),
    )  # fmt: skip
    assert sent(rules.apply(incoming("t", {}))) == [("u", {})]
    assert {rule.name: rule.runs_here for rule in rules.rules} == {
        "mixed": True, "cloud": False, "secret": False, "signed": False, "off": True,
    }  # fmt: skip


def test_basic_ingest_reaches_one_rule_by_its_name(load: Any) -> None:
    rules = load(
        lights=rule("SELECT topic() AS t, topic(2) AS s", republish("u")),
        other=rule("SELECT * FROM '#'", republish("never")),
    )
    effects = rules.apply(incoming("$aws/rules/lights/building/floor2", {}))
    assert ("u", {"t": "building/floor2", "s": "floor2"}) in sent(effects)
    assert rules.apply(incoming("$aws/rules/unknown/x", {})) == []
    assert rules.apply(incoming("$aws/rules/", {})) == []


def test_a_chain_stops_at_depth_8_with_an_error(load: Any) -> None:
    rules = load(loop=rule("SELECT n + 1 AS n FROM 'loop'", republish("loop")))
    effects = rules.apply(incoming("loop", {"n": 0}))
    assert sent(effects) == [("loop", {"n": n}) for n in range(1, MAX_DEPTH + 1)]
    (stopped,) = failures(effects)
    assert stopped.code == "chain"
    assert "at most 8" in stopped.text


def test_rules_that_feed_each_other_stop_before_they_flood(load: Any) -> None:
    rules = load(**{f"r{n}": rule("SELECT * FROM 'x'", *[republish("x")] * 10) for n in range(3)})
    effects = rules.apply(incoming("x", {}))
    assert len(effects) < 2 * MAX_EFFECTS
    assert failures(effects)[-1].code == "chain"


@pytest.mark.parametrize(
    ("action", "payload", "words"),
    [
        (republish("a/${t}"), {"t": "#"}, "wildcard"),
        (republish("${t}"), {}, "empty"),
        (republish("${t}"), {"t": "/".join("abcdefghi")}, "slashes"),
        (republish("${t}"), {"t": "x" * 257}, "256 bytes"),
        (republish("${t}"), {"t": "$aws/x"}, "write \\$\\$"),
        (republish("${t}"), {"t": "a\0b"}, "NUL"),
        (republish("${t}"), {"t": "a\nb"}, "U\\+000A"),
        (republish("${t}"), {"t": "a\x85b"}, "U\\+0085"),
        (republish("${t}"), {"t": "a\uffffb"}, "U\\+FFFF"),
        (republish("${t}"), {"t": "a\ud800b"}, "UTF-8"),
        (republish("u", headers={"contentType": "${t}"}), {"t": "x" * 65_536}, "65536 bytes"),
        (republish("u", headers={"contentType": "${t}"}), {"t": "x\x7f"}, "U\\+007F"),
        (republish("u", headers={"responseTopic": "${t}"}), {"t": "a\tb"}, "responseTopic holds the character"),
        (republish("u", headers={"correlationData": "${encode(t, 'base64')}"}), {"t": "x" * 65_536}, "65536 bytes"),
        (
            republish("u", headers={"userProperties": [{"key": "k", "value": "${t}"}]}),
            {"t": "x" * 65_536},
            "65536 bytes",
        ),
        (republish("u", headers={"userProperties": [{"key": "${t}", "value": "v"}]}), {"t": "\0"}, "U\\+0000"),
        (
            republish("u", headers={"userProperties": [{"key": "k", "value": "${t}"}] * 3}),
            {"t": "x" * 60_000},
            "together",
        ),
        ({"http": {"url": "http://a", "headers": [{"key": "X", "value": "${t}"}]}}, {"t": "\u20ac"}, "Latin-1"),
        (republish("u"), {"big": "x" * 131_072}, "131072"),
        (republish("u", headers={"messageExpiry": "${t}"}), {"t": "soon"}, "number of seconds"),
        (republish("u", headers={"correlationData": "?"}), {}, "base64"),
        (republish("u", headers={"payloadFormatIndicator": "2"}), {}, "UTF8_DATA"),
        (republish("u", headers={"responseTopic": "a/#"}), {}, "wildcard"),
        ({"http": {"url": "${t}"}}, {"t": "file:///etc/passwd"}, "http or https"),
        ({"http": {"url": "http://a/${t}"}}, {"t": "a b"}, "http or https"),
        ({"http": {"url": "http://a", "headers": [{"key": "X", "value": "${t}"}]}}, {"t": "a\r\nB: c"}, "control"),
        ({"edgeMask": {"snapshot": {"camera": "${t}"}}}, {}, "camera is empty"),
        ({"edgeMask": {"output": {"line": "${t}", "value": 1}}}, {}, "line is empty"),
    ],
)
def test_an_output_that_cannot_be_sent_is_a_failure_of_the_rule(
    load: Any, action: Any, payload: Any, words: str
) -> None:
    effects = load(r=rule("SELECT * FROM 't'", action)).apply(incoming("t", payload))
    (failed,) = effects
    assert isinstance(failed, RuleFailed)
    assert (failed.rule, failed.code, failed.topic, failed.is_handled) == ("r", "action", "t", False)
    import re

    assert re.search(words, failed.text), failed.text


def test_the_error_action_gets_one_document_with_every_failure(load: Any) -> None:
    rules = load(
        r=rule(
            "SELECT * FROM 't'",
            republish("a/${t}"),
            republish("good"),
            {"http": {"url": "${t}"}},
            errorAction=republish("errors/${topic()}", qos=1),
        )
    )
    effects = rules.apply(incoming("t", b'{"t": "#"}', Priority.EVIDENCE, client_id="gate-01", trace_id="trace"))
    assert sent(effects) == [
        ("good", {"t": "#"}),
        (
            "errors/t",
            {
                "ruleName": "r",
                "topic": "t",
                "cloudwatchTraceId": "trace",
                "clientId": "gate-01",
                "base64OriginalPayload": base64.b64encode(b'{"t": "#"}').decode(),
                "failures": [
                    {
                        "failedAction": "RepublishAction",
                        "failedResource": "a/${t}",
                        "errorMessage": "the topic 'a/#' contains a wildcard",
                    },
                    {
                        "failedAction": "HttpAction",
                        "failedResource": "${t}",
                        "errorMessage": "'#' is not an http or https address",
                    },
                ],
            },
        ),
    ]
    (failed,) = failures(effects)
    assert failed.is_handled
    assert {e.message.priority for e in effects if isinstance(e, Republish)} == {Priority.EVIDENCE}


def test_a_statement_that_fails_goes_to_the_error_action_too(load: Any) -> None:
    rules = load(r=rule("SELECT *, 1 AS a FROM 't'", republish("u"), errorAction=republish("errors")))
    effects = rules.apply(incoming("t", b"\xff"))
    assert [topic for topic, _document in sent(effects)] == ["errors"]
    assert failures(effects)[0].code == "evaluation"


def test_a_failing_error_action_is_told_and_ends_there(load: Any) -> None:
    rules = load(r=rule("SELECT * FROM 't'", republish("#"), errorAction=republish("#")))
    (failed,) = rules.apply(incoming("t", {}))
    assert isinstance(failed, RuleFailed)
    assert not failed.is_handled
    assert "its error action" in failed.text


def test_a_call_that_was_refused_later_goes_to_the_error_action(load: Any) -> None:
    rules = load(r=rule("SELECT * FROM 't'", {"http": {"url": "http://a"}}, errorAction=republish("errors")))
    effects = rules.failed_later("r", incoming("t", {"a": 1}), "http://a", "404 Not Found")
    ((topic, document),) = sent(effects)
    assert topic == "errors"
    assert document["failures"] == [
        {"failedAction": "HttpAction", "failedResource": "http://a", "errorMessage": "404 Not Found"}
    ]
    assert rules.failed_later("gone", incoming("t", {}), "", "") == []


def test_the_actions_see_what_set_has_assigned(load: Any) -> None:
    rules = load(
        r=rule(
            "SET @door = upper(door) SELECT * FROM 't'",
            republish("doors/${@door}"),
            {"http": {"url": "http://a/${@door}"}},
            errorAction=republish("errors/${@door}"),
        ),
        s=rule("SET @door = 1 SELECT *, @door AS n FROM 't'", republish("second"), errorAction=republish("n/${@door}")),
    )
    message = incoming("t", {"door": "a"})
    effects = rules.apply(message)
    assert [topic for topic, _payload in sent(effects)] == ["doors/A", "second"]
    assert [effect.url for effect in effects if isinstance(effect, HttpCall)] == ["http://a/A"]
    assert [topic for topic, _document in sent(rules.failed_later("r", message, "", "gone"))] == ["errors/A"]
    assert [topic for topic, _payload in sent(rules.apply(incoming("t", [])))] == ["doors/", "n/1"]


def test_what_set_could_not_work_out_is_undefined_in_the_error_action(load: Any) -> None:
    rules = load(
        a=rule("SET @x = 'of another rule' SELECT @x AS x FROM 't'", republish("u")),
        b=rule("SET @x = replace(a, 'x', a) SELECT * FROM 't'", republish("u"), errorAction=republish("e/${@x}/f")),
    )
    message = incoming("t", {"a": "x" * 5000})
    assert [topic for topic, _document in sent(rules.apply(message))] == ["u", "e//f"]
    assert [topic for topic, _document in sent(rules.failed_later("b", message, "", "gone"))] == ["e//f"]


def test_where_is_asked_once_for_each_message(load: Any) -> None:
    drawn = iter([0.05, 0.5])
    rules = load(sample=rule("SELECT rand() AS r FROM 't' WHERE rand() < 0.1", republish("u")))
    assert sent(rules.apply(incoming("t", {}, random=lambda: next(drawn)))) == [("u", {"r": 0.5})]


def test_a_where_that_fails_is_a_failure_of_the_rule(load: Any) -> None:
    rules = load(r=rule("SELECT * FROM 't' WHERE replace(a, 'x', a) = 'y'", republish("u")))
    (failed,) = failures(rules.apply(incoming("t", {"a": "x" * 5000})))
    assert failed.code == "evaluation"


def test_a_rule_that_always_fails_is_set_aside_once_and_the_others_go_on(load: Any) -> None:
    rules = load(bad=rule("SELECT * FROM 't'", republish("#")), good=rule("SELECT * FROM 't'", republish("u")))
    codes = [[f.code for f in failures(rules.apply(incoming("t", {})))] for _ in range(SET_ASIDE_AFTER + 5)]
    assert codes == [["action"]] * (SET_ASIDE_AFTER - 1) + [["action", "set_aside"]] + [[]] * 5
    assert rules.counts["bad"].is_set_aside
    assert rules.counts["bad"].failed == SET_ASIDE_AFTER
    assert rules.counts["good"].matched == SET_ASIDE_AFTER + 5


SLOW = ", ".join(f"md2(v) AS m{n}" for n in range(200))
SLOW_PAYLOAD = {"v": "x" * 16_000}


def test_a_rule_that_takes_all_its_time_is_set_aside_after_three_messages(load: Any) -> None:
    rules = load(
        slow=rule(f"SELECT {SLOW} FROM 't'", republish("u")), good=rule("SELECT 1 AS a FROM 't'", republish("v"))
    )
    codes = [[f.code for f in failures(rules.apply(incoming("t", SLOW_PAYLOAD)))] for _ in range(5)]
    assert codes == [["evaluation"]] * 2 + [["evaluation", "set_aside"]] + [[]] * 2
    assert rules.counts["good"].matched == 5


def test_many_slow_rules_have_one_bound_on_their_time_together(load: Any) -> None:
    sql = "SELECT " + ", ".join(f"md2(v) AS m{n}" for n in range(2)) + " FROM 't'"
    rules = load(**{f"r{n}": rule(sql, republish("u")) for n in range(100)})
    effects = rules.apply(incoming("t", SLOW_PAYLOAD))
    assert "the rules took longer than" in failures(effects)[-1].text
    assert len(effects) < 100


def test_a_rule_whose_chain_never_ends_is_set_aside(load: Any) -> None:
    rules = load(
        loop=rule("SELECT n + 1 AS n FROM 'loop'", republish("loop")),
        good=rule("SELECT n FROM 'loop' WHERE n = 0", republish("v")),
    )
    codes = [[f.code for f in failures(rules.apply(incoming("loop", {"n": 0})))] for _ in range(SET_ASIDE_AFTER + 2)]
    assert codes == [["chain"]] * (SET_ASIDE_AFTER - 1) + [["chain", "set_aside"]] + [[]] * 2
    assert rules.counts["good"].matched == SET_ASIDE_AFTER + 2


def test_rules_that_multiply_a_message_are_set_aside_and_the_others_go_on(load: Any) -> None:
    rules = load(
        twice=rule("SELECT * FROM 'x'", republish("x"), republish("x")),
        good=rule("SELECT * FROM 'x' WHERE n = 0", republish("v")),
    )
    for _ in range(SET_ASIDE_AFTER):
        effects = rules.apply(incoming("x", {"n": 0}))
        assert len(effects) <= MAX_EFFECTS + 2
    assert rules.counts["twice"].is_set_aside
    assert sent(rules.apply(incoming("x", {"n": 0}))) == [("v", {"n": 0})]


def test_one_message_cannot_become_many_megabytes(load: Any) -> None:
    rules = load(twice=rule("SELECT * FROM 'x'", republish("x"), republish("x")))
    effects = rules.apply(incoming("x", {"big": "x" * 120_000}))
    assert sum(len(effect.message.payload) for effect in effects if isinstance(effect, Republish)) <= MAX_BYTES
    assert str(MAX_BYTES) in failures(effects)[-1].text


def test_a_chain_that_is_too_long_now_and_then_keeps_its_rule_on_duty(load: Any) -> None:
    rules = load(loop=rule("SELECT n + 1 AS n FROM 'loop' WHERE n < 20", republish("loop")))
    for _ in range(3 * SET_ASIDE_AFTER):
        assert failures(rules.apply(incoming("loop", {"n": 0})))
        assert not failures(rules.apply(incoming("loop", {"n": 18})))
    assert not rules.counts["loop"].is_set_aside


def test_what_is_said_about_a_failure_is_short(load: Any) -> None:
    long = {"t": "x/" * 100_000}
    rules = load(
        topic=rule("SELECT * FROM 't'", republish("${t}")),
        reserved=rule("SELECT * FROM 't'", republish("$${t}x")),
        camera=rule("SELECT * FROM 't'", {"edgeMask": {"snapshot": {"camera": "${t}"}}}),
        line=rule("SELECT * FROM 't'", {"edgeMask": {"output": {"line": "${t}", "value": 1}}}),
        address=rule("SELECT * FROM 't'", {"http": {"url": "http://a/${t}"}}),
        header=rule("SELECT * FROM 't'", {"http": {"url": "http://a", "headers": [{"key": "X", "value": "${t}"}]}}),
    )
    texts = [failed.text for failed in failures(rules.apply(incoming("t", long)))]
    assert len(texts) == 6
    assert max(map(len, texts)) < 300


def test_a_rule_that_fails_now_and_then_stays_on_duty(load: Any) -> None:
    rules = load(r=rule("SELECT * FROM 't'", republish("${t}")))
    for _ in range(3 * SET_ASIDE_AFTER):
        rules.apply(incoming("t", {}))
        rules.apply(incoming("t", {"t": "u"}))
    assert not rules.counts["r"].is_set_aside


def test_at_most_every_second_by_the_clock_of_the_messages(load: Any) -> None:
    rules = load(r=rule("SELECT n FROM 't'", republish("u"), edgeMask={"atMostEvery": "1s"}))
    seen = [
        n
        for n in range(25)
        for _topic, document in sent(rules.apply(incoming("t", {"n": n}, timestamp=1_700_000_000_000 + n * 200)))
        if document["n"] == n
    ]
    assert seen == [0, 5, 10, 15, 20]
    assert sent(rules.apply(incoming("t", {"n": 99}, timestamp=5)))  # a clock set back does not silence it


def test_the_shadow_is_asked_locally(load: Any) -> None:
    rules = load(
        r=rule("SELECT * FROM 't' WHERE get_thing_shadow('gate', 'arn').state.reported.armed = true", republish("u"))
    )
    document = {"state": {"reported": {"armed": True}}}
    assert sent(rules.apply(incoming("t", {}, shadow=lambda thing, name: document if thing == "gate" else None)))
    assert not sent(rules.apply(incoming("t", {})))


@settings(max_examples=200)
@given(st.text(max_size=40), st.binary(max_size=60), st.sampled_from(list(Priority)))
def test_apply_never_raises(topic: str, payload: bytes, priority: Priority) -> None:
    rules = EVERYTHING
    for effect in rules.apply(Incoming(topic=topic, payload=payload, priority=priority)):
        assert isinstance(effect, Republish | HttpCall | EdgeAction | RuleFailed)


def _everything() -> RuleSet:
    """Rules that use what the message says in every place where it can do harm."""
    import tempfile

    actions = [
        republish("a/${a}/${topic()}"),
        {"http": {"url": "http://x/${*}", "headers": [{"key": "k", "value": "${a}"}]}},
        {"edgeMask": {"log": {"text": "${*} ${topic()} ${a.b}"}}},
        {"edgeMask": {"snapshot": {"camera": "${topic(1)}"}}},
    ]
    rules = {
        "one": rule("SELECT *, a AS b FROM '#' WHERE a > 1 OR topic(1) <> 'x'", *actions, errorAction=actions[0]),
        "two": rule("SELECT decode(encode(*, 'base64'), 'base64') AS d, length(topic()) AS l FROM '#'", *actions),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(rules, file)
        file.flush()
        return RuleSet.load([Path(file.name)])


EVERYTHING = _everything()
