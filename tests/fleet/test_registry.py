"""What devices say of themselves: whoever does not say it properly is one sentence, and all others are heard."""

import json
from typing import Any

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.fleet.registry import registry as room
from edge_mask.fleet.registry.registry import Registry
from edge_mask.fleet.registry.text import as_json, shown, table
from edge_mask.messages import Message, Priority
from edge_mask.settings.sending import TopicNames

ABOUT: dict[str, Any] = {
    "thing": "gate-01", "ts": "2026-11-20T09:30:00.000Z", "v": 1, "name": "EdgeCCTV01", "type": "gate",
    "latitude": None, "longitude": None, "address": "", "ip": "10.0.0.1", "supports_analysis": False,
    "stream_url": None, "description": "", "software": "edge-mask 0.1.0",
    "model": {"name": "m", "version": "1", "digest": None},
    "neighbours": ["gate-02"], "group": "hall",
}  # fmt: skip


def names(**changes: str) -> TopicNames:
    return TopicNames.model_validate(changes)


def said(topic: str, payload: bytes | dict[str, Any]) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(topic=topic, payload=data, priority=Priority.LIVE, qos=1, retain=True)


def heard(payload: bytes | dict[str, Any], topic: str = "edge-mask/gate-01/about") -> Registry:
    """Beside it there is somebody whom it must not harm."""
    registry = Registry(names())
    registry.hear(said("edge-mask/fine/about", {**ABOUT, "thing": "fine"}))
    registry.hear(said(topic, payload))
    assert registry.devices["fine"].said["about"]["name"] == "EdgeCCTV01"
    return registry


def test_what_a_device_says_is_taken_as_it_says_it() -> None:
    device = heard(ABOUT).devices["gate-01"]
    assert device.said["about"] == ABOUT
    assert device.problems == {}


NESTED = b'{"a":' * 30_000 + b"1" + b"}" * 30_000


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"no JSON", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"", ""),
        (b"[]", "it is no JSON object"),
        (b"null", "it is no JSON object"),
        (b'{"latitude": NaN}', "it is no JSON"),
        (b'{"v": ' + b"9" * 5_000 + b"}", "it is no JSON"),
        (NESTED[:60_000], "nested too deeply"),
        (b"{" + b" " * 70_000 + b"}", "it has 70002 bytes; at most 65536 are read"),
        ({}, "thing: field required"),
        ({**ABOUT, "thing": "gate-02"}, "it says that it is gate-02"),
        ({**ABOUT, "thing": 7}, "thing: input should be a valid string"),
        ({**ABOUT, "v": 2}, "v: input should be 1"),
        ({**ABOUT, "type": "toaster"}, "type: input should be 'gate', 'cctv' or 'analysis'"),
        ({**ABOUT, "name": {"x": "y"}}, "name: input should be a valid string"),
        ({**ABOUT, "latitude": 1e300}, "latitude: input should be less than or equal to 90"),
        ({**ABOUT, "neighbours": {"a": 1}}, "neighbours: input should be a valid list"),
        ({**ABOUT, "model": "m 1"}, "model: "),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "",
)
def test_a_poisoned_about_is_a_sentence(payload: bytes | dict[str, Any], why: str) -> None:
    device = heard(payload).devices["gate-01"]
    assert "about" not in device.said
    if why:
        assert device.problems["about"].startswith("gate-01: about is left out: ")
        assert why in device.problems["about"]
    else:
        assert device.problems == {}


def test_a_proper_one_after_a_poisoned_one_counts_and_an_empty_one_takes_it_back() -> None:
    registry = heard(b"poison")
    registry.hear(said("edge-mask/gate-01/about", ABOUT))
    assert registry.devices["gate-01"].said["about"] == ABOUT
    assert registry.devices["gate-01"].problems == {}
    registry.hear(said("edge-mask/gate-01/about", b""))
    assert registry.devices["gate-01"].said == {}


