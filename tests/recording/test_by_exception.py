"""Report by exception: all readings are kept, few are sent, and no receiver takes that for a loss."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.ledger.rows import BOOT

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Quality, Reading
from edge_mask.recording.by_exception import Sending
from edge_mask.recording.intake import Intake
from edge_mask.rules.rule_set import RuleSet
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

AT = Moment(Seconds(1.0), Unix(1_790_000_000.0))
RULE = """
all:
  sql: "SELECT flow FROM 'edge-mask/t/flow'"
  actions: [{republish: {topic: house/flow, qos: 1}}]
"""


def reading(value: float, quantity: str = "flow", sensor: str = "main", quality: Quality = Quality.GOOD) -> Reading:
    return Reading(sensor, quantity, value, "m3/h", AT, quality)


@pytest.mark.parametrize(
    ("which", "band", "values", "sent"),
    [
        ("all", None, [1, 1, 1], [1, 1, 1]),
        ("summaries", None, [1, 2, 3], []),
        ("changes", None, [1, 1, 1.001, 1], [1, 1.001, 1]),
        ("changes", 0.5, [1, 1.5, 1.51, 1.2, 1.0], [1, 1.51, 1.0]),
        ("changes", {"flow": 0.5}, [1, 1.4, 1.6], [1, 1.6]),
        ("changes", {"pressure": 9}, [1, 1.4, 1.4], [1, 1.4]),
        ("changes", 0.5, [1, 1.2, 1.4, 1.6, 1.8], [1, 1.6]),  # against what was sent: a creeping value is not lost
        ("changes", 5, [1, float("nan"), 1], [1, float("nan"), 1]),
    ],
)
def test_which_readings_are_sent(which: Any, band: Any, values: list[float], sent: list[float]) -> None:
    sending = Sending(which, band)
    assert repr([value for value in values if sending.wants(reading(value))]) == repr(sent)


def test_each_series_and_each_change_of_quality_counts_by_itself() -> None:
    sending = Sending("changes", 1.0)
    told = [
        reading(1.0), reading(1.0, "pressure"), reading(1.0, sensor="other"), reading(1.2),
        reading(1.2, quality=Quality.OUTLIER), reading(1.3, quality=Quality.OUTLIER), reading(1.3),
    ]  # fmt: skip
    assert [sending.wants(each) for each in told] == [True, True, True, False, True, False, True]


@pytest.mark.parametrize("which", ["changes", "summaries"])
def test_what_is_not_sent_is_kept_and_seen_by_rules_and_takes_no_number(
    tmp_path: Path, which: Literal["changes", "summaries"]
) -> None:
    (tmp_path / "rules.yaml").write_text(RULE)
    ledger = Ledger(tmp_path / "db", Bounds(), BOOT)
    ledger.open()
    intake = Intake(
        thing="t", topics=Topics("edge-mask/{thing}", "t"), sequences=ledger.sequences, shadows=ledger.shadows,
        boot=BOOT, new_id=IdMaker().make, rules=RuleSet.load([tmp_path / "rules.yaml"]), sending=Sending(which, 0.5),
    )  # fmt: skip
    admitted = [intake.admit(reading(value)) for value in (1.0, 1.1, 2.0, 2.1, 3.0)]
    ledger.close()
    assert [len(each.events) for each in admitted] == [1] * 5
    made = [row.message for each in admitted for row in each.outgoing]
    assert [json.loads(each.payload)["flow"] for each in made if each.topic == "house/flow"] == [
        1.0,
        1.1,
        2.0,
        2.1,
        3.0,
    ]
    own = [json.loads(each.payload) for each in made if each.topic == "edge-mask/t/flow"]
    wanted = [] if which == "summaries" else [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert [(each["seq"], each["flow"]) for each in own] == wanted
