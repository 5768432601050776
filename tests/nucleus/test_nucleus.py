"""The connection of a component to its nucleus, through the real library; each test is named after a fault."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.nucleus.fake import FakeNucleus
from tests.waiting import PATIENCE

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.kinds import Priority
from edge_mask.messages import Message
from edge_mask.nucleus import requests, session, shared
from edge_mask.nucleus.errors import NoConnection, NotAllowed, NotNow
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.place import SOCKET, TOKEN, is_component, place_of_component
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

NOTE = Message(topic="edge-mask/gate-01/visits", payload=b"{}", priority=Priority.EVIDENCE, qos=1)


@pytest.fixture
def fake() -> Iterator[FakeNucleus]:
    with FakeNucleus("lite") as made:
        yield made


class Component:
    """Our side, with what it was told."""

    def __init__(self, fake: FakeNucleus, answer_within: float = 10.0) -> None:
        self.states: queue.Queue[tuple[bool, str]] = queue.Queue()
        self.nucleus = Nucleus(
            lambda: place_of_component(fake.environment),
            answer_within=Seconds(answer_within),
            backoff=Backoff(base=0.02, cap=0.1),
        )
        self.nucleus.watch(lambda connected, reason: self.states.put((connected, reason)))

    def wait_until(self, connected: bool) -> str:
        """Skips what was told before."""
        while True:
            state, reason = self.states.get(timeout=PATIENCE)
            if state is connected:
                return reason

    def error(self, future: "Future[Any]") -> EdgeMaskError:
        found = future.exception(PATIENCE)
        assert isinstance(found, EdgeMaskError)
        return found


@pytest.fixture
def component(fake: FakeNucleus) -> Iterator[Component]:
    made = Component(fake)
    made.nucleus.open()
    made.wait_until(True)
    yield made
    made.nucleus.close(Seconds(2.0))


# -- no way in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [[TOKEN], [SOCKET], [TOKEN, SOCKET]])
def test_outside_of_greengrass_the_sentence_names_what_is_missing(fake: FakeNucleus, missing: list[str]) -> None:
    environment = {name: value for name, value in fake.environment.items() if name not in missing}
    assert not is_component(environment)
    with pytest.raises(Refused, match=r"only works in a Greengrass component.*mqtt\.transport") as found:
        place_of_component(environment)
    assert f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there" in str(found.value)
    assert fake.token not in str(found.value)


def test_a_path_that_no_socket_can_have_is_named(fake: FakeNucleus) -> None:
    with pytest.raises(Refused, match="at most 107 bytes"):
        place_of_component({**fake.environment, SOCKET: "/" + 107 * "x"})


def test_without_the_aws_libraries_the_sentence_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['awscrt'] = None\n"
        "from edge_mask.errors import Refused\n"
        "from edge_mask.nucleus.session import library\n"
        "try: library()\n"
        "except Refused as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'edge-mask[aws]'" in done.stdout


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    script = "import edge_mask.nucleus.shared, sys; print([n for n in sys.modules if n.startswith('aws')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_nucleus_that_is_not_there_yet_is_found_when_it_starts(fake: FakeNucleus) -> None:
    fake.stop()
    component = Component(fake)
    component.nucleus.open()
    assert "is not there" in component.wait_until(False)
    assert isinstance(component.error(component.nucleus.call(requests.configuration())), NoConnection)
    fake.start()
    component.wait_until(True)
    component.nucleus.close(Seconds(2.0))


def test_a_file_where_the_socket_should_be_is_no_nucleus(fake: FakeNucleus) -> None:
    fake.stop()
    fake.socket.write_text("")
    component = Component(fake)
    component.nucleus.open()
    assert "is no socket" in component.wait_until(False)
    component.nucleus.close(Seconds(2.0))


def test_a_socket_on_which_nobody_listens_is_away(fake: FakeNucleus, tmp_path: Path) -> None:
    fake.stop()
    script = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(fake.socket)], check=True)
    component = Component(fake)
    component.nucleus.open()
    assert "cannot be used" in component.wait_until(False)
    component.nucleus.close(Seconds(2.0))


def test_a_wrong_token_is_told_without_showing_it(fake: FakeNucleus) -> None:
    component = Component(fake)
    component.nucleus = Nucleus(lambda: place_of_component({**fake.environment, TOKEN: "of another start"}))
    component.nucleus.watch(lambda connected, reason: component.states.put((connected, reason)))
    component.nucleus.open()
    reason = component.wait_until(False)
    assert "the token in SVCUID is of an earlier start" in reason
    assert "of another start" not in reason
    component.nucleus.close(Seconds(2.0))


# -- in the middle of it -----------------------------------------------------------------------------------------


def test_a_frozen_nucleus_leaves_no_call_pending_and_is_left(fake: FakeNucleus) -> None:
    component = Component(fake, answer_within=0.3)
    component.nucleus.open()
    component.wait_until(True)
    fake.freeze()
    calls = [component.nucleus.call(requests.publish_to_core(NOTE)) for _ in range(3)]
    assert {type(component.error(call)) for call in calls} == {NoConnection}
    assert "has answered nothing for 0.3 s" in component.wait_until(False)
    fake.thaw()
    component.wait_until(True)
    assert component.nucleus.call(requests.publish_to_core(NOTE)).result(PATIENCE) is None
    component.nucleus.close(Seconds(2.0))


def test_a_nucleus_that_accepts_connections_and_says_nothing_is_told(fake: FakeNucleus) -> None:
    fake.freeze()
    component = Component(fake, answer_within=0.2)
    component.nucleus.open()
    assert "does not answer" in component.wait_until(False)
    component.nucleus.close(Seconds(2.0))


def test_one_lost_answer_ends_one_call_and_not_the_connection(fake: FakeNucleus) -> None:
    component = Component(fake, answer_within=2.0)
    component.nucleus.open()
    component.wait_until(True)
    fake.lose_answers(1)
    lost = component.nucleus.call(requests.publish_to_core(NOTE))
    while not lost.done():
        component.nucleus.call(requests.publish_to_core(NOTE)).result(PATIENCE)
    assert "did not answer" in str(component.error(lost))
    assert fake.connections == 1
    component.nucleus.close(Seconds(2.0))


def test_a_lost_connection_ends_open_calls(component: Component, fake: FakeNucleus) -> None:
    fake.freeze()
    call = component.nucleus.call(requests.publish_to_core(NOTE))
    fake.cut()
    assert isinstance(component.error(call), NoConnection)
    component.wait_until(False)


def test_after_a_restart_of_the_nucleus_subscriptions_stand_again(component: Component, fake: FakeNucleus) -> None:
    heard: queue.Queue[Message] = queue.Queue()
    answers: queue.Queue[EdgeMaskError | None] = queue.Queue()
    component.nucleus.follow(requests.from_core("commands/+"), heard.put, answers.put)
    component.nucleus.follow(requests.from_components("commands/+"), heard.put, answers.put)
    for _ in range(2):
        assert [answers.get(timeout=PATIENCE) for _ in range(2)] == [None, None]
        fake.say("commands/status", b"{}", responseTopic="answers", correlationData="AAE=", contentType="text/plain")
        fake.say_locally("commands/status", {"local": True})
        got = [heard.get(timeout=PATIENCE) for _ in range(2)]
        assert [each.topic for each in got] == ["commands/status"] * 2
        assert got[0].properties == {
            "response_topic": "answers",
            "correlation_data": b"\0\1",
            "content_type": "text/plain",
        }
        assert got[1].payload == b'{"local": true}'
        fake.stop()
        component.wait_until(False)
        fake.start()
        component.wait_until(True)


def test_a_listener_that_raises_does_not_end_its_stream(component: Component, fake: FakeNucleus) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    answered = threading.Event()

    def listener(message: Message) -> None:
        heard.put(message.payload)
        raise ValueError("of the listener")

    component.nucleus.follow(requests.from_core("a"), listener, lambda _error: answered.set())
    assert answered.wait(PATIENCE)
    for payload in (b"1", b"2"):
        fake.say("a", payload)
        assert heard.get(timeout=PATIENCE) == payload


def test_a_topic_without_right_is_not_allowed_and_is_no_outage(component: Component, fake: FakeNucleus) -> None:
    fake.deny(NOTE.topic)
    answers: queue.Queue[EdgeMaskError | None] = queue.Queue()
    component.nucleus.follow(requests.from_core(NOTE.topic), lambda _message: None, answers.put)
    assert isinstance(answers.get(timeout=PATIENCE), NotAllowed)
    error = component.error(component.nucleus.call(requests.publish_to_core(NOTE)))
    assert isinstance(error, NotAllowed)
    assert "accessControl" in str(error)
    assert component.nucleus.is_connected


def test_an_error_of_the_nucleus_without_a_message_is_a_sentence(component: Component, fake: FakeNucleus) -> None:
    fake.fail(1)
    error = component.error(component.nucleus.call(requests.publish_to_core(NOTE)))
    assert isinstance(error, NotNow)
    assert str(error) == "publish to AWS IoT Core: the nucleus said ServiceError"


def test_a_request_that_is_no_json_is_refused(component: Component, fake: FakeNucleus) -> None:
    error = component.error(component.nucleus.call(requests.set_configuration({"a": b"bytes"}, [])))
    assert isinstance(error, Refused)
    assert component.nucleus.is_connected


def test_a_frame_that_lite_cannot_take_costs_the_connection(component: Component, fake: FakeNucleus) -> None:
    big = Message(topic="a", payload=bytes(8000), priority=Priority.EVIDENCE, qos=1)
    assert isinstance(component.error(component.nucleus.call(requests.publish_to_core(big))), NoConnection)
    component.wait_until(True)


def test_lite_leaves_streams_open_and_we_end_them(
    component: Component, fake: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LEFT_OPEN", -1.0)
    for _ in range(11):
        component.nucleus.call(requests.publish_to_core(NOTE)).result(PATIENCE)
    fake.wait_for(lambda: fake.ended_by_component >= 10)


def test_closing_while_the_nucleus_is_frozen_ends_calls(component: Component, fake: FakeNucleus) -> None:
    fake.freeze()
    call = component.nucleus.call(requests.publish_to_core(NOTE))
    component.nucleus.close(Seconds(2.0))
    assert isinstance(component.error(call), TryLater)


# -- the component itself ----------------------------------------------------------------------------------------


def test_the_configuration_of_a_recipe_is_texts_on_lite() -> None:
    with FakeNucleus("lite", configuration={"gate": {"votes": 5, "still": True}}) as fake:
        component = Component(fake)
        component.nucleus.open()
        component.wait_until(True)
        assert component.nucleus.call(requests.configuration(["gate"])).result(PATIENCE) == {
            "votes": "5",
            "still": "true",
        }
        error = component.error(component.nucleus.call(requests.configuration(["nothing"])))
        assert isinstance(error, Refused)
        component.nucleus.close(Seconds(2.0))


def test_a_changed_configuration_a_deployment_and_a_state_on_the_classic_nucleus() -> None:
    with FakeNucleus("classic", configuration={"gate": {"votes": 5}}) as fake:
        component = Component(fake)
        nucleus = component.nucleus
        nucleus.open()
        component.wait_until(True)
        heard: queue.Queue[Any] = queue.Queue()
        agreed: queue.Queue[EdgeMaskError | None] = queue.Queue()
        nucleus.follow(requests.configuration_updates(), heard.put, agreed.put)
        nucleus.follow(requests.component_updates(), heard.put, agreed.put)
        nucleus.follow(requests.configuration_proposals(), heard.put, agreed.put)
        assert [agreed.get(timeout=PATIENCE) for _ in range(3)] == [None] * 3
        fake.configure({"gate": {"votes": 7}}, ["gate", "votes"])
        assert heard.get(timeout=PATIENCE) == ("gate", "votes")
        fake.announce_update("d1")
        assert heard.get(timeout=PATIENCE) == requests.ComponentUpdate("d1", is_over=False)
        nucleus.call(requests.defer_update("d1", "a visit is open", Seconds(5.0))).result(PATIENCE)
        assert fake.deferrals == [{"deploymentId": "d1", "message": "a visit is open", "recheckAfterMs": 5000}]
        fake.announce_update("d1", is_over=True)
        assert heard.get(timeout=PATIENCE) == requests.ComponentUpdate("d1", is_over=True)
        fake.propose("d2", {"gate": {"votes": 0}})
        assert heard.get(timeout=PATIENCE) == requests.Proposal("d2", {"gate": {"votes": 0}})
        nucleus.call(requests.judge_proposal("d2", "votes: at least 1")).result(PATIENCE)
        assert fake.judgements[0]["status"] == "REJECTED"
        nucleus.call(requests.update_state("RUNNING")).result(PATIENCE)
        assert fake.states == ["RUNNING"]
        nucleus.close(Seconds(2.0))


def test_the_process_has_one_connection_however_many_borrow_it(
    fake: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    first, second = shared.borrow(), shared.borrow()
    assert first is second
    connected = threading.Event()
    first.watch(lambda is_connected, _reason: connected.set() if is_connected else None)
    assert connected.wait(PATIENCE)
    shared.give_back(Seconds(2.0))
    assert first.is_connected
    shared.give_back(Seconds(2.0))
    assert not second.is_connected
    assert fake.connections == 1
