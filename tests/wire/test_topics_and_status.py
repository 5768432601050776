"""Topics, birth and will."""

import json

from jsonschema.validators import Draft202012Validator

from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import Topics, birth, will
from edge_mask.wire.schema import json_schema

AT = Moment(Seconds(1.0), Unix(1_790_000_000.0))


def test_every_kind_stands_below_the_root() -> None:
    topics = Topics("edge-mask/{thing}", "gate-01")
    assert topics.of("visits") == "edge-mask/gate-01/visits"
    assert topics.of("humidity") == "edge-mask/gate-01/humidity"


def test_a_renamed_topic_stands_where_it_is_told() -> None:
    topics = Topics("edge-mask/{thing}", "gate-01", {"temperature": "kf99/topic", "errors": "kf99/{thing}/error"})
    assert topics.of("temperature") == "kf99/topic"
    assert topics.of("errors") == "kf99/gate-01/error"


def test_birth_and_will_keep_to_the_schema() -> None:
    born = json.loads(birth(thing="gate-01", version="1.0", model=None, at=AT, host="pi"))
    assert born["state"] == "online"
    assert born["host"] == "pi"
    for payload, shape in ((born, "Online"), (json.loads(will()), "Offline")):
        Draft202012Validator({**json_schema(), "anyOf": [{"$ref": f"#/$defs/{shape}"}]}).validate(payload)
    assert json.loads(will()) == {"state": "offline"}
