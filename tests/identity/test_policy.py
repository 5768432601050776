"""The policies of a certificate: what the device needs, and no more."""

import json
from pathlib import Path

import pytest
import yaml
from tests.identity.judge import ACCOUNT, HERE, Judge, plain
from tests.identity.sites import Aws, arns, rule, site

OWN = ("alerts", "detections", "errors", "health", "temperature", "visits")


def size(document: object) -> int:
    """As AWS counts: without white space."""
    return len("".join(json.dumps(document).split()))


def test_a_gate_publishes_what_a_gate_makes_and_nothing_else(aws: Aws, tmp_path: Path) -> None:
    judge = aws.judge(site(tmp_path))
    for kind in OWN:
        assert judge.publishes(f"edge-mask/gate-01/{kind}"), kind
        assert not judge.publishes(f"edge-mask/gate-01/{kind}", retain=True), kind
    assert judge.publishes("edge-mask/gate-01/status", retain=True)
    for topic in ("edge-mask/gate-01/looks", "edge-mask/gate-02/visits", "edge-mask/gate-01/visits/x", "anything"):
        assert not judge.publishes(topic), topic


def test_it_connects_as_itself_and_as_the_check_of_itself(aws: Aws, tmp_path: Path) -> None:
    judge = aws.judge(site(tmp_path))
    assert judge.allows("iot:Connect", "client/gate-01")
    assert judge.allows("iot:Connect", "client/gate-01-check")
    assert not judge.allows("iot:Connect", "client/gate-02")
    other = site(tmp_path, mqtt={"host": "x", "client_id": "door"})
    assert arns(aws.policies(other), "iot:Connect") == ["client/door", "client/door-check"]


