"""For whom the gate opens, and what of it is built at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.act.trees import led
from tests.ledger.rows import visit

from edge_mask.app.gate_devices import GateDevices
from edge_mask.messages import Visit
from edge_mask.recording.mail import Inbox
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings import Settings
from edge_mask.units import Moment

THERE = replace(visit(), time_to_verdict_ms=800)


def devices(role: str = "gate", **gate: Any) -> tuple[GateDevices, Inbox]:
    settings = Settings.model_validate(
        {
            "cameras": [{"name": "front", "source": "usb:0", "role": role}],
            "outputs": [{"name": "relay", "kind": "led", "path": "relay"}],
            "sensors": [{"name": "beam", "kind": "mqtt", "topic": "beam", "quantity": "passage"}],
            "gate": gate,
        }
    )
    inbox = Inbox()
    return GateDevices(settings, inbox, lambda _at: "id", ManualClock()), inbox


@pytest.mark.parametrize(
    ("event", "opens"),
    [
        (THERE, True),
        (replace(THERE, verdict="no_pass"), False),
        (replace(THERE, time_to_verdict_ms=None), False),  # said of somebody who has left
    ],
)
def test_it_opens_for_a_pass_of_somebody_who_is_there(
    event: Visit, opens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    led(tmp_path, "relay")
    monkeypatch.setenv("EDGE_MASK_SYSFS", str(tmp_path))
    made, inbox = devices(output="relay")
    asked: list[Moment] = []
    assert made.output is not None
    monkeypatch.setattr(made.output, "open", asked.append)
    made.emit(event)
    assert bool(asked) is opens
    assert inbox.mailbox.take_many(10, 0.0) == [event]


def test_what_is_not_configured_is_not_built() -> None:
    made, inbox = devices()
    assert (made.output, made.desk, made.jobs, made.last([]), made.is_settled) == (None, None, [], [], True)
    assert (made.listeners, made.on_connection, made.switches) == ({}, [], {})
    made.emit(THERE)
    assert inbox.mailbox.take_many(10, 0.0) == [THERE]


def test_without_a_gate_camera_nobody_waits_for_the_sensor() -> None:
    assert devices("cctv", passage_sensor="beam")[0].desk is None
    assert devices(passage_sensor="beam")[0].desk is not None
