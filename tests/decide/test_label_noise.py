"""Labels that are wrong in one look of five, by a fixed seed; `benchmarks.label_noise` counts more."""

import numpy as np
import pytest
from benchmarks.label_noise import Setting, outcome, simulated

from edge_mask.messages import MASK, NO_MASK

VISITS = 400


@pytest.mark.parametrize("label", [MASK, NO_MASK])
@pytest.mark.parametrize("is_worst", [False, True])
def test_one_wrong_label_in_five_leads_to_the_right_verdict(label: str, is_worst: bool) -> None:
    setting = Setting(label, 0.2, is_worst)
    said = [outcome(setting, simulated(setting, np.random.default_rng(seed))) for seed in range(VISITS)]
    assert said.count("right") >= 0.995 * VISITS


def test_labels_that_agree_decide_at_the_fifth_look() -> None:
    setting = Setting(MASK, 0.2, noise=0.0)
    assert [visit.time_to_verdict_ms for visit in simulated(setting, np.random.default_rng(0))] == [800]