def test_a_connection_may_have_a_will_and_no_session_that_outlives_it(aws: Aws, tmp_path: Path) -> None:
    (document,) = aws.policies(site(tmp_path)).values()
    connect = next(each for each in document["Statement"] if each["Action"] == ["iot:Connect"])
    assert connect["Condition"] == {"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}}


def test_renamed_topics_and_every_quantity_are_granted_under_their_names(aws: Aws, tmp_path: Path) -> None:
    sensors = [
        {"name": "forehead", "kind": "w1"},
        {"name": "hall", "kind": "iio", "quantity": "humidity", "unit": "%"},
        {"name": "cellar", "kind": "iio", "quantity": "pressure", "unit": "hPa", "path": "bmp280/pressure"},
    ]
    names = {"root": "site/{thing}", "temperature": "kf99/topic", "errors": "kf99/{thing}/error", "humidity": "h"}
    judge = aws.judge(site(tmp_path, sensors=sensors, topics=names))
    for topic in ("kf99/topic", "kf99/gate-01/error", "h", "site/gate-01/pressure", "site/gate-01/visits"):
        assert judge.publishes(topic), topic
    for topic in ("site/gate-01/temperature", "site/gate-01/humidity", "edge-mask/gate-01/visits"):
        assert not judge.publishes(topic), topic


def test_what_is_said_of_series_is_granted_where_series_are_kept(aws: Aws, tmp_path: Path) -> None:
    topics = [f"edge-mask/gate-01/{kind}" for kind in ("summaries", "records", "forecasts")]
    judge = aws.judge(site(tmp_path, sensors=[{"name": "hall", "kind": "w1", "outliers": {}}]))
    assert all(judge.publishes(topic) for topic in topics)
    judge = aws.judge(site(tmp_path, sensors=[{"name": "hall", "kind": "w1"}]))
    assert not any(judge.publishes(topic) for topic in topics)


def test_with_rules_only_the_daemons_own_topics_are_not_granted(aws: Aws, tmp_path: Path) -> None:
    rules = {"one": rule("SELECT * FROM 'edge-mask/+/visits'", "up/${thing}")}
    judge = aws.judge(site(tmp_path, rules=rules, forward="rules-only"))
    assert judge.publishes("up/gate-01")
    assert judge.publishes("edge-mask/gate-01/status", retain=True)
    assert not judge.publishes("edge-mask/gate-01/visits")


def test_commands_are_heard_and_answered(aws: Aws, tmp_path: Path) -> None:
    judge = aws.judge(site(tmp_path))
    assert judge.hears("edge-mask/gate-01/commands/+", "edge-mask/gate-01/commands/infer")
    assert judge.hears("edge-mask/gate-01/commands/+", "edge-mask/gate-01/commands/nonsense")  # it says so
    assert judge.publishes("edge-mask/gate-01/commands/infer/response")
    assert not judge.publishes("edge-mask/gate-01/commands/infer")
    assert not judge.allows("iot:Subscribe", "topicfilter/edge-mask/gate-01/commands/#")
    assert not judge.allows("iot:Subscribe", "topicfilter/#")


def test_a_topic_that_requests_name_for_their_answers_is_granted_on_demand(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path)
    assert not aws.judge(config).publishes("apps/7/answers")
    judge = aws.judge(config, "--response-topic", "apps/+/answers", "--response-topic", "desk")
    assert judge.publishes("apps/7/answers")
    assert judge.publishes("desk")
    assert not judge.publishes("apps/7/other")


def test_a_fleet_has_one_policy_for_all_its_things(aws: Aws, tmp_path: Path) -> None:
    rules = {"one": rule("SELECT * FROM 'edge-mask/+/visits'", "up/${topic(2)}/${camera}")}
    config = site(tmp_path, rules=rules)
    assert list(aws.policies(config, "--fleet")) == ["edge-mask-fleet"]
    for thing in ("gate-01", "gate-77"):
        judge = aws.judge(config, "--fleet", thing=thing)
        assert judge.allows("iot:Connect", f"client/{thing}")
        assert judge.publishes(f"edge-mask/{thing}/status", retain=True)
        assert judge.publishes(f"up/{thing}/front")
        assert not judge.publishes("edge-mask/another/visits")
        assert not judge.allows("iot:Connect", "client/another")


def test_a_fleet_needs_the_thing_name_as_client_id(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path, mqtt={"host": "x", "client_id": "door"})
    words = ("policy", "--config", config, "--fleet", "--format", "cloudformation")
    assert aws.refused(*words).startswith("mqtt.client_id: is the same on every device")


def test_more_than_a_policy_holds_becomes_several_and_nothing_is_lost(aws: Aws, tmp_path: Path) -> None:
    rules = {f"r{n}": rule("SELECT * FROM 'edge-mask/+/visits'", f"{'up' * 20}/{n}") for n in range(60)}
    policies = aws.policies(site(tmp_path, rules=rules))
    assert list(policies)[:2] == ["edge-mask-gate-01", "edge-mask-gate-01-2"]
    assert all(size(document) <= 2048 for document in policies.values())
    assert sum(size(document) for document in policies.values()) > 2048 * (len(policies) - 1) * 0.9  # well filled
    assert {f"topic/{'up' * 20}/{n}" for n in range(60)} <= set(arns(policies, "iot:Publish"))
    judge = Judge(policies.values())
    assert judge.allows("iot:Connect", "client/gate-01")
    assert judge.hears("edge-mask/gate-01/commands/+", "edge-mask/gate-01/commands/infer")


def test_a_template_counts_the_longest_region_that_it_may_be_deployed_to(aws: Aws, tmp_path: Path) -> None:
    rules = {f"r{n}": rule("SELECT * FROM 'edge-mask/+/visits'", f"up/{n}") for n in range(60)}
    config = site(tmp_path, rules=rules)
    template = yaml.safe_load(aws.run("policy", "--config", config, "--format", "cloudformation"))
    documents = [
        each["Properties"]["PolicyDocument"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IoT::Policy"
    ]
    for document in documents:
        text = (
            json.dumps(plain(document)).replace("eu-central-1", "ap-southeast-1").replace("arn:aws:", "arn:aws-us-gov:")
        )
        assert size(json.loads(text)) <= 2048
    judge = Judge(plain(documents))
    assert all(judge.publishes(f"up/{n}") for n in range(60))


def test_more_than_ten_policies_are_refused_with_a_sentence(aws: Aws, tmp_path: Path) -> None:
    rules = {f"r{n}": rule("SELECT * FROM 'edge-mask/+/visits'", f"{'x' * 200}/{n}") for n in range(100)}
    words = ("policy", "--config", site(tmp_path, rules=rules), "--account", ACCOUNT)
    told = aws.refused(*words, code=1)
    assert "policies; a certificate has at most 10. Shorter topics" in told


def test_a_colon_in_a_things_name_becomes_a_dot_in_the_policys(aws: Aws, tmp_path: Path) -> None:
    long = "x" * 128
    assert list(aws.policies(site(tmp_path, device={"thing_name": "site:7"}))) == ["edge-mask-site.7"]
    name, second = list(aws.policies(site(tmp_path, device={"thing_name": long})))[:2]
    assert (len(name), second) == (120, f"{name}-2")
    other, *_more = aws.policies(site(tmp_path, device={"thing_name": long[1:] + "y"}))
    assert name != other


def test_the_resources_are_in_the_part_of_aws_of_their_region(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path, mqtt={"host": "127.0.0.1"})
    for region, part in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-west-2", "aws")):
        made = aws.run("policy", "--config", config, "--account", ACCOUNT, "--region", region)
        assert f'"arn:{part}:iot:{region}:{ACCOUNT}:client/gate-01"' in made


def test_the_endpoint_tells_the_region_and_an_option_overrules_it(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    words = ("policy", "--config", site(tmp_path), "--account", ACCOUNT)
    assert f"{HERE}:client/gate-01" in aws.run(*words)
    assert "arn:aws:iot:eu-west-1:" in aws.run(*words, "--region", "eu-west-1")
    elsewhere = ("policy", "--config", site(tmp_path, mqtt={"host": "127.0.0.1"}), "--account", ACCOUNT)
    assert "arn:aws:iot:us-west-2:" in aws.run(*elsewhere)
    monkeypatch.delenv("AWS_REGION")
    assert "--region is missing" in aws.refused(*elsewhere)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "--account is missing"),
        (("--account", "12"), "'12' is not the 12 digits of an account"),
        (("--account", "１２３４５６７８９０１２"), "is not the 12 digits"),
        (("--account", ACCOUNT, "--region", "Frankfurt"), "'Frankfurt' is not a region such as eu-central-1"),
        (("--account", ACCOUNT, "--region", ""), "'' is not a region"),
        (("--account", ACCOUNT, "--response-topic", "a/#/b"), "# stands only at the end"),
        (("--account", ACCOUNT, "--response-topic", ""), "the topic filter is empty"),
        (("--account", ACCOUNT, "--directory", ""), "the name is empty"),
        (("--kind", "role"), "--bucket is missing"),
        (("--kind", "role", "--bucket", "My Bucket"), "'My Bucket' is not the name of a bucket"),
    ],
)
def test_a_wrong_option_gets_a_sentence(aws: Aws, tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    assert sentence in aws.refused("policy", "--config", site(tmp_path), *options)


def test_each_policy_becomes_a_file_of_its_own(aws: Aws, tmp_path: Path) -> None:
    rules = {f"r{n}": rule("SELECT * FROM 'edge-mask/+/visits'", f"{'up' * 20}/{n}") for n in range(20)}
    config, folder = site(tmp_path, rules=rules), tmp_path / "for" / "aws"
    printed = aws.run("policy", "--config", config, "--account", ACCOUNT, "--directory", folder)
    files = [Path(line) for line in printed.splitlines()]
    assert files == [folder / "edge-mask-gate-01.json", folder / "edge-mask-gate-01-2.json"]
    assert [json.loads(file.read_text("utf-8")) for file in files] == list(aws.policies(config).values())


def test_a_folder_that_cannot_be_made_gets_a_sentence(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path)
    words = ("policy", "--config", config, "--account", ACCOUNT, "--directory", config / "aws")
    assert aws.refused(*words, code=1) == f"{config / 'aws'}: Not a directory\n"


def test_the_role_reads_the_components_files_and_nothing_else(aws: Aws, tmp_path: Path) -> None:
    words = ("policy", "--kind", "role", "--config", site(tmp_path), "--bucket", "artifacts-7")
    document = json.loads(aws.run(*words))
    assert document["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::artifacts-7/edge-mask/*"]}
    ]


