"""The browsers that want to be told: kept safely, bounded, and no way into the network of the device."""

import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.notify.browser import Browser, unsealed
from tests.notify.test_senders import notice

from edge_mask.deliver.http_connection import HttpConnection
from edge_mask.deliver.http_request import Origin
from edge_mask.deliver.public_address import is_public
from edge_mask.deliver.transport import Stale
from edge_mask.errors import Refused
from edge_mask.notify.subscriptions import MOST, MOST_OF_A_USER, Subscriptions, store_path
from edge_mask.notify.vapid import Vapid
from edge_mask.notify.web_push import post_for
from edge_mask.runtime.clock import SystemClock
from edge_mask.units import Seconds, Unix


def browser(number: int) -> dict[str, Any]:
    return Browser(f"https://push.example.org/send/{number}").to_json()


def test_a_subscription_outlives_the_program_and_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    path = store_path(tmp_path / "edge-mask.db")
    kept = Subscriptions(path)
    wish = browser(1)
    made = kept.add("kim", wish)
    kept.add("kim", wish)
    assert kept.ids() == [made.id]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Subscriptions(path)
    assert again.get(made.id) == made
    assert not again.remove(made.id, user="lee"), "nobody removes what is another's"
    assert again.remove(made.id, user="kim")
    assert Subscriptions(path).ids() == []


def test_a_user_and_a_device_have_a_bounded_number(tmp_path: Path) -> None:
    kept = Subscriptions(tmp_path / "s.json")
    for number in range(MOST_OF_A_USER):
        kept.add("kim", browser(number))
    with pytest.raises(Refused, match="of this user"):
        kept.add("kim", browser(99))
    kept.add("kim", browser(0))  # the same one again is no other one
    for number in range(100, 100 + MOST - MOST_OF_A_USER):
        kept.add(f"user-{number % 9}", browser(number))
    with pytest.raises(Refused, match="already"):
        kept.add("park", browser(999))


def test_who_is_no_user_any_more_is_not_told(tmp_path: Path) -> None:
    users = {"kim", "lee"}
    kept = Subscriptions(tmp_path / "s.json", users=lambda: users)
    kept.add("kim", browser(1))
    lees = kept.add("lee", browser(2))
    users.remove("kim")
    before = (tmp_path / "s.json").read_bytes()
    assert len(kept) == 1
    assert (tmp_path / "s.json").read_bytes() == before
    assert kept.ids() == [lees.id]
    users.add("kim")
    assert kept.ids() == [lees.id], "a new user of the old name is somebody else"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"subscriptions": [{"user": "kim"}]}', "\udcff"])
def test_a_damaged_file_is_written_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    kept = Subscriptions(path)
    assert kept.ids() == []
    kept.add("kim", browser(1))
    assert len(json.loads(path.read_text())["subscriptions"]) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x", "https://localhost/x", "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x",
        "https://192.168.1.1/x", "https://169.254.169.254/latest", "https://[fd00::1]/x", "https://[::ffff:10.0.0.1]/x",
        "https://gate/x", "https://gate.local/x", "https://a@push.example.org/x", "https://push.example.org:22/x",
        "https://push.example.org:99999/x", "https://2130706433/x", "https://0x7f.1/x", "file:///etc/passwd", "ftp://a.b/x",
        "https://push.example.org/" + "x" * 2000, "https://push.example.org/\r\nX: y", "https://", "",
        "https://푸시.example.org/x", "https://100.64.0.1/x", "https://0.0.0.0/x", "https://[64:ff9b::a00:1]/x",
    ],
)  # fmt: skip
def test_an_address_that_could_lead_into_the_network_is_refused(tmp_path: Path, endpoint: str) -> None:
    wish = browser(1) | {"endpoint": endpoint}
    with pytest.raises(Refused) as refused:
        Subscriptions(tmp_path / "s.json").add("kim", wish)
    assert "xxxx" not in str(refused.value)
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize(
    "wish",
    [
        None, [], "x", {}, {"endpoint": "https://push.example.org/x"},
        {"endpoint": 7, "keys": {"p256dh": "a", "auth": "b"}},
        {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "a", "auth": "b"}},
        {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "!!", "auth": None}},
        {"endpoint": "https://push.example.org/x", "keys": []},
    ],
)  # fmt: skip
def test_what_is_no_subscription_gets_a_sentence(tmp_path: Path, wish: Any) -> None:
    with pytest.raises(Refused):
        Subscriptions(tmp_path / "s.json").add("kim", wish)


def test_what_counts_as_public() -> None:
    assert [is_public(a) for a in ("142.250.1.1", "2a00:1450::1")] == [True, True]
    inside = ("10.1.2.3", "fe80::1%eth0", "224.0.0.1", "2002:0a00:0001::", "::", "255.255.255.255", "x", "")
    assert [address for address in inside if is_public(address)] == []


def test_a_name_that_leads_inside_when_it_is_connected_to_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name was public when the browser asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
        may = Subscriptions(Path("/nowhere")).may_connect
        connection = HttpConnection(
            Origin("https", "push.example.org", port), None, Seconds(2.0), SystemClock(lambda: True), may
        )
        from edge_mask.deliver.http_request import request_of
        from edge_mask.messages import Message, Priority

        url = f"https://push.example.org:{port}/x"
        request = request_of(Message(topic=url, payload=b"", priority=Priority.URGENT, qos=1))
        with pytest.raises(Exception, match="not in the public internet"):
            connection.post(request)
        listening.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_push_is_sealed_for_its_browser_and_names_no_more_than_it_must(tmp_path: Path) -> None:
    kept, theirs = Subscriptions(tmp_path / "s.json"), Browser()
    made = kept.add("kim", theirs.to_json())
    vapid = Vapid(tmp_path / "k.pem", "mailto:a@example.org")
    told = notice(text="😷" * 4000, snapshot="20260701T120000.000Z-front-no-mask.jpg", priority="urgent")
    post = post_for(made.id, told, kept, vapid, lasting=90.7, now=Unix(1_790_000_000.0))
    headers = dict(post.headers)
    assert (headers["TTL"], headers["Urgency"], headers["Content-Encoding"]) == ("90", "high", "aes128gcm")
    assert len(post.body) <= 4096
    words = json.loads(unsealed(post.body, theirs))
    assert words["title"] == told.title
    assert words["body"].endswith("…")
    assert words["tag"] == words["event"] == words["picture"] == "event-1"
    with pytest.raises(Stale, match="removed"):
        post_for("gone", told, kept, vapid, lasting=1, now=Unix(1_790_000_000.0))
