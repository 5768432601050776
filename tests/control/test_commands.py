"""Commands over MQTT, as somebody with a broker sees them: the installed daemon, a real mosquitto."""

import base64
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.control.asker import Asker
from tests.control.conftest import Running, picture
from tests.detect import packages
from tests.end_to_end.daemon import MASKED, topic

from edge_mask.control.request import FIELDS
from edge_mask.picture import read_picture
from edge_mask.wire.command_models import COMMANDS, NotDone

pytestmark = pytest.mark.broker


def test_status_says_what_health_says_and_how_each_part_is(asker: Asker) -> None:
    answer = asker.ask("status", {"request_id": "s-1"})
    assert (answer["ok"], answer["request_id"]) == (True, "s-1")
    assert (answer["model"], answer["config_version"]) == ("tiny 1.0", 0)
    assert {"cpu", "rss", "outbox", "fps", "version", "clock_synced"} <= answer.keys()
    assert [(part["part"], part["state"]) for part in answer["parts"]] == [
        ("model", "ok"), ("camera front", "ok"), ("database", "ok"), ("broker", "ok"),
    ]  # fmt: skip


def test_an_answer_goes_to_the_response_topic_with_its_correlation_data_and_is_not_kept(asker: Asker) -> None:
    asker.send("status", {}, correlation=b"\x00\xffwho", response=asker.reply)
    answer = asker.answer_to(b"\x00\xffwho")
    assert (answer.topic, answer.qos, answer.retain) == (asker.reply, 1, False)
    assert answer.properties.ContentType == "application/json"


def test_without_a_response_topic_the_answer_stands_beside_the_request(asker: Asker) -> None:
    asker.send("status", {"request_id": "beside"})
    assert asker.answers_on("status", 1)[0]["request_id"] == "beside"


def test_a_request_may_be_empty(asker: Asker) -> None:
    assert asker.ask("status", b"")["ok"]


def test_a_camera_looks_now_and_not_at_its_next_interval(asker: Asker) -> None:
    first, second = (asker.ask("infer", {"camera": "front"}) for _ in range(2))
    assert (first["verdict"], first["counts"]) == ("no_mask", {"mask": 0, "no_mask": 1, "incorrect": 0})
    [face] = first["faces"]
    assert (face["label"], face["box"]) == ("no_mask", {"x": 160.0, "y": 160.0, "w": 160.0, "h": 160.0})
    assert second["frame"] > first["frame"]


@pytest.mark.parametrize("form", ["base64", "a file as the payload"])
@pytest.mark.parametrize(("colour", "verdict"), [(MASKED, "mask"), (None, "nobody")])
def test_a_picture_that_is_sent_along_is_judged_and_gone(
    shared_device: Running, asker: Asker, form: str, colour: Any, verdict: str
) -> None:
    before = kept(shared_device.folder)
    file = picture(shared_device.folder, colour)
    if form == "base64":
        answer = asker.ask("infer", {"picture": base64.b64encode(file).decode(), "request_id": f"{verdict}-{form}"})
    else:
        answer = asker.ask("infer", file, content_type="image/png")
    assert (answer["verdict"], answer["model"]) == (verdict, "tiny 1.0")
    assert kept(shared_device.folder) - before == set()


def kept(folder: Path) -> set[Path]:
    """The pictures in the folder, without the camera's own latest one, which comes when it likes."""
    found = {path for path in folder.rglob("*") if path.suffix in (".png", ".jpg") and "sent" not in path.parts}
    return {path for path in found if not path.name.startswith("latest-")}


