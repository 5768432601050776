"""Topics, birth and will."""

import json

from jsonschema.validators import Draft202012Validator

from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import Topics, birth, will
from edge_mask.wire.schema import json_schema
from edge_mask.wire.topics import JobTopics, ShadowTopics

AT = Moment(Seconds(1.0), Unix(1_790_000_000.0))


def test_every_kind_stands_below_the_root() -> None:
    topics = Topics("edge-mask/{thing}", "gate-01")
    assert topics.of("visits") == "edge-mask/gate-01/visits"
    assert topics.of("humidity") == "edge-mask/gate-01/humidity"


def test_a_renamed_topic_stands_where_it_is_told() -> None:
    topics = Topics("edge-mask/{thing}", "gate-01", {"temperature": "kf99/topic", "errors": "kf99/{thing}/error"})
    assert topics.of("temperature") == "kf99/topic"
    assert topics.of("errors") == "kf99/gate-01/error"


def test_a_command_is_answered_below_its_own_topic() -> None:
    topics = Topics("edge-mask/{thing}", "gate-01")
    assert topics.commands == "edge-mask/gate-01/commands/+"
    assert topics.command("infer") == "edge-mask/gate-01/commands/infer"
    assert topics.answer("infer") == "edge-mask/gate-01/commands/infer/response"
    assert Topics("root", "gate-01", {"commands": "ask/{thing}"}).answer("infer") == "ask/gate-01/infer/response"


def test_shadows_and_jobs_have_the_topics_that_aws_gave_them() -> None:
    assert ShadowTopics("gate-01").update == "$aws/things/gate-01/shadow/update"
    named = ShadowTopics("gate-01", "edge-mask")
    assert named.documents == "$aws/things/gate-01/shadow/name/edge-mask/update/documents"
    assert JobTopics("gate-01").update("7") == "$aws/things/gate-01/jobs/7/update"


def test_birth_and_will_keep_to_the_schema() -> None:
    born = json.loads(birth(thing="gate-01", version="1.0", model=None, at=AT, host="pi"))
    assert born["state"] == "online"
    assert born["host"] == "pi"
    for payload, shape in ((born, "Online"), (json.loads(will()), "Offline")):
        Draft202012Validator({**json_schema(), "anyOf": [{"$ref": f"#/$defs/{shape}"}]}).validate(payload)
    assert json.loads(will()) == {"state": "offline"}