def test_a_name_as_long_as_may_be_leaves_the_check_a_name_of_its_own(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path, device={"thing_name": "x" * 128})
    assert arns(aws.policies(config), "iot:Connect") == [f"client/{'x' * 128}", f"client/{'x' * 122}-check"]


def test_home_assistant_is_announced_to_and_heard_of_where_that_is_on(aws: Aws, tmp_path: Path) -> None:
    announced = "ha/device/edge-mask-gate-01/config"
    assert not aws.judge(site(tmp_path)).publishes(announced)
    judge = aws.judge(site(tmp_path, homeassistant={"enabled": True, "prefix": "ha"}))
    assert judge.publishes(announced, retain=True)
    assert judge.hears("ha/status", "ha/status")


def test_a_core_connects_by_a_policy_of_its_own_and_what_stays_on_the_device_needs_none(
    aws: Aws, tmp_path: Path
) -> None:
    local = {"local": ["edge-mask/{thing}/detections", "kf99/#"]}
    mqtt, topics = {"transport": "greengrass"}, {"temperature": "kf99/topic"}
    config = site(tmp_path, mqtt=mqtt, aws={"greengrass": local}, topics=topics)
    judge = aws.judge(config)
    assert not judge.allows("iot:Connect", "client/gate-01")
    assert judge.publishes("edge-mask/gate-01/visits")
    assert judge.hears("edge-mask/gate-01/commands/+", "edge-mask/gate-01/commands/infer")
    assert not judge.publishes("edge-mask/gate-01/detections")
    assert not judge.publishes("kf99/topic")


