"""What the house says of each event, and that it keeps to its own schema."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator

from edge_mask.app.health import health_values
from edge_mask.messages import (
    Alert,
    Box,
    Detections,
    Event,
    Face,
    Fault,
    Health,
    Look,
    Priority,
    Quality,
    Reading,
    Track,
    Visit,
)
from edge_mask.observe.machine import Machine
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import IdMaker, encode, envelope, to_bytes
from edge_mask.wire.schema import json_schema

AT = Moment(Seconds(12.5), Unix(1_790_000_000.1234))


def fields(event: Event) -> dict[str, Any]:
    return dict(encode(event).fields)


def test_a_detection_is_live_and_tells_of_each_face() -> None:
    face = Face("no_mask", 0.987654, Box(10.04, 20.0, 30.26, 40.0))
    event = Detections(
        at=AT, camera="front", frame=7, tracks=(Track(3, face, {}, AT, AT),), inference_ms=12.3456, model="m 1"
    )
    encoded = encode(event)
    assert (encoded.kind, encoded.priority, encoded.qos) == ("detections", Priority.LIVE, 0)
    assert encoded.fields == {
        "camera": "front",
        "frame": 7,
        "faces": [
            {"label": "no_mask", "score": 0.9877, "box": {"x": 10.0, "y": 20.0, "w": 30.3, "h": 40.0}, "track": 3}
        ],
        "counts": {"mask": 0, "no_mask": 1, "incorrect": 0},
        "inference_ms": 12.35,
        "model": "m 1",
    }


@pytest.mark.parametrize(("verdict", "ispass"), [("pass", 1), ("no_pass", 0)])
def test_a_visit_is_evidence(verdict: Any, ispass: int) -> None:
    event = Visit(
        at=AT,
        camera="front",
        verdict=verdict,
        mask="mask",
        mask_score=0.91239,
        temperature=36.6666,
        reasons=("fever",),
        time_to_verdict_ms=800,
    )
    encoded = encode(event)
    assert (encoded.kind, encoded.priority, encoded.qos) == ("visits", Priority.EVIDENCE, 1)
    assert encoded.fields == {
        "camera": "front",
        "verdict": verdict,
        "ispass": ispass,
        "mask": "mask",
        "mask_score": 0.9124,
        "temperature": 36.67,
        "reasons": ["fever"],
        "passed_through": None,
        "snapshot": None,
        "time_to_verdict_ms": 800,
    }


def test_a_look_is_telemetry() -> None:
    encoded = encode(Look(at=AT, camera="hall", faces=3, no_mask=1, streak=2))
    assert (encoded.kind, encoded.priority, encoded.qos) == ("looks", Priority.TELEMETRY, 1)
    assert encoded.fields == {"camera": "hall", "faces": 3, "no_mask": 1, "streak": 2, "snapshot": None}


def test_an_alert_is_urgent_and_holds_only_what_it_is_about() -> None:
    encoded = encode(Alert(at=AT, kind="no_mask", text="six looks", camera="hall", streak=6))
    assert (encoded.kind, encoded.priority, encoded.qos) == ("alerts", Priority.URGENT, 1)
    assert encoded.fields == {"kind": "no_mask", "text": "six looks", "camera": "hall", "streak": 6, "snapshot": None}
    fever = fields(Alert(at=AT, kind="fever", text="38.5", sensor="forehead", value=38.5))
    assert fever == {"kind": "fever", "text": "38.5", "sensor": "forehead", "value": 38.5, "snapshot": None}


def test_a_reading_goes_to_the_topic_of_its_quantity_in_a_field_of_that_name() -> None:
    encoded = encode(Reading("forehead", "temperature", 36.666666, "C", AT))
    assert (encoded.kind, encoded.priority, encoded.qos) == ("temperature", Priority.TELEMETRY, 1)
    assert encoded.fields == {"sensor": "forehead", "temperature": 36.67, "unit": "C"}
    assert fields(Reading("p", "pressure", 0.00012345678, "bar", AT))["pressure"] == 0.0001234568


def test_a_reading_that_should_not_be_believed_says_so() -> None:
    assert fields(Reading("s", "temperature", 85.0, "C", AT, Quality.OUT_OF_RANGE))["quality"] == "out_of_range"
    assert "quality" not in fields(Reading("s", "temperature", 36.0, "C", AT))


def test_a_fault_is_evidence_and_health_is_live() -> None:
    fault = encode(Fault(at=AT, component="camera front", code="camera_lost", text="gone"))
    assert (fault.kind, fault.priority, fault.qos) == ("errors", Priority.EVIDENCE, 1)
    assert fault.fields == {"component": "camera front", "code": "camera_lost", "text": "gone"}
    health = encode(Health(at=AT, values={"cpu": 1.0}))
    assert (health.kind, health.priority, health.qos, health.fields) == ("health", Priority.LIVE, 0, {"cpu": 1.0})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_becomes_null(value: float) -> None:
    visit = Visit(at=AT, camera="a", verdict="pass", mask=None, mask_score=value, temperature=value)
    assert (fields(visit)["mask_score"], fields(visit)["temperature"]) == (None, None)
    assert fields(Reading("s", "temperature", value, "C", AT))["temperature"] is None


# -- everything that can happen, against the schema --------------------------------------------------------

texts = st.text(max_size=20)
numbers = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf])
scores = st.floats(0, 1)
counts = st.integers(0, 10**6)
moments = st.builds(Moment, st.floats(0, 1e9).map(Seconds), st.floats(0, 4e9).map(Unix), st.booleans())
sides = st.floats(-1e6, 1e6)
boxes = st.builds(Box, sides, sides, sides, sides)
labels = st.sampled_from(["mask", "no_mask", "incorrect", "hat"])
tracks = st.builds(Track, counts, st.builds(Face, labels, scores, boxes), st.just({}), moments, moments)
machines = st.builds(
    Machine,
    cpu=st.none() | st.floats(0, 100),
    memory=st.none() | st.floats(0, 100),
    rss=st.none() | counts,
    soc_temperature=st.none() | st.floats(-40, 120),
    uptime_s=st.none() | st.floats(0, 1e9),
)
outboxes = st.fixed_dictionaries(
    {"pending": counts, "bytes": counts, "oldest_s": st.none() | st.floats(0, 1e9)},
    optional={"dropped": st.fixed_dictionaries({"age": counts, "space": counts, "refused": counts})},
)
health = st.builds(
    health_values,
    machines,
    fps=st.none() | scores,
    inference_ms=st.none() | scores,
    frames_replaced=st.none() | st.integers(0, 10**9),
    outbox=outboxes,
    clock_synced=st.booleans(),
)
EVENTS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "detections": (
        "Detections",
        st.builds(
            Detections,
            at=moments,
            camera=texts,
            frame=counts,
            tracks=st.lists(tracks, max_size=3).map(tuple),
            inference_ms=numbers,
            model=texts,
        ),
    ),
    "visits": (
        "Visit",
        st.builds(
            Visit,
            at=moments,
            camera=texts,
            verdict=st.sampled_from(["pass", "no_pass"]),
            mask=st.none() | labels,
            mask_score=st.none() | scores,
            temperature=st.none() | numbers,
            reasons=st.lists(texts, max_size=3).map(tuple),
            passed_through=st.none() | st.booleans(),
            snapshot=st.none() | texts,
            time_to_verdict_ms=st.none() | counts,
        ),
    ),
    "looks": ("Look", st.builds(Look, at=moments, camera=texts, faces=counts, no_mask=counts, streak=counts)),
    "alerts": (
        "Alert",
        st.builds(
            Alert,
            at=moments,
            kind=st.sampled_from(["no_mask", "fever", "outlier"]),
            text=texts,
            camera=st.none() | texts,
            sensor=st.none() | texts,
            streak=st.none() | counts,
            value=st.none() | numbers,
            snapshot=st.none() | texts,
        ),
    ),
    "temperature": (
        "Temperature",
        st.builds(Reading, texts, st.just("temperature"), numbers, texts, moments, st.sampled_from(Quality)),
    ),
    "humidity": (
        "Reading",
        st.builds(Reading, texts, st.just("humidity"), numbers, texts, moments, st.sampled_from(Quality)),
    ),
    "errors": ("Fault", st.builds(Fault, at=moments, component=texts, code=texts, text=texts)),
    "health": ("Health", st.builds(Health, at=moments, values=health)),
}
IDS = IdMaker()


@pytest.mark.parametrize("kind", EVENTS)
@given(data=st.data())
def test_every_message_keeps_to_the_schema(kind: str, data: st.DataObject) -> None:
    shape, events = EVENTS[kind]
    validator = Draft202012Validator({**json_schema(), "anyOf": [{"$ref": f"#/$defs/{shape}"}]})
    event: Event = data.draw(events)
    encoded = encode(event)
    assert encoded.kind == kind
    payload = to_bytes(envelope(encoded.fields, id=IDS.make(event.at), seq=1, thing="gate-01", at=event.at))
    validator.validate(json.loads(payload, parse_constant=pytest.fail))
