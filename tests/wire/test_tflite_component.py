"""Each look in the shape of AWS's TensorFlow Lite object detection component."""

import json
from typing import Any

from edge_mask.messages import Box, Detections, Face, Priority, Track
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.tflite_component import TfliteResults

AT = Moment(Seconds(1.0), Unix(1_700_000_000.25))


def look(*faces: Face) -> Detections:
    tracks = tuple(Track(number, face, {}, AT, AT) for number, face in enumerate(faces))
    return Detections(at=AT, camera="front", frame=1, tracks=tracks, inference_ms=8.0, model="mask-detector 1.0.0")


FACE = Face("no_mask", 0.87654, Box(10, 20, 30, 40))


def payload(seen: Detections) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(TfliteResults("ml/tflite/object-detection", "faces").of(seen).payload)
    return made


def test_a_look_has_the_keys_of_that_component_and_no_others() -> None:
    assert payload(look(FACE)) == {
        "timestamp": "2023-11-14 22:13:20.250000",
        "inference-type": "object-detection",
        "inference-description": "Faces found by mask-detector 1.0.0",
        "inference-results": [{"Label": "no_mask", "Score": "0.8765", "Boundaries": [20.0, 10.0, 60.0, 40.0]}],
    }


def test_a_look_at_nobody_is_told_too() -> None:
    assert payload(look())["inference-results"] == []


def test_it_is_live_and_goes_where_it_was_asked_for() -> None:
    message = TfliteResults("ml/tflite/object-detection", "faces").of(look(FACE))
    assert (message.topic, message.priority, message.qos) == ("ml/tflite/object-detection", Priority.LIVE, 0)


def test_detections_are_published_as_they_are_without_it() -> None:
    wants = {publish: [TfliteResults("t", publish).wants(seen) for seen in (look(), look(FACE))]
             for publish in ("faces", "all", "off")}  # fmt: skip
    assert wants == {"faces": [False, True], "all": [True, True], "off": [False, False]}
