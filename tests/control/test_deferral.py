"""How long a visit may hold up a deployment."""

from edge_mask.control.deferral import LONGEST, LOOK_AGAIN, Deferral
from edge_mask.units import Seconds


def test_a_deployment_waits_while_somebody_is_at_the_gate_and_goes_on_after_that() -> None:
    deferral = Deferral()
    assert deferral.pause("d1", True, Seconds(100.0)) == LOOK_AGAIN
    assert deferral.pause("d1", False, Seconds(105.0)) == Seconds(0.0)


def test_a_gate_that_is_never_free_holds_a_deployment_up_for_minutes_only() -> None:
    deferral, now, waited = Deferral(), 100.0, 0.0
    while pause := deferral.pause("d1", True, Seconds(now)):
        now, waited = now + pause, waited + pause
    assert waited == LONGEST
    assert deferral.pause("d1", True, Seconds(now + 1)) == Seconds(0.0)


def test_each_deployment_has_its_own_time() -> None:
    deferral = Deferral()
    deferral.pause("d1", True, Seconds(0.0))
    assert deferral.pause("d2", True, Seconds(LONGEST)) == LOOK_AGAIN
    assert deferral.pause("d1", True, Seconds(LONGEST)) == Seconds(0.0)


def test_a_deployment_that_is_done_may_come_again() -> None:
    deferral = Deferral()
    deferral.pause("d1", True, Seconds(0.0))
    deferral.over("d1")
    assert deferral.pause("d1", True, Seconds(LONGEST)) == LOOK_AGAIN
