"""The table of the named shadow: what is desired is taken over once, what comes of it is reported, and storms end."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.control import difference
from edge_mask.control.cloud.orders import Activate, Configure, Order, Say
from edge_mask.control.cloud.shadow import WishShadow
from edge_mask.control.cloud.taking_over import TakingOver
from edge_mask.control.cloud.wished import Memory
from edge_mask.control.kept import Kept
from edge_mask.control.wishes import InForce
from edge_mask.errors import ConfigurationError, DatabaseError, TryLater
from edge_mask.settings.overlay import merged
from edge_mask.wire.topics import WISHES, ShadowTopics

TOPICS = ShadowTopics("gate-01", WISHES)
VOTES = {"config": {"gate": {"votes": 3}}}


class Device:
    """A device around the table, which carries its orders out when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "edge-mask.db.shadow.json"
        self.force = InForce({}, 0, ("mask-detector", "1.0.0"))
        self.now = 100.0
        self.version = 0
        self.wanted: Any = {}
        self.reported: dict[str, Any] = {}
        self.tokens = 0
        self.restart()

    def restart(self) -> None:
        """The process begins anew, with what lies on the disk."""
        taking = TakingOver(Memory(Kept(self.file)), lambda: self.force)
        self.table = WishShadow(TOPICS, taking, lambda: self.force, program="0.1.0", new_token=self.token)

    def token(self) -> str:
        self.tokens += 1
        return f"t{self.tokens}"

    def connect(self) -> list[Order]:
        self.table.connected(self.now)
        return self.turn()

    def turn(self, seconds: float = 0.0) -> list[Order]:
        self.now += seconds
        return self.table.turn(self.now)

    def hear(self, topic: str, content: Any) -> list[Order]:
        self.table.hear(topic, content if isinstance(content, bytes) else json.dumps(content).encode(), self.now)
        return self.turn()

    def desired(self, desired: Any, version: int | None = None, token: str = "") -> list[Order]:
        """The cloud tells of its newest version."""
        self.wanted = desired
        self.version = self.version + 1 if version is None else version
        state = {"desired": desired, "reported": self.reported}
        return self.hear(TOPICS.documents, {"current": {"state": state, "version": self.version}, "clientToken": token})

    def accept(self, orders: list[Order]) -> None:
        """The cloud takes a report."""
        content = said(orders)
        self.reported = merged(self.reported, content["state"]["reported"])
        self.version += 1
        current = {"state": {"desired": self.wanted, "reported": self.reported}, "version": self.version}
        self.hear(TOPICS.documents, {"current": current, "clientToken": content["clientToken"]})

    def carry_out(self, orders: list[Order]) -> list[Order]:
        """The wish comes into force."""
        (order,) = orders
        if isinstance(order, Configure):
            self.force = InForce(merged(self.force.config, order.part), self.force.version + 1, self.force.model)
        elif isinstance(order, Activate):
            self.force = InForce(self.force.config, self.force.version, (order.name, order.version))
        return self.end(None)

    def end(self, error: Exception | None, seconds: float = 0.0) -> list[Order]:
        self.table.ended(error, self.now)
        return self.turn(seconds)


def said(orders: list[Order]) -> Any:
    (order,) = orders
    assert isinstance(order, Say)
    return json.loads(order.payload)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    made = Device(tmp_path)
    made.connect()
    return made


def test_each_connection_asks_what_was_wished_meanwhile(tmp_path: Path) -> None:
    device = Device(tmp_path)
    (order,) = device.connect()
    assert isinstance(order, Say)
    assert order.topic == "$aws/things/gate-01/shadow/name/edge-mask/get"
    assert device.turn() == []
    state = {"desired": VOTES}
    assert device.hear(TOPICS.got, {"state": state, "version": 7}) == [Configure({"gate": {"votes": 3}})]