def bomb() -> bytes:
    """A small file that states 40 million pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8000, 5000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "payload", "code", "sentence"),
    [
        ("dance", b"{}", "unknown_command", 'there is no command "dance"'),
        ("sttus", b"{}", "unknown_command", "did you mean status?"),
        ("status", b"{", "bad_request", "is not JSON: .* at line 1, column 2"),
        ("status", b"\xff", "bad_request", r"is not UTF-8 text \(byte 1\)"),
        ("status", b"[]", "bad_request", r"the request is \[\]; allowed: a JSON object"),
        ("status", b'"x"', "bad_request", "allowed: a JSON object"),
        ("status", b'{"request_id": "a", "request_id": "b"}', "bad_request", 'the key "request_id" twice'),
        ("status", b'{"request_id": 7}', "bad_request", "request_id: allowed is a text of 1 to 128"),
        ("status", b'{"request_id": "' + b"x" * 129 + b'"}', "bad_request", "request_id: allowed is a text"),
        ("status", b'{"colour": 1}', "bad_request", 'unknown key "colour"; allowed: request_id'),
        ("configure", b'{"set": {"gate": {"votes": NaN}}}', "bad_request", "NaN, which is no number in JSON"),
        ("configure", b'{"set": ' + b"[" * 60 + b"]" * 60 + b"}", "bad_request", "nested more than 50 deep"),
        ("configure", b'{"set": ' + b"[" * 60_000 + b"]" * 60_000 + b"}", "bad_request", "nested more than 50 deep"),
        ("configure", b'{"set": ' + b"9" * 5000 + b"}", "bad_request", "too many digits"),
        ("configure", b"{}", "bad_request", "set: found null; allowed: a part of the configuration"),
        ("configure", b'{"set": {"gate": {"votes": 0}}}', "bad_request", "gate.votes: found 0"),
        ("configure", b'{"set": {"mqtt": {"host": "elsewhere"}}}', "not_allowed", "mqtt: cannot be set from outside"),
        ("configure", b'{"set": {"outbox": {"path": "x"}}}', "not_allowed", "outbox.path: cannot be set from outside"),
        ("infer", b"{}", "bad_request", "give either camera"),
        ("infer", b'{"camera": "front", "picture": ""}', "bad_request", "give either camera"),
        ("infer", b'{"camera": "back"}', "bad_request", 'there is no camera "back"; there are: front'),
        ("infer", b'{"camera": 3}', "bad_request", "camera: found 3; allowed: a text"),
        ("infer", b'{"camra": "front"}', "bad_request", 'unknown key "camra"; did you mean camera'),
        ("infer", b'{"picture": "!"}', "bad_request", "picture: is not base64"),
        ("infer", b'{"picture": ""}', "bad_request", r"is empty \(0 bytes\)"),
        ("infer", b'{"picture": "' + base64.b64encode(b"GIF89a") + b'"}', "bad_request", "is no picture that can be"),
        ("infer", b'{"picture": "' + base64.b64encode(b"\xff\xd8\xff\xe0") + b'"}', "bad_request", "is truncated"),
        ("infer", b'{"picture": "' + base64.b64encode(bomb()) + b'"}', "too_large", "has 8000 x 5000 pixels"),
        ("snapshot", b"{}", "bad_request", "camera is missing"),
        ("snapshot", b'{"camera": "back"}', "bad_request", 'there is no camera "back"'),
        ("model", b"{}", "bad_request", "action: found null; allowed: list, activate, rollback, remove"),
        ("model", b'{"action": "install"}', "bad_request", "allowed: list, activate, rollback, remove"),
        ("model", b'{"action": "activate", "name": "tiny", "version": "9"}', "failed", "tiny 9: is not installed"),
        ("model", b'{"action": "remove", "name": "tiny", "version": "1.0"}', "failed", "looks now"),
        ("status", b"x" * (128 * 1024 + 1), "too_large", "takes 131073 bytes; allowed: at most 131072"),
    ],
    ids=lambda value: value.decode("latin-1")[:40] if isinstance(value, bytes) else None,
)
def test_a_request_that_is_not_carried_out_is_answered_with_a_code_and_a_sentence(
    asker: Asker, name: str, payload: bytes, code: str, sentence: str
) -> None:
    found, text = asker.refused(name, payload)
    assert (found, bool(re.search(sentence, text))) == (code, True), text


@pytest.mark.parametrize(
    "wanted", [topic("visits"), topic("status"), topic("commands/reload"), "$aws/things/gate-01/shadow/update"]
)
def test_an_answer_never_goes_where_it_would_speak_for_the_device_or_ask_it_again(asker: Asker, wanted: str) -> None:
    asker.send("status", {"request_id": wanted}, response=wanted)
    [answer] = [each for each in asker.answers_on("status", 1) if each.get("request_id") == wanted]
    assert answer["error"]["code"] == "bad_request"
    assert "the response topic" in answer["error"]["text"]


def test_a_repeated_request_is_done_once_and_answered_once(shared_device: Running, asker: Asker) -> None:
    for _ in range(3):
        asker.send("snapshot", {"camera": "front", "request_id": "again"}, response=asker.reply)
    asker.ask("status", {})  # behind them
    asker.ask("snapshot", {"camera": "front", "request_id": "another"})
    answers = [each.json() for each in asker.wait_for(2, lambda got: b"snapshot" in got.payload)]
    assert Counter(answer["request_id"] for answer in answers) == {"again": 1, "another": 1}


def test_a_failed_command_is_told_in_errors_once_and_a_wrong_request_is_not(asker: Asker) -> None:
    asker.ask("model", {"action": "list"})
    for _ in range(2):
        asker.refused("model", {"action": "activate", "name": "unknown"})
        asker.refused("snapshot", {"camera": "unknown"})
    asker.ask("model", {"action": "list"})
    asker.refused("model", {"action": "activate", "name": "unknown"})
    told = [each.json() for each in asker.wait_for(2, lambda got: got.topic == topic("errors"))]
    assert [(each["component"], each["code"]) for each in told] == [("command model", "command_failed")] * 2


def slow_picture() -> bytes:
    """A small file of many pixels, which takes a moment to be decoded."""
    return packages.encoded(packages.picture((4000, 3000)))


def test_a_storm_is_answered_to_the_last_request_and_takes_no_memory(asker: Asker) -> None:
    before, slow = asker.ask("status", {})["rss"], slow_picture()
    for number in range(100):
        request = slow if number % 2 else {"picture": "x" * 90_000}
        more = {"content_type": "image/png"} if number % 2 else {}
        asker.send("infer", request, correlation=str(number).encode(), response=asker.reply, **more)
    answers = [asker.answer_to(str(number).encode()).json() for number in range(100)]
    codes = Counter(answer["error"]["code"] if "error" in answer else "ok" for answer in answers)
    assert codes.keys() == {"busy", "ok", "bad_request"}
    assert asker.ask("status", {})["rss"] - before < 50_000_000


def test_what_was_refused_as_busy_may_be_asked_again_with_the_same_id(asker: Asker) -> None:
    slow = slow_picture()
    for _ in range(36):
        asker.send("infer", slow, content_type="image/png", response=asker.reply)
    for number in range(36):
        asker.send("status", {"request_id": f"busy-{number}"}, response=asker.reply)
    answers = [each.json() for each in asker.wait_for(36, lambda got: b'"request_id":"busy-' in got.payload)]
    late = next(each["request_id"] for each in answers if not each["ok"] and each["error"]["code"] == "busy")
    asker.wait_for(36, lambda got: b'"faces"' in got.payload)
    assert asker.ask("status", {"request_id": late})["ok"]


def test_a_snapshot_stays_on_the_device(shared_device: Running, asker: Asker) -> None:
    asker.ask("infer", {"camera": "front"})
    answer = asker.ask("snapshot", {"camera": "front", "reason": "Who is it?"})
    assert answer.keys() == {"ok", "snapshot"}
    assert answer["snapshot"].endswith("-front-who-is-it.jpg")
    assert read_picture(shared_device.folder / "snapshots" / answer["snapshot"]).shape == (480, 640, 3)


ASKED = {
    "infer": {"camera": "front"},
    "snapshot": {"camera": "front"},
    "status": {},
    "reload": {},
    "configure": {"set": {}},
    "model": {"action": "list"},
    "erase": {"before": "2000-01-01"},
    "history": {"topic": "visits", "from_seq": 1, "to_seq": 1},
    "picture": {"visit": "01a22950-1aa0-7466-b05b-dfdd29c75333", "put": "https://127.0.0.1:1/pictures/a.jpg"},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_its_answer_are_as_the_schema_says(asker: Asker, name: str) -> None:
    asked, answered = COMMANDS[name]
    assert {"request_id", *FIELDS[name]} == asked.model_fields.keys()
    asked.model_validate(ASKED[name])
    # This device has said nothing yet and puts no pictures anywhere: test_history.py and tests/sink have those that do.
    (NotDone if name in ("history", "picture") else answered).model_validate(asker.ask(name, ASKED[name]))
    NotDone.model_validate(asker.ask(name, {"unknown": 1}))
