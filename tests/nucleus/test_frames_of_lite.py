"""The fake answers as the real nucleus lite did (its frames are in lite_frames.jsonl), and the library takes both."""

import asyncio
import json
import queue
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.nucleus.fake import FakeNucleus
from tests.nucleus.frames import Frame, encode, read
from tests.waiting import PATIENCE

from edge_mask.errors import EdgeMaskError
from edge_mask.kinds import Priority
from edge_mask.messages import Message
from edge_mask.nucleus import requests
from edge_mask.nucleus.errors import NotAllowed, NotNow
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.place import Place
from edge_mask.nucleus.requests import Request
from edge_mask.units import Seconds

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "lite_frames.jsonl").read_text().splitlines()]


def frame(row: dict[str, Any]) -> Frame:
    return Frame(row["headers"], row["payload"].encode())


def by_stream(frames: list[Frame]) -> dict[int, list[tuple[dict[str, Any], Any]]]:
    found: dict[int, list[tuple[dict[str, Any], Any]]] = defaultdict(list)
    for each in frames:
        found[each.stream].append((dict(each.headers), each.json()))
    return found


@pytest.fixture
def fake() -> Iterator[FakeNucleus]:
    with FakeNucleus("lite") as nucleus:
        nucleus.configuration = {"inference": {"interval_s": 5}}
        nucleus.fails["UpdateState"] = "Failed to update the lifecycle state."
        nucleus.deny("other/#")
        yield nucleus


def test_the_fake_answers_each_recorded_frame_as_lite_did(fake: FakeNucleus) -> None:
    async def talk() -> list[Frame]:
        reader, writer = await asyncio.open_unix_connection(fake.socket)
        for row in RECORDED:
            if row["from"] == "component":
                writer.write(encode(frame(row)))
        wanted = sum(row["from"] == "nucleus" for row in RECORDED)
        got = [await asyncio.wait_for(read(reader, 2**20), PATIENCE) for _ in range(wanted)]
        writer.close()
        return got

    expected = [frame(row) for row in RECORDED if row["from"] == "nucleus"]
    assert by_stream(asyncio.run(talk())) == by_stream(expected)


def test_the_library_understands_the_recorded_frames_of_lite(fake: FakeNucleus) -> None:
    """A server that knows nothing but the recording: the library gets what lite has sent, stream by stream."""
    fake.stop()
    answers, heard = asyncio.run(_play_back(fake.socket))
    kinds = [type(each) if isinstance(each, EdgeMaskError) else each for each in answers]
    inference = {"interval_s": 5}
    assert kinds == [None, None, None, NotAllowed, None, None, inference, None, None, inference, NotNow, NotNow]
    assert [json.loads(each.payload) if each.payload[:1] == b"{" else each.payload for each in heard] == [
        {"mask": True, "p": 0.93},
        b"\0\1",
        {"a": 1},
    ]
    assert [each.topic for each in heard] == ["edge/mask", "edge/mask", "edge/core"]


async def _play_back(path: Path) -> tuple[list[Any], list[Message]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for row in RECORDED:
                if row["from"] == "nucleus":
                    writer.write(encode(frame(row)))
                else:
                    asked = await read(reader, 2**20)
                    assert asked.headers.get("operation") == row["headers"].get("operation")
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        return await asyncio.to_thread(_ask_as_recorded, path)
    finally:
        server.close()


def _ask_as_recorded(path: Path) -> tuple[list[Any], list[Message]]:
    """The requests in the order of the recording; returns the answers and what was heard on the buses."""
    nucleus = Nucleus(lambda: Place(path, "a token"))
    states: queue.Queue[tuple[bool, str]] = queue.Queue()
    heard: queue.Queue[Message] = queue.Queue()
    nucleus.watch(lambda connected, reason: states.put((connected, reason)))
    nucleus.open()
    assert states.get(timeout=PATIENCE)[0]

    def follow(request: Request[Any], listener: Callable[[Any], None]) -> "Future[Any]":
        answer: Future[Any] = Future()
        nucleus.follow(request, listener, answer.set_result)
        return answer

    def json_to(topic: str, message: dict[str, Any]) -> "Future[None]":
        def shape(model: Any) -> Any:
            body = model.PublishMessage(json_message=model.JsonMessage(message=message))
            return model.PublishToTopicRequest(topic=topic, publish_message=body)

        return nucleus.call(Request("publish_to_topic", "publish", shape, lambda _answer: None))

    note = Message(topic="edge/core", payload=b'{"a":1}', priority=Priority.EVIDENCE, qos=1)
    steps: list[Callable[[], Future[Any]]] = [
        lambda: follow(requests.from_components("edge/mask"), heard.put),
        lambda: json_to("edge/mask", {"mask": True, "p": 0.93}),
        lambda: nucleus.call(requests.publish_locally("edge/mask", b"\0\1")),
        lambda: json_to("other/x", {}),
        lambda: follow(requests.from_core("edge/core"), heard.put),
        lambda: nucleus.call(requests.publish_to_core(note)),
        lambda: nucleus.call(requests.configuration(["inference"])),
        lambda: follow(requests.configuration_updates(), lambda _path: None),
        lambda: nucleus.call(requests.set_configuration({"interval_s": 5}, ["inference"])),
        lambda: nucleus.call(requests.configuration(["inference"])),
        lambda: nucleus.call(requests.update_state("RUNNING")),
        lambda: follow(requests.component_updates(), lambda _update: None),
    ]
    answers = []
    for step in steps:
        future = step()
        answers.append(future.exception(PATIENCE) or future.result())
    messages = [heard.get(timeout=PATIENCE) for _ in range(3)]
    nucleus.close(Seconds(2.0))
    return answers, messages
