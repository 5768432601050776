"""What somebody who watches the demo reads."""

import json
from typing import Any

import pytest

from edge_mask.demo.show import line

HEAD: dict[str, Any] = {"id": "1", "seq": 1, "thing": "demo", "ts": "2026-11-20T09:30:00.123Z", "v": 1}
CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "visits",
        {
            "camera": "front",
            "verdict": "no_pass",
            "ispass": 0,
            "mask": "no_mask",
            "mask_score": 0.973,
            "temperature": 36.5,
            "reasons": ["no_mask"],
            "passed_through": None,
            "snapshot": None,
        },
        "front: no_pass, no mask (0.97), 36.5 °C  because: no_mask",
    ),
    (
        "visits",
        {"camera": "front", "verdict": "no_pass", "mask": None, "mask_score": None, "temperature": None, "reasons": []},
        "front: no_pass, unclear",
    ),
    (
        "looks",
        {"camera": "hall", "faces": 1, "no_mask": 1, "streak": 3, "snapshot": None},
        "hall: 1 face, 1 without mask, streak 3",
    ),
    ("alerts", {"kind": "fever", "text": "A visitor has 38.7 C."}, "fever: A visitor has 38.7 C."),
    ("temperature", {"sensor": "forehead", "temperature": 36.4, "unit": "C"}, "forehead: 36.4 °C"),
    ("status", {"state": "online", "version": "0.1", "model": "tiny 1.0.0"}, "online, model tiny 1.0.0"),
    ("errors", {"component": "camera front", "code": "lost", "text": "gone"}, "camera front: lost: gone"),
    (
        "health",
        {"cpu": 41.6, "memory": 12.4, "fps": 6.0, "inference_ms": 21.04, "outbox": {"pending": 3}},
        "processor 42 %, memory 12 %, 6.0 looks/s of 21.0 ms, 3 messages waiting",
    ),
    (
        "health",
        {"cpu": 41.6, "memory": 12.4, "fps": 0.0, "inference_ms": None, "outbox": {"pending": 0}},
        "processor 42 %, memory 12 %, 0.0 looks/s, 0 messages waiting",
    ),
    (  # two at once: no time has passed in which a processor could be used
        "health",
        {"cpu": None, "memory": 12.4, "fps": 0.0, "inference_ms": None, "outbox": {"pending": 0}},
        "memory 12 %, 0.0 looks/s, 0 messages waiting",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), CASES)
def test_each_kind_of_message_is_one_readable_line(kind: str, fields: dict[str, Any], expected: str) -> None:
    shown = line(f"edge-mask/demo/{kind}", json.dumps(HEAD | fields).encode())
    assert shown[10:].split(maxsplit=1) == [kind, expected]
    assert shown[2] == shown[5] == ":"


def test_the_will_has_no_time() -> None:
    assert line("edge-mask/demo/status", b'{"state":"offline"}').split() == ["status", "offline"]


@pytest.mark.parametrize(
    "payload", [b"", b"not json", b"\xff\xfe", b"[1]", b'{"ts": 5}', b'{"camera": "front"}', b"null"]
)
@pytest.mark.parametrize("kind", ["visits", "health", "something-else"])
def test_a_payload_that_is_not_ours_is_shown_as_it_is(kind: str, payload: bytes) -> None:
    assert line(f"edge-mask/demo/{kind}", payload).startswith("          " + kind)
