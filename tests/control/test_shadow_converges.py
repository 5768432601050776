"""Whatever happens on the way, in the end the wish is in force, nothing of others is lost, and the report is right."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.control.cloud_service import CloudShadow, Rejected
from tests.control.test_named_shadow import TOPICS, Device

from edge_mask.control import difference
from edge_mask.control.cloud.orders import Configure, Order, Say
from edge_mask.control.wishes import InForce
from edge_mask.settings.overlay import merged

KEYS = st.sampled_from(["a", "b"])
VALUES = st.integers(1, 3) | st.none()
PATCHES = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, min_size=1, max_size=2), min_size=1, max_size=2)
STEPS = st.one_of(
    st.tuples(st.just("desire"), PATCHES),
    st.tuples(st.just("command"), st.integers(1, 3)),
    st.tuples(st.just("time"), st.sampled_from([0.5, 3.0, 40.0])),
    st.tuples(st.just("lose"), st.booleans()),
    st.tuples(st.just("reconnect"), st.none()),
    st.tuples(st.just("crash"), st.booleans()),
    st.tuples(st.just("delete"), st.none()),
)


class World:
    """A device, its shadow in the cloud, and a line between them that may lose what is sent."""

    def __init__(self, folder: Path) -> None:
        self.device = Device(folder)
        self.cloud = CloudShadow()
        self.is_lossy = False
        self.wish: Configure | None = None
        self.carry(self.device.connect())

    def hear(self, topic: str, content: Any) -> None:
        if not self.is_lossy:
            self.carry(self.device.hear(topic, content))

    def carry(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Configure):
                self.wish = order
            elif isinstance(order, Say) and not self.is_lossy:
                self.answer(order)

    def answer(self, said: Say) -> None:
        content = json.loads(said.payload)
        token = {"clientToken": content["clientToken"]}
        if said.topic == TOPICS.get and not self.cloud.exists:
            self.hear(TOPICS.get_rejected, {"code": 404, **token})
        elif said.topic == TOPICS.get:
            self.hear(TOPICS.got, {**self.cloud.document(), **token})
        else:
            self.update(content, token)

    def update(self, content: Any, token: dict[str, str]) -> None:
        try:
            self.cloud.update(content)
        except Rejected as error:
            self.hear(TOPICS.update_rejected, {**error.content, **token})
        else:
            self.hear(TOPICS.documents, {"current": self.cloud.document(), **token})

    def apply(self) -> None:
        """The house with the wish runs, and the wish is kept."""
        if self.wish is not None:
            force = self.device.force
            self.device.force = InForce(merged(force.config, self.wish.part), force.version + 1, force.model)

    def end(self) -> None:
        """What was begun comes into force."""
        if self.wish is not None:
            self.apply()
            self.wish = None
            self.carry(self.device.end(None))

    def take(self, what: str, value: Any) -> None:
        match what:
            case "desire":
                self.update({"state": {"desired": {"config": value}}}, {})
            case "command":
                self.end()
                force = self.device.force
                self.device.force = InForce(merged(force.config, {"other": value}), force.version + 1, force.model)
            case "time":
                self.end()
                self.carry(self.device.turn(value))
            case "lose":
                self.is_lossy = value
            case "reconnect":
                self.carry(self.device.connect())
            case "crash":
                if value:
                    self.apply()
                self.wish = None
                self.device.restart()
                self.carry(self.device.connect())
            case "delete" if self.cloud.exists:
                self.cloud.state, self.cloud.exists = {}, False
                self.hear(TOPICS.deleted, {"version": self.cloud.version})

    def settle(self) -> None:
        self.is_lossy = False
        self.carry(self.device.connect())
        for _ in range(60):
            self.end()
            self.carry(self.device.turn(40.0))


@given(st.lists(STEPS, max_size=14))
@example([("desire", {"a": 1}), ("crash", True), ("desire", {"a": None})])
@example([("desire", {"a": 1}), ("time", 3.0), ("delete", None), ("desire", {"a": 1}), ("crash", True)])
@settings(max_examples=200)
def test_whatever_happens_the_wish_comes_into_force_and_is_reported(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        crashes = 0
        for what, value in steps:
            crashes += what == "crash"
            if what != "crash" or crashes == 1:  # a second one during the same wish would have it refused
                world.take(what, value)
        world.settle()
        overlay = difference.full(world.device.force.config)
        wished = difference.full(world.cloud.desired.get("config", {}))
        assert {key: value for key, value in overlay.items() if key != "other"} == wished
        assert ("other" in overlay) == any(what == "command" for what, _ in steps)
        assert difference.full(world.cloud.reported.get("config", {})) == overlay
        assert world.cloud.reported["config_version"] == world.device.force.version
        assert "rejected" not in world.cloud.reported
