"""A gate judges each attempt once, and its verdict does not flap."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import LABELS, alerts, at, sight, track, verdicts, visits, watched

from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.states import TABLE, Sign, State
from edge_mask.messages import MASK, NO_MASK, Event
from edge_mask.track import Tracker
from edge_mask.units import Seconds

PLAIN = GatePolicy()
WITH_THERMOMETER = GatePolicy(fever_above=37.5)


@pytest.mark.parametrize(
    ("what", "looks", "said"),
    [
        ("nobody", "..........", []),
        ("goes by too quickly", "MMMM......", []),
        ("goes by too quickly, undecided", "MNMN......", []),
        ("is seen as often as a verdict needs, and goes undecided", "MNMNM...........", ["no_pass unsure"]),
        ("wears a mask", "MMMMMMMMMM", ["pass"]),
        ("wears none", "NNNNNNNNNN", ["no_pass no_mask"]),
        ("wears it below the nose", "IIIIIIIIII", ["no_pass incorrect"]),
        ("one frame flickers", "MMMNMMMMMMMMMMMMMMMM", ["pass"]),
        ("the label flickers all the time", "MNMNMNMNMNMNMNMNMNMN", ["no_pass unsure"]),
        ("the label flickers for very long", "MN" * 100, ["no_pass unsure"]),
        ("flickers, then has a mask", "MN" * 10 + "M" * 25, ["no_pass unsure", "pass"]),
        ("flickers, then has none: the same verdict", "MN" * 10 + "N" * 25, ["no_pass unsure"]),
        ("a mask, not certain enough", "m" * 20, ["no_pass unsure"]),
        ("not certain enough, and goes", "m" * 6 + "." * 10, ["no_pass unsure"]),
        ("not certain enough at first", "m" * 4 + "M" * 10, ["pass"]),
        ("certain enough only later", "m" * 15 + "M" * 25, ["no_pass unsure", "pass"]),
        ("passes, then is not certain enough any more", "M" * 15 + "m" * 30, ["pass"]),
        ("passes, then flickers", "M" * 15 + "MN" * 20, ["pass"]),
        ("refused, then a faint mask", "N" * 15 + "m" * 30, ["no_pass no_mask"]),
        ("looks away for a second", "M" * 15 + "." * 6 + "M" * 15, ["pass"]),
        ("looks away before the verdict", "NNN" + "." * 6 + "NNN", ["no_pass no_mask"]),
        ("is gone, and comes again", "M" * 15 + "." * 9 + "M" * 15, ["pass", "pass"]),
        ("shows up now and then", "M..........M..........M", []),
        ("flickers at first", "MNMNMNMMMMMMMMMMMMMM", ["pass"]),
        ("flickers after the verdict", "MMMMMMMNMNNMNMNNMMMMMMMMMM", ["pass"]),
        ("is refused, and puts one on", "N" * 15 + "M" * 25, ["no_pass no_mask", "pass"]),
        ("passes, and takes it off", "M" * 15 + "N" * 25, ["pass", "no_pass no_mask"]),
        ("lifts it for a moment", "M" * 15 + "N" * 7 + "M" * 15, ["pass"]),
        ("has none, then one below the nose: the same verdict", "N" * 15 + "I" * 25, ["no_pass no_mask"]),
        ("three attempts", "N" * 15 + "M" * 20 + "N" * 20, ["no_pass no_mask", "pass", "no_pass no_mask"]),
        ("stands far away", "-" * 20, []),
        ("comes nearer", "-" * 20 + "M" * 10, ["pass"]),
        ("steps back and comes again", "MMMMMM" + "-" * 20 + "MMMMMM", ["pass"]),
    ],
)
def test_one_person_as_a_table(what: str, looks: str, said: list[str]) -> None:
    assert verdicts(watched(GateWatch("front", PLAIN), looks)) == said, what


@pytest.mark.parametrize(
    ("what", "looks", "temperatures", "said"),
    [
        ("healthy", "MMMMMMMM", [36.5], ["pass"]),
        ("exactly the limit", "MMMMMMMM", [37.5], ["pass"]),
        ("a fever", "MMMMMMMM", [38.2], ["no_pass fever"]),
        ("no mask and a fever", "NNNNNNNN", [38.2], ["no_pass no_mask fever"]),
        ("the thermometer takes a moment", "M" * 20, [None] * 10 + [36.5], ["pass"]),
        ("it is broken", "M" * 20, [None], ["no_pass temperature_missing"]),
        ("it is broken and there is no mask", "N" * 20, [None], ["no_pass no_mask temperature_missing"]),
        ("leaves before it answers", "MMMMMM" + "." * 10, [None], ["no_pass temperature_missing"]),
        ("the camera ends before it answers", "MMMMMM", [None], ["no_pass temperature_missing"]),
        ("it answers after all", "M" * 40, [None] * 20 + [36.5], ["no_pass temperature_missing", "pass"]),
        ("it falls silent later", "M" * 40, [36.5] * 10 + [None], ["pass"]),
        ("then the mask comes off", "M" * 20 + "N" * 25, [36.5] * 10 + [None], ["pass", "no_pass no_mask"]),
        ("a fever, silence, no mask", "M" * 20 + "N" * 25, [38.2] * 10 + [None], ["no_pass fever"]),
        ("silence, and the mask is put on", "N" * 15 + "M" * 25, [36.5] * 9 + [None], ["no_pass no_mask", "pass"]),
        ("it spikes for a moment", "M" * 40, [36.5] * 10 + [39.0] * 3 + [36.5], ["pass"]),
        ("the fever comes later", "M" * 40, [36.5] * 10 + [39.0], ["pass", "no_pass fever"]),
        ("refused, then also feverish", "N" * 40, [36.5] * 10 + [39.0], ["no_pass no_mask", "no_pass no_mask fever"]),
    ],
)
def test_a_thermometer_as_a_table(what: str, looks: str, temperatures: list[float | None], said: list[str]) -> None:
    assert verdicts(watched(GateWatch("front", WITH_THERMOMETER), looks, temperatures=temperatures)) == said, what


def test_who_waits_for_the_thermometer_when_the_camera_falls_silent_is_told_of_after_a_while() -> None:
    watch = GateWatch("front", WITH_THERMOMETER)
    for number in range(6):
        assert watch.observe(sight([track(MASK)], number * 0.2)) == []
    assert watch.tick(at(5.9)) == []
    (visit,) = visits(watch.tick(at(6.1)))
    assert (visit.reasons, visit.at) == (("temperature_missing",), at(1.0))
    assert watch.tick(at(9.0)) == []


def test_without_a_thermometer_nobody_misses_it_and_none_is_used() -> None:
    (visit,) = visits(watched(GateWatch("front", PLAIN), "MMMMMMMM", temperatures=[39.0]))
    assert visit.verdict == "pass"


def test_a_visit_says_what_was_seen_and_when() -> None:
    (visit,) = visits(watched(GateWatch("front", WITH_THERMOMETER), "MMMMMMMM", temperatures=[36.5]))
    assert (visit.camera, visit.mask, visit.temperature, visit.track) == ("front", MASK, 36.5, 1)
    assert visit.mask_score == pytest.approx(0.9)
    assert visit.at == at(0.8), "the fifth look decided"
    assert visit.passed_through is None


def test_a_fever_raises_one_alert_with_its_value_and_a_sentence() -> None:
    events = watched(GateWatch("front", WITH_THERMOMETER), "M" * 40, temperatures=[38.24])
    (alert,) = alerts(events)
    assert (alert.kind, alert.camera, alert.value) == ("fever", "front", 38.24)
    assert alert.text == "A visitor at front has 38.2 °C, above 37.5 °C."
    assert (alert.above, alert.unit) == (37.5, "C")
    assert [type(event).__name__ for event in events] == ["Visit", "Alert"]


@pytest.mark.parametrize(
    ("what", "looks", "times"),
    [
        ("at once", "MMMMM", [800]),
        ("a flicker takes two looks more", "MMNMMMM", [1200]),
        ("unsure after two windows", "MN" * 11, [4000]),
        ("nobody counts how long they stood too far away", "-" * 30 + "MMMMM", [800]),
        ("nor how long nobody was there", "MM" + "-" * 30 + "MMMMM", [800]),
        ("the next attempt counts from the doubt", "N" * 5 + "M" * 30, [800, 1000]),
        ("who was known to be gone was not waited for", "MNMNM", [None]),
    ],
)
def test_the_time_to_the_verdict_counts_from_the_first_look_at_the_face_in_place(
    what: str, looks: str, times: list[int | None]
) -> None:
    said = visits(watched(GateWatch("front", PLAIN), looks))
    assert [visit.time_to_verdict_ms for visit in said] == times, what


def test_who_comes_back_is_judged_again() -> None:
    watch = GateWatch("front", PLAIN)
    first = watched(watch, "MMMMMM")
    again: list[Event] = []
    for number in range(6):
        again += watch.observe(sight([track(MASK, number=2)], 10 + number * 0.2))
    assert verdicts(first + again) == ["pass", "pass"]


def test_faces_outside_the_zone_are_not_judged() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    watch = GateWatch("front", PLAIN, left_half)
    events: list[Event] = []
    for number in range(8):
        here, there = track(MASK, 1, x=100.0), track(NO_MASK, 2, x=400.0)
        events += watch.observe(sight([here, there], number * 0.2))
    assert verdicts(events) == ["pass"]


@pytest.mark.parametrize(("size", "count"), [(0.12 * 480 - 1, 0), (0.12 * 480, 1)])
def test_how_large_a_face_must_be_is_counted_from_the_shorter_side_of_the_picture(size: float, count: int) -> None:
    assert len(visits(watched(GateWatch("front", PLAIN), "MMMMMMMM", size=size))) == count


def test_a_slow_device_still_decides_when_the_frames_agree() -> None:
    assert verdicts(watched(GateWatch("front", PLAIN), "MMMM", every=1.0)) == ["pass"]
    assert verdicts(watched(GateWatch("front", PLAIN), "MNMNM", every=1.0)) == ["no_pass unsure"]


@pytest.mark.parametrize("every", [0.05, 0.2, 0.7, 1.0])
def test_one_person_is_one_visitor_whose_tracks_may_break_for_as_long_as_the_policy_says(every: float) -> None:
    """Seen, missed for a while, seen again, by the real tracker."""
    for missed in range(1, 40):
        tracker, watch = Tracker(), GateWatch("front", PLAIN)
        events: list[Event] = []
        for number, letter in enumerate("M" * 45 + "." * missed + "M" * 45):
            faces = [] if letter == "." else [track(MASK).face]
            events += watch.observe(sight(tracker.update(faces, at(number * every)), number * every))
        gap = (44 + missed + 1) * every - 44 * every
        assert len(visits(events)) == (1 if gap <= PLAIN.forget_after else 2), missed


def test_the_table_names_every_state_and_only_what_can_be_said_is_said() -> None:
    assert set(TABLE) == set(State) - {State.LEFT}
    for state, row in TABLE.items():
        is_first = state in (State.ARRIVING, State.WAITING)
        assert Sign.UNDECIDED in row
        assert (Sign.GONE in row) is (state is not State.WAITING)
        assert (Sign.DECIDED in row) is (Sign.OWED in row) is is_first
    saying = {(state, sign) for state, row in TABLE.items() for sign, to in row.items() if to.says_visit}
    assert saying == {
        (State.ARRIVING, Sign.DECIDED),
        (State.ARRIVING, Sign.OWED),
        (State.WAITING, Sign.DECIDED),
        (State.WAITING, Sign.OWED),
        (State.DOUBTED, Sign.HELD),
    }


LOOKS = st.text("MNI.-", max_size=80)
HOT_AND_COLD = st.lists(st.sampled_from([None, 36.5, 38.5]), min_size=1, max_size=80)


@given(LOOKS, HOT_AND_COLD, st.floats(0.02, 1.5))
def test_two_visits_of_one_person_in_a_row_always_differ(
    looks: str, temperatures: list[float | None], every: float
) -> None:
    """One attempt is one visit: only another outcome, held for a while, is another attempt."""
    present = looks.replace(".", "-")  # in sight all the time
    said = visits(watched(GateWatch("front", WITH_THERMOMETER), present, every=every, temperatures=temperatures))
    for earlier, later in itertools.pairwise(said):
        assert (earlier.verdict, "fever" in earlier.reasons) != (later.verdict, "fever" in later.reasons)
        assert later.at.mono - earlier.at.mono >= WITH_THERMOMETER.hold


@given(st.lists(st.integers(5, 20), min_size=1, max_size=8), st.sampled_from("NI"))
def test_a_label_that_flickers_gives_one_verdict(runs: list[int], other: str) -> None:
    """Single frames of another label between runs of the true one."""
    looks = other.join("M" * length for length in runs)
    assert verdicts(watched(GateWatch("front", PLAIN), looks)) == ["pass"]


PEOPLE = st.lists(st.text("MNI.-", min_size=12, max_size=40), min_size=1, max_size=4)


def crowd(people: list[str], order: list[int]) -> list[Event]:
    """Everybody at once, apart from each other, told to the watch in the given order."""
    watch = GateWatch("front", PLAIN)
    events: list[Event] = []
    for number in range(max(map(len, people))):
        seen = []
        for person in order:
            letter = people[person][number : number + 1]
            if letter not in ("", "."):
                size = 20.0 if letter == "-" else 100.0
                seen.append(track(LABELS.get(letter, NO_MASK), person, size=size, x=210.0 * person))
        events += watch.observe(sight(seen, number * 0.2))
    return events + watch.finish(at(100.0))


@given(PEOPLE)
def test_people_are_not_mixed_and_their_order_does_not_matter(people: list[str]) -> None:
    """Whoever is alone with their looks gets the same verdicts; in a crowd the first may come later, in their turn."""
    order = list(range(len(people)))
    together = visits(crowd(people, order))
    assert together == visits(crowd(people, order[::-1]))
    for person in order:
        told = [visit for visit in together if visit.track == person]
        alone = visits(crowd([""] * person + [people[person]], [person]))
        assert bool(told) == bool(alone)
        if len(people) == 1:
            assert told == alone


def test_the_nearest_is_judged_first_and_the_next_when_there_is_a_verdict() -> None:
    """The nearer one flickers; the other one has been certain for long."""
    watch = GateWatch("front", PLAIN)
    said: list[tuple[float, int | None, str]] = []
    for number, letter in enumerate("MN" * 12):
        near, far = track(LABELS[letter], 1, size=200.0, x=50.0), track(MASK, 2, x=400.0)
        events = watch.observe(sight([far, near], number * 0.2))
        said += [(number, visit.track, word) for visit, word in zip(visits(events), verdicts(events), strict=True)]
    assert said == [(20, 1, "no_pass unsure"), (20, 2, "pass")]


def test_several_at_once_are_told_of_in_the_order_in_which_they_stand() -> None:
    watch = GateWatch("front", PLAIN)
    events: list[Event] = []
    for number in range(6):
        row = [track(label, n, size=100.0 + 20 * n, x=10.0 + 200 * n) for n, label in enumerate((MASK, NO_MASK, MASK))]
        events += watch.observe(sight(row, number * 0.2))
    assert [(visit.track, visit.at) for visit in visits(events)] == [(2, at(0.8)), (1, at(0.8)), (0, at(0.8))]
    assert verdicts(events) == ["pass", "no_pass no_mask", "pass"]


@given(LOOKS, st.integers(-1000, 1000))
def test_only_the_time_that_is_given_counts(looks: str, shift: int) -> None:
    plain = GateWatch("front", PLAIN)
    shifted = GateWatch("front", PLAIN)
    first, second = [], []
    for number, letter in enumerate(looks):
        seen = [] if letter in ".-" else [track(LABELS[letter])]
        first += plain.observe(sight(seen, number / 4))
        second += shifted.observe(sight(seen, number / 4 + shift))
    assert [visit.at.mono + shift for visit in visits(first)] == [visit.at.mono for visit in visits(second)]


def test_the_hold_is_what_the_policy_says() -> None:
    looks = "N" * 15 + "M" * 20
    quick = visits(watched(GateWatch("front", GatePolicy(hold=Seconds(0.0))), looks))
    slow = visits(watched(GateWatch("front", GatePolicy(hold=Seconds(2.0))), looks))
    assert [visit.verdict for visit in quick] == [visit.verdict for visit in slow] == ["no_pass", "pass"]
    assert slow[1].at.mono - quick[1].at.mono == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize(
    ("looks", "is_occupied"),
    [("", False), ("N", True), ("NNNNNNNN", True), ("--------", False), ("NN--", True), ("N" + "." * 8, False)],
    ids=["nobody", "arrives", "was judged", "far away", "steps back", "has left"],
)
def test_a_gate_is_occupied_from_the_first_look_until_the_visitor_has_left(looks: str, is_occupied: bool) -> None:
    gate = GateWatch("front", PLAIN)
    for number, letter in enumerate(looks):
        seen = [] if letter == "." else [track(NO_MASK, size=20.0 if letter == "-" else 100.0)]
        gate.observe(sight(seen, number * 0.2))
    assert gate.is_occupied == is_occupied