def test_a_service_that_does_not_answer_is_asked_ever_more_seldom(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.connect()
    asked = []
    for second in range(3600):
        asked += [second] * len(device.turn(1.0))
    assert asked[:3] == [4, 14, 34]
    assert len(asked) < 20


def test_what_came_into_force_is_reported(device: Device) -> None:
    report = said(device.carry_out(device.desired(VOTES)))
    assert report["version"] == 1
    assert report["state"] == {"reported": {
        "config": {"gate": {"votes": 3}}, "config_version": 1, "version": "0.1.0",
        "model": {"name": "mask-detector", "version": "1.0.0"},
    }}  # fmt: skip


def test_a_report_that_was_taken_is_not_sent_again(device: Device) -> None:
    device.accept(device.carry_out(device.desired(VOTES)))
    assert device.turn(3600.0) == []


def test_a_device_without_a_shadow_makes_one(device: Device) -> None:
    report = said(device.hear(TOPICS.get_rejected, {"code": 404, "message": "No shadow exists"}))
    assert "version" not in report
    assert report["state"]["reported"]["config_version"] == 0


def test_a_null_takes_back_only_what_the_shadow_had_set(device: Device) -> None:
    device.carry_out(device.desired({"config": {"gate": {"votes": 3}, "health": {"interval": "9s"}}}))
    device.force = InForce(merged(device.force.config, {"gate": {"window": "4s"}}), 2, device.force.model)  # a command
    assert device.turn(10.0)
    assert device.desired({}) == [Configure({"gate": {"votes": None}, "health": None})]


def test_only_what_changed_is_wished_again(device: Device) -> None:
    device.carry_out(device.desired(VOTES))
    device.force = InForce({"gate": {"votes": 9}}, 2, device.force.model)  # a command came later, and it counts
    device.turn(10.0)
    more = {"config": {**VOTES["config"], "cctv": {"streak": 4}}}
    assert device.desired(more) == [Configure({"cctv": {"streak": 4}})]


def test_a_device_that_lost_its_overlay_does_all_of_it_again(device: Device) -> None:
    device.carry_out(device.desired(VOTES))
    device.force = InForce({}, 0, None)
    device.restart()
    device.connect()
    assert device.desired(VOTES) == [Configure({"gate": {"votes": 3}})]


def test_after_a_restart_nothing_is_done_twice(device: Device) -> None:
    device.carry_out(device.desired(VOTES))
    device.restart()
    device.connect()
    assert isinstance(device.desired(VOTES)[0], Say)


def test_a_refused_wish_says_why_and_does_not_come_again(device: Device) -> None:
    device.desired(VOTES)
    report = said(device.end(ConfigurationError(["shadow: gate.votes: found 0; allowed: more"])))
    told = {"version": 1, "key": "gate.votes", "text": "gate.votes: found 0; allowed: more"}
    assert report["state"]["reported"]["rejected"] == told
    device.reported = report["state"]["reported"]
    assert device.desired(VOTES, token="t2") == []
    device.restart()
    device.connect()
    assert device.desired(VOTES) == []
    assert device.desired({"config": {"gate": {"votes": 4}}}) == [Configure({"gate": {"votes": 4}})]


def test_a_refused_wish_that_is_taken_back_is_no_longer_told(device: Device) -> None:
    device.desired(VOTES)
    device.accept(device.end(DatabaseError("the disk went away")))
    device.now += 10.0
    assert said(device.desired({}))["state"]["reported"] == {"rejected": None}


@pytest.mark.parametrize(
    ("desired", "key", "text"),
    [
        ({"confg": {}}, "confg", "did you mean config"),
        ({"config": 5}, "config", "is no object"),
        ({"config": []}, "config", "is no object"),
        ({"model": "mask"}, "model", "expected"),
        ({"model": {"name": "m"}}, "model", "expected"),
        ({"model": {"name": "m", "version": 1}}, "model", "expected"),
    ],
)
def test_a_wish_of_another_form_is_refused_with_a_sentence(device: Device, desired: Any, key: str, text: str) -> None:
    rejected = said(device.desired(desired))["state"]["reported"]["rejected"]
    assert rejected["key"] == key
    assert text in rejected["text"]


def test_the_consoles_greeting_is_no_wish(device: Device) -> None:
    report = said(device.desired({"welcome": "aws-iot"}))
    assert "rejected" not in report["state"]["reported"]


def test_a_model_is_chosen_after_the_configuration_and_refused_alone(device: Device) -> None:
    wish = {**VOTES, "model": {"name": "mask-detector", "version": "2.0.0"}}
    second = device.carry_out(device.desired(wish))
    assert second == [Activate("mask-detector", "2.0.0")]
    report = said(device.end(DatabaseError("mask-detector 2.0.0: is not installed")))["state"]["reported"]
    assert (report["config"], report["rejected"]["key"]) == ({"gate": {"votes": 3}}, "model")
    device.now += 10.0
    assert device.desired({**VOTES, "model": {"name": "mask-detector", "version": "3.0.0"}}) == [
        Activate("mask-detector", "3.0.0")
    ]


def test_the_model_that_looks_already_is_not_chosen_again(device: Device) -> None:
    (order,) = device.desired({"model": {"name": "mask-detector", "version": "1.0.0"}})
    assert isinstance(order, Say)


def test_an_older_version_that_comes_late_is_ignored(device: Device) -> None:
    device.carry_out(device.desired(VOTES, version=5))
    device.now += 10.0
    late = device.desired({"config": {"gate": {"votes": 8}}}, version=4)
    assert not any(isinstance(order, Configure) for order in late)


def test_a_storm_costs_a_few_wishes_and_ends_with_the_last(device: Device) -> None:
    taken = 0
    orders: list[Order] = []
    for number in range(1, 101):
        orders = device.desired({"config": {"gate": {"votes": number}}}) or device.turn(0.05)
        if orders and isinstance(orders[0], Configure):
            taken += 1
            orders = device.carry_out(orders)
    while device.force.config != {"gate": {"votes": 100}}:
        orders = device.turn(0.5)
        if orders and isinstance(orders[0], Configure):
            taken += 1
            device.carry_out(orders)
    assert taken <= 5


def test_while_one_wish_is_taken_over_another_waits(device: Device) -> None:
    device.desired(VOTES)
    assert device.desired({"config": {"gate": {"votes": 4}}}) == []
    orders = device.carry_out([Configure({"gate": {"votes": 3}})])
    assert not any(isinstance(order, Configure) for order in orders)
    assert device.turn(2.0) == [Configure({"gate": {"votes": 4}})]


def test_a_wish_that_could_not_be_tried_now_comes_later(device: Device) -> None:
    device.desired(VOTES)
    device.end(TryLater("another configuration came meanwhile"))
    device.turn(1.0)
    assert device.turn(5.0) == [Configure({"gate": {"votes": 3}})]


def test_a_wish_that_ends_the_process_is_not_tried_for_ever(device: Device) -> None:
    for _ in range(2):
        assert device.desired(VOTES) == [Configure({"gate": {"votes": 3}})]
        device.restart()  # without an end
        device.connect()
    rejected = said(device.desired(VOTES))["state"]["reported"]["rejected"]
    assert "the daemon ended 2 times" in rejected["text"]


def test_a_wish_waits_while_the_disk_cannot_note_that_it_begins(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.file = device.file.parent / "full" / "shadow.json"
    device.restart()
    device.connect()
    assert not any(isinstance(order, Configure) for order in device.desired(VOTES))
    device.turn(400.0)
    assert caplog.text.count("are not remembered over a restart") == 1
    device.file.parent.mkdir()
    assert device.turn(400.0) == [Configure({"gate": {"votes": 3}})]


def test_a_clean_stop_is_no_try(device: Device) -> None:
    for _ in range(5):
        device.desired(VOTES)
        device.end(TryLater("the program is stopping"))
        device.restart()
        device.connect()
    assert device.desired(VOTES) == [Configure({"gate": {"votes": 3}})]


def test_a_version_conflict_asks_for_the_shadow_and_converges(device: Device) -> None:
    report = said(device.desired({}))
    rejected = {"code": 409, "message": "Version conflict", "clientToken": report["clientToken"]}
    device.hear(TOPICS.update_rejected, rejected)
    (ask,) = device.turn(2.0)
    assert isinstance(ask, Say)
    assert ask.topic == TOPICS.get
    again = device.hear(TOPICS.got, {"state": {}, "version": 9})
    assert said(again)["version"] == 9


def test_conflicts_without_end_are_answered_ever_more_seldom(device: Device) -> None:
    device.version = 1
    orders = device.desired({})
    said_at: list[float] = []
    for _ in range(1200):
        for order in orders:
            content = json.loads(order.payload) if isinstance(order, Say) else {}
            if isinstance(order, Say) and order.topic == TOPICS.update:
                said_at.append(device.now)
                device.hear(TOPICS.update_rejected, {"code": 409, "clientToken": content["clientToken"]})
            else:
                device.version += 1
                device.hear(TOPICS.got, {"state": {}, "version": device.version})
        orders = device.turn(0.5)
    assert 3 < len(said_at) < 40


def test_a_rejection_of_somebody_elses_update_means_nothing(device: Device) -> None:
    device.desired({})
    assert device.hear(TOPICS.update_rejected, {"code": 409, "clientToken": "theirs"}) == []
    assert device.hear(TOPICS.update_rejected, {"code": 409}) == []


def test_what_the_service_never_takes_is_not_sent_for_ever(device: Device) -> None:
    report = said(device.desired({}))
    device.hear(TOPICS.update_rejected, {"code": 400, "clientToken": report["clientToken"]})
    assert [device.turn(100.0) for _ in range(20)] == [[]] * 20


def test_a_report_that_is_lost_on_its_way_is_sent_again(device: Device) -> None:
    first = said(device.desired({}))
    assert device.turn(5.0) == []
    assert said(device.turn(6.0))["state"] == first["state"]


def test_a_shadow_that_keeps_something_else_is_not_told_for_ever(device: Device) -> None:
    report = said(device.desired({}))
    device.desired({}, token=report["clientToken"])  # taken, and nothing is different
    assert [device.turn(100.0) for _ in range(20)] == [[]] * 20


def test_a_deleted_shadow_takes_its_wishes_back(device: Device) -> None:
    device.carry_out(device.desired(VOTES))
    device.now += 10.0
    assert device.hear(TOPICS.deleted, {"version": 2, "timestamp": 1}) == [Configure({"gate": None})]


def test_passwords_in_addresses_are_not_reported(device: Device) -> None:
    camera = [{"name": "hall", "source": "rtsp://admin:sesame@10.0.0.7/1"}]
    orders = device.carry_out(device.desired({"config": {"cameras": camera}}))
    assert b"sesame" not in orders[0].payload  # type: ignore[union-attr]
    assert said(orders)["state"]["reported"]["config"]["cameras"][0]["source"] == "rtsp://***@10.0.0.7/1"


def test_what_is_too_large_to_be_reported_leaves_the_rest_reported(device: Device) -> None:
    long = {"config": {"device": {"labels": {"description": "x " * 2500}}}}
    reported = said(device.carry_out(device.desired(long)))["state"]["reported"]
    assert "config" not in reported
    assert reported["config_version"] == 1


GARBAGE = [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b"NaN", b'{"version": NaN}', b"[" * 100_000,
    b'{"a":' * 50_000, b"9" * 10_000, b'{"state": 5, "version": 1}', b'{"state": {"desired": 5}, "version": 1}',
    b'{"version": true}',
    b'{"version": -1}', b'{"version": 1e99}', b'{"current": []}', b'{"code": {}}', b'{"clientToken": 5, "code": 409}',
    b'{"state": {"desired": {"config": ' + b'{"a":' * 70 + b"1" + b"}" * 70 + b'}}, "version": 3}',
]  # fmt: skip


@pytest.mark.parametrize("topic", TOPICS.heard)
@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_on_its_topics_changes_nothing(device: Device, topic: str, number: int) -> None:
    device.carry_out(device.desired({}))
    device.hear(topic, GARBAGE[number])
    device.now += 20.0
    assert device.desired(VOTES) == [Configure({"gate": {"votes": 3}})]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
STATES = st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON, max_size=3).map(lambda state: merged({}, state))


@given(STATES, STATES)
def test_a_patch_makes_the_one_out_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert difference.full(merged(before, difference.patch(before, after))) == difference.full(after)


@given(STATES, STATES, STATES)
def test_a_wish_sets_what_is_new_and_leaves_what_others_set(
    before: dict[str, Any], after: dict[str, Any], others: dict[str, Any]
) -> None:
    mine_only = merged({}, before)
    assert difference.full(merged(mine_only, difference.wish(before, after, mine_only))) == difference.full(after)
    theirs = {f"other-{key}": value for key, value in others.items()}
    both = merged(theirs, before)
    found = merged(both, difference.wish(before, after, both))
    assert {key: value for key, value in found.items() if key.startswith("other-")} == theirs