def test_shadow_and_jobs_are_granted_where_they_are_on(aws: Aws, tmp_path: Path) -> None:
    things = "$aws/things/gate-01"
    asked = {f"{things}/shadow/update", f"{things}/shadow/name/edge-mask/update", f"{things}/shadow/name/edge-mask/get"}
    here = site(tmp_path, mqtt={"transport": "mqtt"})
    assert not any(
        "$aws" in arn for action in ("iot:Publish", "iot:Subscribe") for arn in arns(aws.policies(here), action)
    )
    judge = aws.judge(site(tmp_path, mqtt={"transport": "mqtt"}, aws={"shadow": True}))
    assert all(judge.publishes(topic) for topic in asked)
    assert not judge.publishes(f"{things}/jobs/start-next")
    assert not judge.publishes(f"{things}/shadow/name/other/update")
    judge = aws.judge(site(tmp_path, mqtt={"transport": "greengrass"}))
    assert judge.publishes(f"{things}/jobs/start-next")
    assert judge.publishes(f"{things}/jobs/7/update")
    assert judge.hears(f"{things}/jobs/+/update/accepted", f"{things}/jobs/7/update/accepted")
    assert judge.hears(f"{things}/jobs/notify-next", f"{things}/jobs/notify-next")
    judge = aws.judge(site(tmp_path, mqtt={"transport": "greengrass"}, aws={"shadow": False, "jobs": False}))
    assert not judge.publishes(f"{things}/jobs/start-next")


def test_results_in_the_shape_of_awss_component_have_a_topic_of_their_own(aws: Aws, tmp_path: Path) -> None:
    config = site(tmp_path, topics={"tflite_results": "ml/{thing}/objects"})
    assert aws.judge(config).publishes("ml/gate-01/objects")


def test_a_device_among_others_tells_of_itself_and_hears_its_neighbours_alone(aws: Aws, tmp_path: Path) -> None:
    topics = {"root": "site/{thing}"}
    judge = aws.judge(site(tmp_path, fleet={"neighbours": ["gate-02"]}, topics=topics))
    for kind in ("about", "room"):
        assert judge.publishes(f"site/gate-01/{kind}", retain=True)
        assert not judge.publishes(f"site/gate-02/{kind}", retain=True)
    assert judge.hears("site/gate-02/alerts", "site/gate-02/alerts")
    assert not judge.hears("site/gate-03/alerts", "site/gate-03/alerts")
    without = aws.judge(site(tmp_path, topics=topics))
    assert not without.publishes("site/gate-01/about", retain=True)
    assert not without.hears("site/gate-02/alerts", "site/gate-02/alerts")