def test_what_this_version_does_not_know_is_not_passed_on() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"x": deep}
    device = heard({**ABOUT, "later": deep, "model": {"name": "m", "version": "1", "more": deep}}).devices["gate-01"]
    assert device.said["about"] == {**ABOUT, "model": {"name": "m", "version": "1"}}


def test_the_password_of_a_stream_is_cut_out_whoever_told_it() -> None:
    registry = heard({**ABOUT, "stream_url": "rtsp://admin:hunter2@host/live"})
    assert registry.devices["gate-01"].said["about"]["stream_url"] == "rtsp://host/live"
    assert "hunter2" not in as_json(registry.devices["gate-01"].as_data())


def test_a_name_that_no_thing_can_have_is_a_sentence_without_what_moves_the_cursor() -> None:
    name = "gate\x1b[2J\x9b31m\u202e"
    (problem,) = heard({**ABOUT, "thing": name}, f"edge-mask/{name}/about").devices[name].problems.values()
    assert problem == "gate\\x1b[2J\\x9b31m\\u202e: about is left out: no thing can have this name"


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        ({"state": "online", "thing": "gate-01", "ts": "t", "v": 1, "version": "0.1.0", "model": None}, "online"),
        ({"state": "offline"}, "offline"),
        ({"state": "sleeping"}, "unknown"),
        (b"poison", "unknown"),
    ],
)
def test_the_state_is_what_status_says(payload: bytes | dict[str, Any], state: str) -> None:
    assert heard(payload, "edge-mask/gate-01/status").devices["gate-01"].state == state


def test_ten_thousand_things_are_heard_and_more_than_twice_as_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(names())
    for number in range(10_000):
        registry.hear(said(f"edge-mask/t-{number}/about", {**ABOUT, "thing": f"t-{number}"}))
    assert len(registry.devices) == 10_000
    assert not any(each.problems for each in registry.devices.values())
    monkeypatch.setattr(room, "MOST_THINGS", 10_000)
    registry.hear(said("edge-mask/one-more/about", ABOUT))
    assert (len(registry.devices), registry.left_out) == (10_000, 1)


@pytest.mark.parametrize(
    ("changes", "topic", "thing"),
    [
        ({"root": "site/{thing}/x"}, "site/gate-01/x/about", "gate-01"),
        ({"root": "site/{thing}/x"}, "site/a/b/x/about", None),
        ({"root": "site.x/{thing}"}, "siteAx/gate-01/about", None),
        ({"about": "who/{thing}"}, "who/gate-01", "gate-01"),
        ({"root": "{thing}/edge/{thing}"}, "gate-01/edge/gate-01/about", "gate-01"),
        ({"root": "{thing}/edge/{thing}"}, "gate-01/edge/gate-02/about", None),
    ],
)
def test_the_thing_is_read_from_the_topic(changes: dict[str, str], topic: str, thing: str | None) -> None:
    registry = Registry(names(**changes))
    registry.hear(said(topic, ABOUT))
    assert list(registry.devices) == ([] if thing is None else [thing])


@pytest.mark.parametrize("changes", [{"root": "edge-mask/here"}, {"root": "edge-{thing}/x"}, {"room": "rooms"}])
def test_topics_that_do_not_tell_one_device_from_the_other_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="does not tell one device from the other"):
        Registry(names(**changes))


def test_nothing_that_a_terminal_obeys_is_shown() -> None:
    assert shown("a\x1b]0;x\x07b\r\n\tc\u2028d\x9bm\u202ee\ud800") == (
        "a\\x1b]0;x\\x07b\\r\\n\\tc\\u2028d\\x9bm\\u202ee\\ud800"
    )
    assert shown("서울 정문") == "서울 정문"
    assert shown("x" * 300, 10) == "xxxxxxxxx…"
    text = as_json({"a": "\x9b31m\x1b\u202e", "b": "서울"})
    assert all(each.isprintable() or each == "\n" for each in text)
    assert json.loads(text) == {"a": "\x9b31m\x1b\u202e", "b": "서울"}


def test_korean_letters_take_two_columns() -> None:
    assert table([["ab", "x"], ["서울", "y"]]) == ["ab    x", "서울  y"]
