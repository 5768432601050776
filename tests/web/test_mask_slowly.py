"""Uploads that take their time, and what becomes of a picture: in process, where both can be watched."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Scope
from tests.web.asking import HOST, asking, site
from tests.web.pictures import FORM, form, jpeg
from tests.web.test_mask import SAID, Model

from edge_mask.web import mask
from edge_mask.web.application import front
from edge_mask.web.upload import MOST_PICTURE


def scope(**headers: str) -> Scope:
    shown = {"host": HOST, "authorization": "Bearer infer", "content-type": "image/jpeg", **headers}
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/mask/", "raw_path": b"/mask/", "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 40_000), "server": ("127.0.0.1", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() | shown.items()],
    }  # fmt: skip


class Sender:
    """Sends a picture in pieces, each when it is let."""

    def __init__(self, *pieces: bytes, leaves: bool = False) -> None:
        self._pieces = list(pieces)
        self._leaves = leaves
        self.let = asyncio.Event()
        self.status = 0

    async def receive(self) -> Message:
        if self._pieces:
            return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}
        await self.let.wait()
        if self._leaves:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]


def test_a_sender_of_a_byte_now_and_then_is_told_that_it_took_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask, "TO_UPLOAD", 0.1)
    model = Model()
    app = front(site(tmp_path, look=model))

    async def slowly() -> list[int]:
        senders = [Sender(b"\xff", b"\xd8") for _ in range(mask.UPLOADS)]
        waiting = [asyncio.ensure_future(app(scope(), each.receive, each.send)) for each in senders]
        await asyncio.sleep(0)
        another = Sender(jpeg())
        another.let.set()
        await app(scope(), another.receive, another.send)
        await asyncio.gather(*waiting)
        last = Sender(jpeg())
        last.let.set()
        await app(scope(), last.receive, last.send)
        return [*(each.status for each in senders), another.status, last.status]

    assert asyncio.run(slowly()) == [*[408] * mask.UPLOADS, 503, 200]


def test_a_sender_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    app = front(site(tmp_path, look=Model()))

    async def leave() -> int:
        for _ in range(3 * mask.UPLOADS):
            gone = Sender(jpeg()[:100], leaves=True)
            gone.let.set()
            await app(scope(), gone.receive, gone.send)
        last = Sender(jpeg())
        last.let.set()
        await app(scope(), last.receive, last.send)
        return last.status

    assert asyncio.run(leave()) == 200


def test_only_a_few_wait_for_the_model_and_the_others_are_told_at_once(tmp_path: Path) -> None:
    asked: list[Future[Any]] = []

    def look(_picture: bytes) -> "Future[Any]":
        asked.append(Future())
        return asked[-1]

    app = front(site(tmp_path, look=look))

    async def crowd() -> list[int]:
        senders = [Sender(jpeg()) for _ in range(mask.WAITING + 3)]
        for each in senders:
            each.let.set()
        tasks: list[asyncio.Future[None]] = []
        for each in senders:
            tasks.append(
                asyncio.ensure_future(app(scope(**{"content-length": str(len(jpeg()))}), each.receive, each.send))
            )
            while not (each.status or len(asked) == len(tasks)):
                await asyncio.sleep(0)
        for future in asked:
            future.set_result(SAID)
        await asyncio.gather(*tasks)
        return [each.status for each in senders]

    assert asyncio.run(crowd()) == [*[200] * mask.WAITING, *[503] * 3]
    assert len(asked) == mask.WAITING


def test_who_waits_behind_a_picture_that_takes_minutes_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask, "TO_LOOK", 0.05)
    waits: list[Future[Any]] = []

    def look(_picture: bytes) -> "Future[Any]":
        waits.append(Future())
        return waits[-1]

    program = asking(site(tmp_path, look=look), bearer="infer")
    answer = program.post("/mask/", jpeg(), content_type="image/jpeg")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "the pictures before this one take longer" in answer.json()["detail"]
    assert waits[0].cancelled()  # it is out of the line


def test_large_pictures_that_wait_take_no_more_memory_than_is_meant_for_them(tmp_path: Path) -> None:
    asked: list[Future[Any]] = []

    def look(_picture: bytes) -> "Future[Any]":
        asked.append(Future())
        return asked[-1]

    app = front(site(tmp_path, look=look))

    async def crowd() -> list[int]:
        senders = [Sender(jpeg()) for _ in range(6)]
        tasks: list[asyncio.Future[None]] = []
        for each in senders:
            each.let.set()
            size = {} if len(tasks) % 2 else {"content-length": str(MOST_PICTURE)}  # told, and not told
            tasks.append(asyncio.ensure_future(app(scope(**size), each.receive, each.send)))
            while not (each.status or len(asked) == len(tasks)):
                await asyncio.sleep(0)
        for future in asked:
            future.set_result(SAID)
        await asyncio.gather(*tasks)
        return [each.status for each in senders]

    assert asyncio.run(crowd()) == [*[200] * 4, *[503] * 2]


_written: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _written is None or event not in ("open", "os.mkdir", "os.rename", "tempfile.mkstemp"):
        return
    mode = arguments[1] if len(arguments) > 1 else ""
    if event != "open" or (isinstance(mode, str) and set(mode) & set("wax+")):
        _written.append(f"{event} {arguments}")


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Every file that this process opens for writing meanwhile."""
    global _written
    if not getattr(sys, "_edge_mask_watched", False):
        sys.addaudithook(_note)
        sys._edge_mask_watched = True  # type: ignore[attr-defined]  # a hook stays for ever
    found: list[str] = []
    _written = found
    try:
        yield found
    finally:
        _written = None


@pytest.mark.parametrize("kind", ["image/jpeg", FORM])
def test_a_picture_is_never_written_to_a_disk_however_large_it_is(tmp_path: Path, kind: str) -> None:
    large = jpeg() + bytes(MOST_PICTURE - len(jpeg()) - 1000)
    body = form(("file", large)) if kind == FORM else large
    program = asking(site(tmp_path, look=Model()), bearer="infer")
    program.post("/mask/", jpeg(), content_type="image/jpeg")  # what is imported late is imported now
    with _watched() as written:
        (tmp_path / "proof").write_bytes(b"a hook that hears nothing proves nothing")
        assert [each for each in written if "proof" in each]
        written.clear()
        assert program.post("/mask/", body, content_type=kind).status == 200
        assert written == []
