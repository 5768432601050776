"""Browsers that want to be told: subscribed and forgotten over HTTP, by whoever is logged in."""

import json
from pathlib import Path
from typing import Any

from tests.notify.browser import Browser
from tests.web.asking import Answer, Asking, asking, site

from edge_mask.notify.push import Push
from edge_mask.notify.subscriptions import MOST_OF_A_USER, Subscriptions
from edge_mask.notify.vapid import Vapid, from_base64url

PLACE = "/api/v1/push/subscriptions"


def house(folder: Path, **who: Any) -> Asking:
    push = Push(Subscriptions(folder / "push.json"), Vapid(folder / "vapid.pem", "mailto:a@example.org"))
    return asking(site(folder, push=push), **who)


def send(person: Asking, body: Any, method: str = "POST", kind: str = "application/json") -> Answer:
    words = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"origin": "http://127.0.0.1:8080", "content_type": kind}
    return person.ask(method, PLACE, words, headers=headers)


def test_a_browser_subscribes_with_the_key_and_is_forgotten_again(tmp_path: Path) -> None:
    viewer = house(tmp_path, who="viewer")
    assert len(from_base64url(viewer.get("/api/v1/push/key").json()["key"])) == 65
    theirs = Browser().to_json()
    made = send(viewer, theirs)
    assert made.status == 201
    assert send(viewer, theirs).json() == made.json()
    assert viewer.get(PLACE).json() == {"items": [made.json()], "next": None}
    assert theirs["endpoint"] not in viewer.get(PLACE).text
    operator = house(tmp_path, who="operator")
    assert operator.get(PLACE).json()["items"] == []
    assert send(operator, made.json(), "DELETE").status == 404, "it is not theirs"
    assert send(house(tmp_path, who="viewer"), {"endpoint": theirs["endpoint"]}, "DELETE").status == 204
    assert send(house(tmp_path, who="viewer"), made.json(), "DELETE").status == 404


def test_strangers_programs_and_other_sites_cannot_subscribe(tmp_path: Path) -> None:
    theirs = Browser().to_json()
    assert send(house(tmp_path), theirs).status == 401
    assert send(house(tmp_path, bearer="read"), theirs).status == 403
    evil = json.dumps(theirs).encode()
    headers = {"origin": "http://evil.test", "content_type": "application/json"}
    assert house(tmp_path, who="viewer").ask("POST", PLACE, evil, headers=headers).status == 403
    assert not (tmp_path / "push.json").exists()


def test_what_is_no_subscription_is_a_problem_with_a_sentence(tmp_path: Path) -> None:
    viewer = house(tmp_path, who="viewer")
    inside = Browser("https://192.168.0.1/admin").to_json()
    for body, status in ((inside, 422), ({}, 422), ([], 422), (b"{", 400), (b"[" * 5000, 400), (b"x" * 9000, 413)):
        answer = send(viewer, body)
        assert answer.status == status, body
        assert answer.headers["content-type"] == "application/problem+json"
    assert send(viewer, Browser().to_json(), kind="text/plain").status == 415
    assert send(viewer, {"id": 7}, "DELETE").status == 422
    for number in range(MOST_OF_A_USER):
        assert send(viewer, Browser(f"https://push.example.org/{number}").to_json()).status == 201
    refused = send(viewer, Browser("https://push.example.org/one-more").to_json())
    assert (refused.status, "already" in refused.json()["detail"]) == (422, True)


def test_without_a_target_there_is_no_key_and_the_worker_is_there_always(tmp_path: Path) -> None:
    stranger = asking(site(tmp_path))
    worker = stranger.get("/sw.js")
    assert (worker.status, worker.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert asking(site(tmp_path), bearer="read").get("/api/v1/push/key").status == 404
