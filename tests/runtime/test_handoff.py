"""Latest replaces and counts; Mailbox waits and can be closed."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.runtime.handoff import Closed, Latest, Mailbox


def test_the_newest_frame_replaces_one_that_nobody_took_and_is_counted() -> None:
    slot: Latest[int] = Latest()
    slot.put(1)
    slot.put(2)
    assert slot.take(0) == 2
    assert slot.replaced == 1
    assert slot.take(0) is None


def test_cameras_do_not_replace_each_other_and_the_one_that_waited_longest_is_first() -> None:
    slot: Latest[str] = Latest()
    slot.put("front", "front")
    slot.put("back", "back")
    slot.put("front again", "front")
    assert [slot.take(0), slot.take(0)] == ["front again", "back"]
    assert slot.replaced == 1


def test_a_file_waits_until_its_last_picture_was_taken() -> None:
    slot: Latest[int] = Latest()
    assert slot.put_in_line(1, "clip", 0)
    assert not slot.put_in_line(2, "clip", 0.01)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slot.put_in_line, 2, "clip", 10.0)
        assert slot.take(1) == 1
        assert waiting.result(10)
    assert slot.take(0) == 2
    assert slot.replaced == 0


def sender_of_a_fifth(slot: Latest[int], pool: ThreadPoolExecutor) -> "Future[bool]":
    """Four wait in a line for four, and somebody waits with one more."""
    for number in range(4):
        assert slot.put_in_line(number, "clip", 0, room=4)
    waiting = pool.submit(slot.put_in_line, 4, "clip", 60.0, room=4)
    while not slot._few:  # until it waits
        time.sleep(0.001)
    return waiting


def test_a_line_takes_so_many_and_lets_its_sender_in_again_when_half_are_gone() -> None:
    slot: Latest[int] = Latest()
    with ThreadPoolExecutor(1) as pool:
        waiting = sender_of_a_fifth(slot, pool)
        assert slot.take(0) == 0
        time.sleep(0.02)
        assert not waiting.done()
        assert slot.take(0) == 1
        assert waiting.result(10)
    assert [slot.take(0) for _ in range(4)] == [2, 3, 4, None]
    assert slot.replaced == 0


def test_a_sender_is_called_when_the_taker_says_so_and_at_once_when_nothing_waits_any_more() -> None:
    slot: Latest[int] = Latest()
    with ThreadPoolExecutor(1) as pool:
        waiting = sender_of_a_fifth(slot, pool)
        assert slot.take_numbered(0, most=3) == [(0, 0), (1, 1), (2, 2)]
        time.sleep(0.02)
        assert not waiting.done()
        slot.call_senders()
        assert waiting.result(10)
        for number in (5, 6):
            assert slot.put_in_line(number, "clip", 0, room=4)
        slot._few.clear()
        waiting = pool.submit(slot.put_in_line, 7, "clip", 60.0, room=4)
        while not slot._few:
            time.sleep(0.001)
        assert slot.take_numbered(0, most=9) == [(3, 3), (4, 4), (5, 5), (6, 6)]
        assert waiting.result(10)


def test_a_line_lets_another_camera_in_between() -> None:
    slot: Latest[str] = Latest()
    for picture in ("clip 1", "clip 2", "clip 3"):
        assert slot.put_in_line(picture, "clip", 0, room=3)
    slot.put("door", "door")
    assert [slot.take(0) for _ in range(4)] == ["clip 1", "door", "clip 2", "clip 3"]


def test_closing_lets_a_waiting_sender_go() -> None:
    slot: Latest[int] = Latest()
    assert slot.put_in_line(1, "clip", 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slot.put_in_line, 2, "clip", 60.0)
        slot.close()
        assert waiting.result(10)


def test_closing_wakes_a_waiting_taker() -> None:
    slot: Latest[int] = Latest()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slot.take, 60.0)
        slot.close()
        assert waiting.result(10) is None


def test_a_full_mailbox_makes_the_sender_wait_and_loses_nothing() -> None:
    box: Mailbox[int] = Mailbox(2)
    with ThreadPoolExecutor(1) as pool:
        sender = pool.submit(lambda: [box.put(n) for n in range(100)])
        received: list[int] = []
        while len(received) < 100:
            received += box.take_many(7, 10.0)
        assert all(sender.result(10))
    assert received == list(range(100))


def test_a_full_mailbox_says_no_when_the_sender_will_not_wait() -> None:
    box: Mailbox[int] = Mailbox(1)
    assert box.put(1)
    assert not box.put(2, timeout=0)
    assert box.take_many(5, 0) == [1]


def test_an_item_that_wakes_nobody_is_found_when_the_taker_looks_and_when_the_box_is_full() -> None:
    box: Mailbox[int] = Mailbox(2)
    box.put(1, wake=False)
    assert box.take_many(5, 0) == [1]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(box.take_many, 5, 60.0)
        while not waiting.running():
            pass
        box.put(1, wake=False)
        box.put(2, wake=False)
        assert waiting.result(10)[0] == 1


def test_a_closed_mailbox_refuses_but_still_gives_what_is_inside() -> None:
    box: Mailbox[int] = Mailbox(3)
    box.put(1)
    box.close()
    with pytest.raises(Closed):
        box.put(2)
    assert box.take_many(5, 0) == [1]
    assert box.take_many(5, None) == []


def test_closing_frees_a_sender_that_waits_for_room() -> None:
    box: Mailbox[int] = Mailbox(1)
    box.put(1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(box.put, 2)
        box.close()
        with pytest.raises(Closed):
            waiting.result(10)


@given(st.lists(st.lists(st.integers(), max_size=20), min_size=1, max_size=4), st.integers(1, 5))
def test_every_senders_order_is_kept(senders: list[list[int]], capacity: int) -> None:
    box: Mailbox[tuple[int, int]] = Mailbox(capacity)

    def send(who: int) -> None:
        for value in senders[who]:
            box.put((who, value))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(len(senders))]
    for thread in threads:
        thread.start()
    received: list[tuple[int, int]] = []
    while len(received) < sum(map(len, senders)):
        received += box.take_many(3, 10.0)
    for thread in threads:
        thread.join(10)
    assert [[v for w, v in received if w == who] for who in range(len(senders))] == senders


def test_takers_hear_how_many_were_taken_before() -> None:
    slot: Latest[str] = Latest()
    slot.put("a", "front")
    slot.put("b", "back")
    assert slot.take_numbered(0) == [(0, "a")]
    assert slot.take(0) == "b"
    assert slot.take_numbered(0) == []
    slot.put("c", "front")
    assert slot.take_numbered(0) == [(2, "c")]
    assert slot.taken == 3


def test_what_is_wanted_is_taken_past_the_rest_which_keeps_its_order() -> None:
    box: Mailbox[int] = Mailbox(9)
    for n in range(1, 7):
        box.put(n)
    assert box.take_only(lambda n: n % 3 == 0, 0.0) == [3, 6]
    assert box.take_only(lambda n: n % 3 == 0, 0.0) == []
    assert box.take_many(9, 0.0) == [1, 2, 4, 5]


def test_spare_places_of_a_full_mailbox_are_only_for_those_who_may_use_them() -> None:
    box: Mailbox[int] = Mailbox(1)
    box.put(1)
    assert not box.put(2, 0.0)
    assert box.put(3, 0.0, spare=1)
    assert not box.put(4, 0.0, spare=1)
    assert box.take_many(9, 0.0) == [1, 3]
