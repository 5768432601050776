"""Who is asked next: room, latency, pauses; all with the time as an argument."""

from hypothesis import given
from hypothesis import strategies as st

from edge_mask.fleet.frames.peers import COOL_DOWN, MOST_OUTSTANDING, Peers
from edge_mask.units import Seconds


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def peers(*things: str, free: int = 2, ms: float = 50.0) -> Peers:
    made = Peers("gate-01", "north")
    for thing in things:
        made.about(thing, "north")
        made.room(thing, free=free, ms=ms, accepts=["peer"], now=at(0))
    return made


def test_the_one_that_answers_soonest_is_asked() -> None:
    table = peers("a", "b")
    for _ in range(4):
        table.asked("a")
        table.answered("a", 2, at(1), at(0.3))
        table.asked("b")
        table.answered("b", 2, at(1), at(0.02))
    assert table.pick(at(1)) == "b"
    table.asked("b")
    table.asked("b")
    assert table.pick(at(1)) == "a", "two at a time, however fast it is"


def test_a_full_one_is_never_asked() -> None:
    table = peers("a", free=1)
    table.asked("a")
    assert table.pick(at(0)) is None
    table.answered("a", 0, at(0.1))
    assert table.pick(at(0.1)) is None
    table.room("a", free=1, ms=5, accepts=["peer"], now=at(1))
    assert table.pick(at(1)) == "a"


def test_only_the_group_and_only_who_takes_frames_of_peers() -> None:
    table = peers()
    table.room("unknown", free=2, ms=1, accepts=["peer"], now=at(0))
    table.about("south", "south")
    table.room("south", free=2, ms=1, accepts=["peer"], now=at(0))
    table.about("other", "north")
    table.room("other", free=2, ms=1, accepts=["second_look"], now=at(0))
    assert table.pick(at(0)) is None


def test_after_a_frame_that_was_lost_there_is_a_pause_until_a_sign_of_life() -> None:
    table = peers("a")
    table.asked("a")
    table.lost("a", at(1))
    assert table.pick(at(1 + COOL_DOWN)) is None
    table.room("a", free=2, ms=1, accepts=["peer"], now=at(1.5))
    assert table.pick(at(1.6)) is None
    assert table.pick(at(1 + COOL_DOWN)) == "a"


def test_room_that_was_told_long_ago_counts_no_more() -> None:
    assert peers("a").pick(at(13)) is None


def test_who_is_gone_is_not_asked_for_what_the_broker_has_kept_of_it() -> None:
    table = peers("a")
    table.gone("a")
    table.room("a", free=2, ms=1, accepts=["peer"], now=at(1), is_kept=True)
    assert table.pick(at(1)) is None
    table.room("a", free=2, ms=1, accepts=["peer"], now=at(2))
    assert table.pick(at(2)) == "a"


def test_without_a_broker_nothing_is_known_of_anybody() -> None:
    table = peers("a", "b")
    table.away()
    assert table.pick(at(0)) is None


def test_thousands_of_names_do_not_fill_the_memory() -> None:
    table = peers("a")
    table.asked("a")
    for number in range(5000):
        table.about(f"noise-{number}", "north")
    assert len(table) <= 1024
    table.answered("a", 1, at(1), at(0.1))
    assert table.pick(at(1)) == "a", "whoever has a frame of ours is not forgotten"


@given(
    st.lists(
        st.tuples(st.sampled_from(["room", "ask", "answer", "lost", "gone"]), st.sampled_from("abc"), st.integers(0, 4))
    )
)
def test_nobody_ever_has_more_frames_than_it_has_room_for(steps: list[tuple[str, str, int]]) -> None:
    table, out, room, now = peers(), dict.fromkeys("abc", 0), dict.fromkeys("abc", 0), 0.0
    for thing in "abc":
        table.about(thing, "north")
    for what, thing, number in steps:
        now += 0.1
        match what:
            case "room":
                room[thing] = number
                table.room(thing, free=number, ms=1.0 + number, accepts=["peer"], now=at(now))
            case "ask":
                if (picked := table.pick(at(now))) is not None:
                    assert out[picked] < min(room[picked], MOST_OUTSTANDING)
                    out[picked] += 1
                    table.asked(picked)
            case "answer" if out[thing]:
                out[thing] -= 1
                room[thing] = number
                table.answered(thing, number, at(now), at(0.05))
            case "lost" if out[thing]:
                out[thing] -= 1
                table.lost(thing, at(now))
            case "gone":
                room[thing] = 0
                table.gone(thing)
