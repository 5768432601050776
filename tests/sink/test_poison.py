"""Messages that cannot be stored: each is refused with its reason and acknowledged, and none stops the others."""

import json
from typing import Any

from tests.sink.central import Central, message, new_id
from tests.waiting import until

from edge_mask.sink.rows import DEEPEST, LARGEST


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


POISON: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON in UTF-8"),
    "not_json": (b'{"id": ', "is not JSON in UTF-8"),
    "not_utf_8": (b'{"text": "\xff\xfe"}', "is not JSON in UTF-8"),
    "no_object": (b"[1, 2]", "is no JSON object"),
    "no_id": (json.dumps({**message(), "id": None}).encode(), "has no id"),
    "id_of_version_4": (json.dumps(message(id="5f0c0a52-7f6b-4c5f-9d3a-0d6f6a3c9b11")).encode(), "its id is no UUID"),
    "id_is_a_number": (json.dumps(message(id=7)).encode(), "its id is no UUID of version 7: 7"),
    "id_with_a_statement": (json.dumps(message(id="'; DROP TABLE messages; --")).encode(), "its id is no UUID"),
    "thing_of_another": (
        json.dumps(message(thing="gate-99")).encode(),
        "says that it comes from 'gate-99', on a topic",
    ),
    "thing_is_a_list": (
        json.dumps({**message(), "thing": ["gate-01"]}).encode(),
        "says of no thing that it comes from it",
    ),
    "zero_in_a_text": (json.dumps(message(text="a\0b")).encode(), "U+0000"),
    "zero_in_a_key": (json.dumps({**message(), "a\0b": 1}).encode(), "U+0000"),
    "half_a_character": (json.dumps(message(text="\ud800")).encode(), ""),
    "too_deep": (json.dumps(message(text=nested(DEEPEST))).encode(), "is nested deeper than 30 levels"),
    "far_too_deep": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "is nested deeper than 30 levels"),
    "too_large": (json.dumps(message(text="x" * 262_144)).encode(), f"allowed: {LARGEST}"),
    "not_a_number": (b'{"id": NaN}', "is not JSON in UTF-8"),
}
"""By the last level of their topic: the payload, and how the reason reads."""

ODD: dict[str, dict[str, Any]] = {
    "zero_in_words": {"text": "a\\u0000b"},  # a backslash and letters: no such character
    "deep_enough": {"text": nested(DEEPEST - 1)},
    "seq_is_true": {"seq": True},
    "seq_is_too_large": {"seq": 2**63},
    "seq_is_negative": {"seq": -1},
    "ts_is_no_time": {"ts": "yesterday"},
    "ts_is_missing": {"ts": None},
    "ts_before_all_times": {"ts": "0001-01-01T00:00:00.000Z"},
    "ts_after_all_times": {"ts": "9999-12-31T23:59:59.999-23:59"},
    "a_large_number": {"value": 10**300},
    "emoji": {"text": "😷 마스크"},
    "temperature_is_a_word": {"sensor": "s", "temperature": "hot"},
}
"""What is strange, and is stored all the same."""


def test_one_poisoned_message_stops_nothing_and_is_never_sent_again(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
        for name, (payload, _reason) in POISON.items():
            central.publish(f"edge-mask/gate-01/{name}", payload)
        good = central.visit()
        until(lambda: central.count() == 1)
        until(lambda: central.count("refused") == len(POISON))
        assert sink.stop() == 0
        assert "Traceback" not in sink.stderr
        assert sink.stderr.count("is refused and lies in the table") == 1  # one line, not one for each
    reasons = {topic.rpartition("/")[2]: reason for topic, reason in central.reasons().items()}
    assert {name: reason in reasons[name] for name, (_, reason) in POISON.items()} == dict.fromkeys(POISON, True)
    assert central.ids() == [good["id"]]
    ((size, kept),) = central.query("SELECT size, length(payload) FROM refused WHERE topic LIKE '%/too_large'")
    assert size > kept == 262_144
    done = central.once()
    assert "0 stored, 0 repeated, 0 refused" in done.err  # the broker has nothing left


def test_what_is_only_odd_is_stored_and_breaks_no_view(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
        for name, fields in ODD.items():
            central.publish(f"edge-mask/gate-01/{name}", {**message(7), **fields})
        central.publish("edge-mask/gate-01/visits", message(1, temperature="warm", passed_through="yes", mask_score=[]))
        central.publish("edge-mask/gate-01/temperature", message(1, sensor="s", temperature="hot"))
        until(lambda: central.count() + central.count("refused") == len(ODD) + 2)
    assert central.reasons() == {}
    assert central.query("SELECT temperature, passed_through, mask_score FROM visits") == [(None, None, None)]
    assert central.count("readings") == 0
    kinds = dict(central.query("SELECT kind, seq FROM messages"))
    assert [kinds[name] for name in ("seq_is_true", "seq_is_too_large", "seq_is_negative", "emoji")] == [None] * 3 + [7]
    recent = central.query(
        "SELECT count(*) FROM messages WHERE kind LIKE 'ts_%' AND ts BETWEEN '2026-01-01' AND '2100-01-01'"
    )
    assert recent == [(4,)]  # the time in the id


def test_what_only_the_database_refuses_is_refused_alone(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
        if central.server.scheme.startswith("postgresql"):
            central.query("ALTER TABLE messages ADD CONSTRAINT c CHECK (seq <> 13)")
        else:
            central.query("ALTER TABLE messages ADD CONSTRAINT c CHECK (seq <> 13)")
        for seq in range(10, 16):
            central.visit(seq)
        until(lambda: central.count() == 5)
        until(lambda: central.count("refused") == 1)
        ((reason,),) = central.query("SELECT reason FROM refused")
        assert reason.startswith("the database does not take it: ")
        assert "INSERT" not in reason
        assert "Traceback" not in sink.stderr


def test_the_same_poison_again_and_again_is_kept_once(in_postgres: Central) -> None:
    with in_postgres.sink() as sink:
        sink.is_ready()
        for _ in range(20):
            in_postgres.publish("edge-mask/gate-01/visits", b"poison")
        good = in_postgres.visit(id=new_id())
        until(lambda: in_postgres.ids() == [good["id"]])
        assert in_postgres.count("refused") == 1
