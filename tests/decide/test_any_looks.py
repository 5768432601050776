"""What holds for a gate whatever its camera sees."""

import itertools
from collections import defaultdict
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import FAINT, LABELS, at, sight, track, visits

from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.look import Evidence
from edge_mask.messages import Event, Visit
from edge_mask.units import Seconds

POLICY = GatePolicy(fever_above=37.5)
SINGLE = st.tuples(
    st.sampled_from("MMMmNI.-"),
    st.sampled_from([100.0, 100.0, 140.0]),
    st.one_of(
        st.none(), st.builds(Evidence, *[st.floats(0.05, 1.5)] * 3, *[st.sampled_from([None, 0.0, 0.5, 2.0])] * 2)
    ),
)
ROWS = st.lists(st.tuples(*[SINGLE] * 3), max_size=60)
HEAT = st.lists(st.sampled_from([None, 36.5, 38.5]), min_size=1, max_size=9)
EVERY = st.sampled_from([0.05, 0.2, 0.4, 1.0, 1.7])
Rows = list[tuple[tuple[str, float, Evidence | None], ...]]


def told(rows: Rows, heat: list[float | None], every: float, shift: float = 0.0) -> tuple[GateWatch, list[Event]]:
    """Three places far apart, each with a track of its own; then the camera ends."""
    watch, events = GateWatch("front", POLICY), list[Event]()
    for number, row in enumerate(rows):
        tracks, evidence = [], {}
        for place, (letter, size, seen) in enumerate(row):
            if letter != ".":
                near, score = 20.0 if letter == "-" else size, FAINT if letter == "m" else 0.9
                label = LABELS.get(letter, "no_mask")
                tracks.append(track(label, place, size=near, x=210.0 * place, score=score))
                evidence.update({} if seen is None else {place: seen})
        look = sight(tracks, shift + number * every, heat[number % len(heat)])
        events += watch.observe(replace(look, evidence=evidence))
    return watch, events + watch.finish(at(shift + len(rows) * every))


def by_place(events: list[Event]) -> dict[int | None, list[Visit]]:
    found = defaultdict(list)
    for visit in visits(events):
        found[visit.track].append(visit)
    return found


@given(ROWS, HEAT, EVERY)
def test_visits_of_one_person_never_overlap(rows: Rows, heat: list[float | None], every: float) -> None:
    for said in by_place(told(rows, heat, every)[1]).values():
        for earlier, later in itertools.pairwise(said):
            waited = 0.0 if later.time_to_verdict_ms is None else later.time_to_verdict_ms / 1000
            assert later.at.mono - waited >= earlier.at.mono - 0.002


@given(ROWS, HEAT, EVERY)
def test_every_visit_that_begins_ends(rows: Rows, heat: list[float | None], every: float) -> None:
    """Whoever was looked at as often as a verdict needs, without having left meanwhile, was told of."""
    watch, events = told(rows, heat, every)
    assert not watch.is_occupied
    said = by_place(events)
    for place in range(3):
        looks, last = 0, 0.0
        for number, row in enumerate(rows):
            if row[place][0] == ".":
                continue
            if number * every - last > POLICY.forget_after:
                looks = 0
            last = number * every
            looks += row[place][0] != "-"
            if looks >= POLICY.votes:
                assert said[place], place


@given(ROWS, HEAT, EVERY)
def test_each_verdict_has_its_reasons(rows: Rows, heat: list[float | None], every: float) -> None:
    for visit in visits(told(rows, heat, every)[1]):
        looks = [each for each in visit.reasons if each in ("no_mask", "incorrect", "unsure", "still")]
        warmth = [each for each in visit.reasons if each in ("temperature_missing", "fever")]
        assert visit.reasons == (*looks, *warmth)
        assert len(looks) <= 1
        assert len(warmth) <= 1
        assert (visit.verdict == "pass") is (not visit.reasons)
        if visit.verdict == "pass":
            assert visit.mask == "mask"
            assert visit.mask_score is not None
            assert visit.mask_score >= POLICY.pass_score


@given(ROWS, HEAT, EVERY, st.integers(-1000, 1000))
def test_the_same_looks_give_the_same_answer_at_any_time(
    rows: Rows, heat: list[float | None], every: float, shift: int
) -> None:
    def bare(visit: Visit) -> Visit:
        return replace(visit, at=at(round(visit.at.mono, 3)), record=None)

    first = [bare(visit) for visit in visits(told(rows, heat, every)[1])]
    again = visits(told(rows, heat, every, shift=float(shift))[1])
    assert first == [bare(replace(visit, at=at(Seconds(visit.at.mono - shift)))) for visit in again]
