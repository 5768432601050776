"""Guessing becomes slow, and nobody is locked out. Time is an argument."""

from edge_mask.units import Seconds
from edge_mask.web.accounts.delays import (
    FORGOTTEN_AFTER,
    LONGEST,
    MOST_ADDRESSES,
    Delays,
    group_of,
)
from edge_mask.web.accounts.turns import EVERY, FREE, KEPT, MOST, OF_A_NETWORK, Turns

HOME, AWAY = "192.168.1.5", "203.0.113.7"


def tries(delays: Delays, address: str, name: str, times: list[float]) -> list[float]:
    return [round(delays.attempt(address, name, Seconds(time)), 3) for time in times]


def test_three_mistypes_cost_nothing_and_each_further_one_costs_twice_as_much() -> None:
    delays, now = Delays(), 1000.0
    waits: list[float] = []
    for _ in range(9):
        wait = delays.attempt(HOME, "ann", Seconds(now))
        waits.append(wait)
        now += wait
        if wait:
            assert delays.attempt(HOME, "ann", Seconds(now)) == 0.0
    assert waits == [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert LONGEST == 30


def test_asking_too_early_makes_the_wait_no_longer() -> None:
    delays = Delays()
    assert tries(delays, HOME, "ann", [0, 0, 0, 0.1, 0.2, 0.9]) == [0, 0, 0, 0.9, 0.8, 0.1]
    assert delays.attempt(HOME, "ann", Seconds(1.0)) == 0.0


def test_many_guesses_at_once_count_from_their_beginning() -> None:
    delays = Delays()
    begun = [wait for wait in tries(delays, HOME, "ann", [5.0] * 50) if wait == 0]
    assert len(begun) == 3


def test_who_logs_in_is_forgiven_the_mistypes() -> None:
    delays = Delays()
    tries(delays, HOME, "ann", [0, 0, 0])
    delays.succeeded(HOME, "ann")
    assert tries(delays, HOME, "ann", [0, 0, 0]) == [0, 0, 0]


def test_a_guesser_with_a_password_of_his_own_is_not_forgiven_the_guesses_at_others() -> None:
    delays, now, hashed = Delays(), 0.0, 0
    for _ in range(40):  # guesses ann's, then logs in as himself to be forgiven
        hashed += delays.attempt(AWAY, "ann", Seconds(now)) == 0.0
        if delays.attempt(AWAY, "mallory", Seconds(now)) == 0.0:
            delays.succeeded(AWAY, "mallory")
        now += 0.1
    assert hashed <= 6


def test_failures_are_forgotten_after_a_while() -> None:
    delays = Delays()
    tries(delays, HOME, "ann", [0, 0, 0, 1, 3, 7])
    assert tries(delays, HOME, "ann", [FORGOTTEN_AFTER + 8, FORGOTTEN_AFTER + 8]) == [0, 0]


def test_guesses_from_ever_new_addresses_let_strangers_wait_but_not_who_was_here_before() -> None:
    delays = Delays()
    delays.attempt(HOME, "ann", Seconds(0))
    delays.succeeded(HOME, "ann")
    begun = sum(delays.attempt(f"10.0.{n // 250}.{n % 250}", "ann", Seconds(n * 0.01)) == 0.0 for n in range(3000))
    assert begun <= FREE + 30 / EVERY + 1  # 3000 guesses in 30 s
    assert delays.attempt(HOME, "ann", Seconds(30.0)) == 0.0
    assert Delays(delays.familiar()).familiar() == [HOME], "nor after a restart"


def test_a_stranger_gets_in_when_told_however_fast_others_poll_from_many_addresses() -> None:
    delays, told, waited = Delays(), 0.0, 0.0
    for tick in range(100 * 120):  # three networks of 250 addresses, a hundred guesses a second
        now = 1000 + tick / 100
        place = f"127.1.{tick % 3}.{tick // 3 % 250}"
        delays.attempt(place, "ann", Seconds(now))
        if tick >= 1200 and now >= told:
            waited = now - 1012
            wait = delays.attempt(AWAY, "ann", Seconds(now))
            if wait == 0.0:
                break
            told = now + wait
    else:
        raise AssertionError("locked out")
    assert waited <= (3 * OF_A_NETWORK + 1) * EVERY


def test_a_turn_that_nobody_takes_is_not_kept_for_ever() -> None:
    turns = Turns()
    while turns.wait("10.0.0.1", 100.0) == 0.0:
        pass
    assert turns.wait("10.0.0.1", 100.0) == EVERY, "asking again moves nothing"
    assert turns.wait("10.0.1.1", 100.0) == 2 * EVERY
    assert turns.wait("10.0.0.1", 100.0 + EVERY) == 0.0
    assert turns.wait("10.0.1.1", 104.0 + KEPT) == 0.0
    turns = Turns()
    while turns.wait("10.0.0.1", 100.0) == 0.0:
        pass
    assert turns.wait("10.0.1.1", 102.1 + KEPT) == 0.0


def test_strangers_of_a_thousand_networks_are_promised_a_bounded_number_of_turns() -> None:
    turns = Turns()
    for number in range(4 * MOST):
        turns.wait(f"10.{number // 250}.{number % 250}.1", 100.0)
    assert len(turns) == MOST
    assert turns.wait("192.168.1.1", 100.0) == (MOST + 1) * EVERY
    assert turns.wait("192.168.1.1", 100.0 + (MOST + 1) * EVERY) == 0.0


def test_one_network_has_two_turns_at_most() -> None:
    turns = Turns()
    for number in range(300):
        turns.wait(f"2001:db8:1:{number:x}::/64", 100.0)
    assert len(turns) == OF_A_NETWORK
    assert turns.wait("192.168.1.1", 100.0) == (OF_A_NETWORK + 1) * EVERY


def test_an_attacker_cannot_make_the_memory_grow() -> None:
    delays = Delays()
    for n in range(4 * MOST_ADDRESSES):
        delays.attempt(f"2001:db8:{n:x}::1", "ann", Seconds(n * 2.0))
    assert len(delays._addresses) == MOST_ADDRESSES


def test_the_addresses_that_one_subscriber_has_count_as_one() -> None:
    assert group_of("2001:db8:1:2:aaaa::1") == group_of("2001:db8:1:2:bbbb::2") != group_of("2001:db8:1:3::1")
    assert group_of("::ffff:192.168.1.5") == group_of("192.168.1.5")
    assert group_of("fe80::1%eth0") == group_of("fe80::2")
    assert group_of("") == group_of("testclient") == "unknown"
