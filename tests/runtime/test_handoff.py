"""Latest replaces and counts; Line waits; Mailbox waits and can be closed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.runtime.handoff import Closed, Latest, Line, Mailbox, Tray

T = TypeVar("T")


def taken(tray: Tray[T], timeout: float = 0.0) -> T | None:
    found = tray.take(timeout)
    return None if found is None else found[1]


def test_the_newest_frame_replaces_one_that_nobody_took_and_is_counted() -> None:
    tray: Tray[int] = Tray()
    camera = Latest(tray)
    assert camera.put(1)
    assert camera.put(2)
    assert taken(tray) == 2
    assert tray.replaced == 1
    assert taken(tray) is None


def test_cameras_do_not_replace_each_other_and_the_first_that_came_is_first() -> None:
    tray: Tray[str] = Tray()
    front, back = Latest(tray, "front"), Latest(tray, "back")
    front.put("front")
    back.put("back")
    front.put("front again")
    assert [taken(tray), taken(tray)] == ["front again", "back"]
    assert tray.replaced == 1


def test_the_camera_that_was_taken_longest_ago_is_first_whoever_came_first() -> None:
    tray: Tray[str] = Tray()
    ends = {name: Latest(tray, name) for name in ("front", "back", "yard")}
    for name in ("front", "back", "yard"):
        ends[name].put(name)
    assert [taken(tray), taken(tray)] == ["front", "back"]
    for name in ("front", "back", "yard"):
        ends[name].put(f"{name} again")
    assert [taken(tray) for _ in range(3)] == ["yard again", "front again", "back again"]


def test_takers_are_told_in_which_order_they_took() -> None:
    tray: Tray[str] = Tray()
    line = Line(tray, room=3)
    for item in "abc":
        assert line.put(item, 0)
    assert [tray.take(0), tray.take(0), tray.take(0), tray.take(0)] == [(0, "a"), (1, "b"), (2, "c"), None]


def test_a_file_waits_until_its_last_picture_was_taken() -> None:
    tray: Tray[int] = Tray()
    clip = Line(tray, "clip")
    assert clip.put(1, 0)
    assert not clip.put(2, 0.01)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(clip.put, 2, 10.0)
        assert taken(tray, 1) == 1
        assert waiting.result(10)
    assert taken(tray) == 2
    assert tray.replaced == 0
    assert tray.given == 2


def test_a_line_lets_another_camera_in_between() -> None:
    tray: Tray[str] = Tray()
    clip = Line(tray, "clip", room=3)
    for picture in ("clip 1", "clip 2", "clip 3"):
        assert clip.put(picture, 0)
    Latest(tray, "door").put("door")
    assert [taken(tray) for _ in range(4)] == ["clip 1", "door", "clip 2", "clip 3"]


def test_closing_lets_a_waiting_sender_go() -> None:
    tray: Tray[int] = Tray()
    clip = Line(tray, "clip")
    assert clip.put(1, 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(clip.put, 2, 60.0)
        tray.close()
        assert waiting.result(10)


def test_closing_wakes_a_waiting_taker() -> None:
    tray: Tray[int] = Tray()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(tray.take, 60.0)
        tray.close()
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
