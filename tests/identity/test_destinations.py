"""Where rules may send: as narrow as can be known before a message arrives."""

from pathlib import Path

import pytest
from tests.identity.sites import Aws, arns, rule, site

TOPICS = "topic/edge-mask/gate-01"
TWO_GATES = [
    {"name": "front", "source": "usb:0", "role": "gate"},
    {"name": "back", "source": "usb:1", "role": "gate"},
    {"name": "hall", "source": "usb:2", "role": "cctv"},
]


def sent(aws: Aws, config: Path) -> set[str]:
    """Topics that the rules add to the daemon's own."""
    return {arn for arn in arns(aws.policies(config), "iot:Publish") if "/to/" in arn}


@pytest.mark.parametrize(
    ("sql", "topic", "expected"),
    [
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/b", {"topic/a/to/b"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${topic(2)}", {"topic/a/to/gate-01"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${thing}", {"topic/a/to/gate-01"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${upper(clientid())}", {"topic/a/to/GATE-01"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${camera}", {"topic/a/to/front", "topic/a/to/back"}),
        ("SELECT * FROM 'edge-mask/+/looks'", "a/to/${camera}", {"topic/a/to/hall"}),
        ("SELECT * FROM 'edge-mask/+/temperature'", "a/to/${sensor}", {"topic/a/to/forehead"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${verdict}/b", {"topic/a/to/*/b"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${verdict}${mask}", {"topic/a/to/*"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${newuuid()}", {"topic/a/to/*"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${concat(topic(2), verdict)}", {"topic/a/to/*"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${concat(topic(3), '-', thing)}", {"topic/a/to/visits-gate-01"}),
        ("SELECT * FROM 'edge-mask/+/visits'", "a/to/${(SELECT VALUE x FROM reasons)}", {"topic/a/to/*"}),
        ("SELECT * FROM 'edge-mask/other/visits'", "a/to/b", set()),
        ("SELECT * FROM 'somewhere/else'", "a/to/b", set()),
        ("SELECT * FROM 'edge-mask/#'", "a/to/${topic(3)}", {
            f"topic/a/to/{kind}" for kind in
            ("alerts", "detections", "errors", "health", "looks", "visits", "temperature")
        }),
    ],
)  # fmt: skip
def test_a_template_is_as_narrow_as_the_rule_lets_it_be(
    aws: Aws, tmp_path: Path, sql: str, topic: str, expected: set[str]
) -> None:
    config = site(tmp_path, cameras=TWO_GATES, rules={"one": rule(sql, topic)})
    assert sent(aws, config) == expected


def test_an_alert_is_of_a_camera_or_of_a_sensor(aws: Aws, tmp_path: Path) -> None:
    made = rule("SELECT * FROM 'edge-mask/+/alerts'", "a/to/${nanvl(camera, sensor)}")
    assert sent(aws, site(tmp_path, rules={"one": made})) == {"topic/a/to/front", "topic/a/to/forehead"}


def test_what_a_rule_republishes_is_seen_by_the_next_whose_fields_are_not_known_any_more(
    aws: Aws, tmp_path: Path
) -> None:
    rules = {
        "first": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/b"),
        "second": rule("SELECT * FROM 'a/to/b'", "c/to/${thing}/${topic(2)}"),
        "third": rule("SELECT * FROM 'c/to/#'", "d/to/${topic(1)}"),
    }
    found = sent(aws, site(tmp_path, rules=rules))
    assert found == {"topic/a/to/b", "topic/c/to/*/to", "topic/d/to/*"}


def test_rules_that_feed_each_other_come_to_an_end(aws: Aws, tmp_path: Path) -> None:
    grows = rule("SELECT * FROM '#'", "${topic()}/to/x")
    assert len(sent(aws, site(tmp_path, sensors=[], rules={"one": grows}))) < 40


def test_an_error_action_and_a_shadow_are_destinations_too(aws: Aws, tmp_path: Path) -> None:
    one = rule("SELECT * FROM 'edge-mask/+/visits'", "$$aws/things/${thing}/shadow/update")
    one["errorAction"] = {"republish": {"topic": "${topic()}/to/errors"}}
    found = arns(aws.policies(site(tmp_path, rules={"one": one})), "iot:Publish")
    assert "topic/$aws/things/gate-01/shadow/update" in found
    assert f"{TOPICS}/visits/to/errors" in found


def test_a_retained_destination_may_be_retained_and_no_other(aws: Aws, tmp_path: Path) -> None:
    rules = {
        "kept": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/kept", retain=True),
        "gone": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/gone"),
    }
    policies = aws.policies(site(tmp_path, rules=rules))
    assert set(arns(policies, "iot:RetainPublish")) == {f"{TOPICS}/status", "topic/a/to/kept"}


@pytest.mark.parametrize(
    "topic",
    ["$aws/rules/x", "a/to/+", "a/to/${topic(2)}/#", "${topic(9)}", "a/to" + "/x" * 8],
)
def test_a_destination_that_can_never_be_published_to_is_not_granted(aws: Aws, tmp_path: Path, topic: str) -> None:
    made = rule("SELECT * FROM 'edge-mask/+/visits'", topic)
    before = arns(aws.policies(site(tmp_path)), "iot:Publish")
    assert arns(aws.policies(site(tmp_path, rules={"one": made})), "iot:Publish") == before


@pytest.mark.parametrize(
    "change",
    [{"ruleDisabled": True}, {"sql": "SELECT aws_lambda('arn', x) AS y FROM 'edge-mask/+/visits'"}],
    ids=["disabled", "needs AWS"],
)
def test_a_rule_that_does_not_run_here_adds_nothing(aws: Aws, tmp_path: Path, change: dict[str, object]) -> None:
    made = {**rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/b"), **change}
    assert sent(aws, site(tmp_path, rules={"one": made})) == set()


def test_signs_that_mean_something_in_a_policy_are_written_so_that_they_do_not(aws: Aws, tmp_path: Path) -> None:
    rules = {
        "star": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/*"),
        "mark": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/what?"),
        "money": rule("SELECT * FROM 'edge-mask/+/visits'", "a/to/${'$'}{x}"),
    }
    config = site(tmp_path, rules=rules)
    assert sent(aws, config) == {"topic/a/to/${*}", "topic/a/to/what${?}", "topic/a/to/${$}{x}"}
    judge = aws.judge(config)
    for topic in ("a/to/*", "a/to/what?", "a/to/${x}"):
        assert judge.publishes(topic)
    assert not judge.publishes("a/to/anything")
    assert not judge.publishes("a/to/whatX")
