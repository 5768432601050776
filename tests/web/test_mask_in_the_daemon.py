"""`POST /mask/` of the installed daemon: real pictures, the model of the gate, and everything that clients do wrong."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from tests.picture.test_picture_files import CYAN_CMYK
from tests.waiting import until
from tests.web import pictures
from tests.web.asking import Answer
from tests.web.pictures import FORM, form, jpeg, png
from tests.web.served import HOST, Client, Served, served
from tests.web.test_metrics import samples, value

MiB = 1024 * 1024


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("house")) as found:
        yield found
        assert "Traceback" not in found.daemon.stderr


@pytest.fixture(scope="module")
def program(house: Served) -> Client:
    return house.with_token("infer", name="program")


def sent(program: Client, picture: bytes, kind: str = "image/jpeg") -> Answer:
    return program.ask("POST", "/mask/", picture, headers={"Content-Type": kind})


def test_a_picture_is_judged_by_the_model_of_the_gate(program: Client) -> None:
    answer = program.ask("POST", "/mask/", form(("file", jpeg())), headers={"Content-Type": FORM})
    assert answer.status == 200, answer
    told = answer.json()
    assert set(told) == {"verdict", "ispass", "faces", "inference_ms", "model"}
    assert (told["verdict"], told["ispass"]) == ("mask", 1)
    (face,) = told["faces"]
    assert set(face) == {"label", "score", "box"}
    assert face["box"]["x"] == pytest.approx(160, abs=12)
    assert told["model"].startswith("tiny")


def test_a_picture_that_was_held_upright_is_judged_upright(program: Client) -> None:
    (flat,) = sent(program, jpeg()).json()["faces"]
    (turned,) = sent(program, pictures.rotated_jpeg(6)).json()["faces"]
    # 640 x 480 becomes 480 x 640: the corner that was at the bottom left is at the top left
    assert turned["box"]["x"] == pytest.approx(480 - flat["box"]["y"] - flat["box"]["h"], abs=12)
    assert turned["box"]["y"] == pytest.approx(flat["box"]["x"], abs=12)


def test_grey_sixteen_bit_alpha_and_print_colours_are_read(program: Client) -> None:
    image = cv2.imdecode(np.frombuffer(png(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    deep = image.astype(np.uint16) * 257
    alpha = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    for picture in (pictures.encoded(".png", grey), pictures.encoded(".jpg", grey), CYAN_CMYK):
        assert sent(program, picture).status == 200
    for picture in (pictures.encoded(".png", deep), pictures.encoded(".png", alpha)):
        assert sent(program, picture, "image/png").json()["verdict"] == "mask"


@pytest.mark.parametrize(
    "picture",
    [jpeg()[: len(jpeg()) // 2], png()[: len(png()) // 2], pictures.bomb_png(4000, 4000)],
)
def test_a_damaged_picture_is_told_so(program: Client, picture: bytes) -> None:
    answer = sent(program, picture)
    assert answer.status == 400, answer
    assert answer.headers["content-type"] == "application/problem+json"


def raw(house: Served) -> socket.socket:
    return socket.create_connection((HOST, house.port), timeout=20)


def head(token: str | None, kind: str, *more: str) -> bytes:
    lines = ["POST /mask/ HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {token}", f"Content-Type: {kind}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_sixty_megabytes_are_refused_by_their_length_and_as_they_come(house: Served, program: Client) -> None:
    process = psutil.Process(house.daemon.process.pid)
    sent(program, jpeg())
    before = process.memory_info().rss
    with raw(house) as known:
        known.sendall(head(program.token, "image/jpeg", f"Content-Length: {60 * MiB}"))
        assert b" 413 " in known.recv(1000).partition(b"\r\n")[0]
    with raw(house) as chunked:
        chunked.sendall(head(program.token, "image/jpeg", "Transfer-Encoding: chunked"))
        piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        came = b""
        chunked.settimeout(0.01)
        for _ in range(60 * 16):
            try:
                came = chunked.recv(1000)
            except TimeoutError:
                pass
            except OSError:
                break
            if came:
                break
            try:
                chunked.settimeout(20)
                chunked.sendall(piece)
            except OSError:
                break
            chunked.settimeout(0.01)
        assert not came or b" 413 " in came.partition(b"\r\n")[0]
    assert process.memory_info().rss - before < 32 * MiB
    assert sent(program, jpeg()).status == 200


def test_whoever_leaves_in_the_middle_leaves_nothing_behind(house: Served, program: Client) -> None:
    body = form(("file", jpeg()))
    for cut in (0, 1, len(body) // 2, len(body) - 1):
        with raw(house) as client:
            client.sendall(head(program.token, FORM, f"Content-Length: {len(body)}") + body[:cut])
    for _ in range(12):  # more than may wait: each has left its place
        with raw(house) as client:
            client.sendall(head(program.token, FORM, f"Content-Length: {len(body)}") + body)
    assert until(lambda: sent(program, jpeg()).status == 200)
    assert "Traceback" not in house.daemon.stderr


def test_two_hundred_at_once_get_a_verdict_or_are_told_to_come_again(house: Served, program: Client) -> None:
    process = psutil.Process(house.daemon.process.pid)
    before = process.memory_info().rss

    def try_it(_number: int) -> Answer | None:
        try:
            return sent(program, jpeg())
        except ConnectionError:  # there are more than the server has connections
            return None

    with ThreadPoolExecutor(200) as pool:
        answers = list(filter(None, pool.map(try_it, range(200))))
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 503}, statuses
    assert len(answers) >= 90
    assert statuses[200] >= 8
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status == 503)
    assert process.memory_info().rss - before < 64 * MiB
    assert sent(program, jpeg()).status == 200


def test_the_gate_goes_on_beside_it(house: Served, program: Client) -> None:
    scraper = house.with_token("metrics", name="scraper")

    def frames() -> float:
        return value(samples(scraper.get("/metrics").text), "frames_seen_total", camera="front")

    before = frames()
    assert until(lambda: sent(program, jpeg()).status == 200 and frames() > before + 3)


def test_while_the_house_is_built_anew_a_picture_is_judged_or_told_to_come_again(house: Served) -> None:
    program = house.with_token("infer", "control", name="changer")
    stop, statuses = threading.Event(), Counter[int]()

    def post() -> None:
        while not stop.is_set():
            statuses[sent(program, jpeg()).status] += 1

    with ThreadPoolExecutor(2) as pool:
        posting = [pool.submit(post) for _ in range(2)]
        for threshold in (0.4, 0.45, 0.5):
            wish = json.dumps({"detector": {"score_threshold": threshold}}).encode()
            changed = program.ask("PATCH", "/api/v1/config", wish, headers={"Content-Type": "application/json"})
            assert changed.json()["changed"] == ["detector.score_threshold"], changed
        stop.set()
        for each in posting:
            each.result(60)
    assert set(statuses) <= {200, 503}, statuses
    assert statuses[200]
    assert sent(program, jpeg()).status == 200


def test_the_page_cannot_be_wished_away(house: Served) -> None:
    program = house.with_token("control", name="locksmith")
    for wish in ({"web": {"enabled": False}}, {"web": None}, {"web": {"port": 1}}, {"mqtt": {"transport": "mqtt"}}):
        headers = {"Content-Type": "application/json"}
        answer = program.ask("PATCH", "/api/v1/config", json.dumps(wish).encode(), headers=headers)
        assert answer.status in (200, 403), answer
        assert answer.status == 403 or answer.json()["changed"] == []
    over = json.dumps({"set": {"web": {"enabled": False}}}).encode()
    answer = program.ask("POST", "/api/v1/commands/configure", over, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (403, "not_allowed")
    wrong = b'{"cctv": {"streek": 4}}'
    answer = program.ask("PATCH", "/api/v1/config", wrong, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert "did you mean" in answer.json()["detail"]
    assert house.client().get("/healthz").status == 200


def test_commands_are_taken_without_a_broker(house: Served) -> None:
    program = house.with_token("control", name="operator")
    status = program.ask("POST", "/api/v1/commands/status").json()
    assert status["ok"]
    assert {"part": "camera front", "state": "ok", "text": "ok"} in status["parts"]
    seen = program.ask(
        "POST", "/api/v1/commands/infer", b'{"camera": "front"}', headers={"Content-Type": "application/json"}
    )
    assert seen.json()["camera"] == "front", seen
    unknown = program.ask(
        "POST", "/api/v1/commands/infer", b'{"camera": "back"}', headers={"Content-Type": "application/json"}
    )
    assert (unknown.status, unknown.json()["code"]) == (400, "bad_request")


def test_a_house_without_cameras_judges_pictures_too(tmp_path: Path) -> None:
    (tmp_path / "readings.csv").write_text("seconds,value\n0,36.5\n")
    sensor = {"name": "hall", "kind": "replay", "path": str(tmp_path / "readings.csv"), "loop": True}
    with served(tmp_path, cameras=[], sensors=[sensor]) as house:
        program = house.with_token("infer")
        assert sent(program, jpeg()).json()["verdict"] == "mask"
        assert (
            sent(program, pictures.encoded(".png", np.full((480, 640, 3), 90, np.uint8))).json()["verdict"] == "nobody"
        )


def test_a_house_of_several_lanes_judges_pictures_too(tmp_path: Path) -> None:
    camera = {"name": "hall", "source": f"images:{tmp_path / 'scene'}", "role": "cctv", "interval": "0s", "loop": True}
    with served(tmp_path, cameras=[camera]) as house:
        program = house.with_token("infer")
        assert until(lambda: sent(program, jpeg()).status == 200)
        assert house.daemon.stop() == 0
