"""The record of a visit holds what it was decided on, and deciding again gives the same answer."""

import dataclasses
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.looks import POLICIES, any_of, looks
from tests.decide.scenes import visits, watched

from edge_mask.decide import GateWatch
from edge_mask.decide.judgement import Judgement
from edge_mask.decide.look import Evidence, Taken, VisitorLook
from edge_mask.decide.record import MOST_BYTES, Log, MadeBy, Record, Unreadable, decide_again, pack, unpack
from edge_mask.decide.record.memory import memory_of, visitor_with
from edge_mask.decide.record.plain import field_names, plain, rebuilt
from edge_mask.decide.visitor import GatePolicy, Visitor
from edge_mask.messages import MASK, NO_MASK, Box
from edge_mask.units import Seconds

MADE_BY = MadeBy("0.1.0", "mask-detector 1.7.1", "0123456789abcdef" * 4)
POLICY = GatePolicy()


def look(at: float, label: str = MASK) -> VisitorLook:
    return VisitorLook(Seconds(at), label, 0.9, Box(200.0, 150.0, 100.0, 120.0))


def live(seen: list[VisitorLook], policy: GatePolicy, **bounds: int) -> list[tuple[Judgement, bytes]]:
    """Each visit that is said of one person, with its record."""
    visitor, log, said = Visitor(policy), Log(policy, MADE_BY, **bounds), []
    for each in seen:
        judgement = visitor.see(each)
        log.add(each)
        if judgement is not None:
            said.append((judgement, log.record(clock_ok=True)))
    if (judgement := visitor.leave()) is not None:
        said.append((judgement, log.record(clock_ok=True, has_left=True)))
    return said


@given(looks(), POLICIES)
def test_replay_equals_live_for_any_sequence_of_looks(seen: list[VisitorLook], policy: GatePolicy) -> None:
    for judgement, packed in live(seen, policy):
        assert len(packed) <= MOST_BYTES
        assert decide_again(unpack(packed)).judgement == judgement


@given(looks(), POLICIES, st.integers(1, 40), st.integers(2600, 3200))
def test_replay_equals_live_where_only_the_last_looks_find_room(
    seen: list[VisitorLook], policy: GatePolicy, most_looks: int, most_bytes: int
) -> None:
    for judgement, packed in live(seen, policy, most_looks=most_looks, most_bytes=most_bytes):
        assert decide_again(unpack(packed)).judgement == judgement


@given(looks(most=60), POLICIES, st.data())
def test_a_visitor_with_the_memory_of_another_goes_on_as_that_one(
    seen: list[VisitorLook], policy: GatePolicy, data: st.DataObject
) -> None:
    half = data.draw(st.integers(0, len(seen)))
    first = Visitor(policy)
    for each in seen[:half]:
        first.see(each)
    second = visitor_with(json.loads(json.dumps(memory_of(first))), policy)
    assert [first.see(each) for each in seen[half:]] == [second.see(each) for each in seen[half:]]
    assert first.leave() == second.leave()


@given(st.text("MNI.-", max_size=80), st.lists(st.sampled_from([None, 36.5, 38.5]), min_size=1, max_size=80))
def test_every_visit_of_a_gate_carries_the_record_of_its_own_decision(
    letters: str, temperatures: list[float | None]
) -> None:
    watch = GateWatch("front", GatePolicy(fever_above=37.5), made_by=MADE_BY)
    for visit in visits(watched(watch, letters, temperatures=temperatures)):
        assert visit.record is not None
        record = unpack(visit.record)
        again = decide_again(record).judgement
        assert again is not None
        assert (again.verdict, again.reasons, again.mask, again.mask_score, again.temperature) == (
            visit.verdict, visit.reasons, visit.mask, visit.mask_score, visit.temperature,
        )  # fmt: skip
        assert again.time_to_verdict_ms == visit.time_to_verdict_ms
        assert (record.made_by, record.clock_ok) == (MADE_BY, visit.at.synced)


@given(any_of(VisitorLook))
def test_every_field_of_a_look_is_in_the_record(one: VisitorLook) -> None:
    """Fails for a field that the record would leave out or change."""
    assert unpack(pack(Record(MADE_BY, True, POLICY, (one,)))).looks == (one,)
    names = field_names(VisitorLook)
    assert names["VisitorLook"] == [each.name for each in dataclasses.fields(VisitorLook)]
    assert len(plain(one)) == len(names["VisitorLook"])


@given(any_of(GatePolicy), st.booleans(), st.booleans())
def test_every_setting_of_a_gate_is_in_the_record(policy: GatePolicy, clock_ok: bool, has_left: bool) -> None:
    record = Record(MADE_BY, clock_ok, policy, (look(0.0),), (0.25,), has_left)
    assert unpack(pack(record)) == record


@pytest.mark.parametrize(
    ("window", "rate", "measured"), [(2.0, 30, False), (2.0, 200, True), (60.0, 30, True), (60.0, 200, False)]
)
def test_somebody_who_stands_there_for_long_still_has_a_record_of_4_kb(
    window: float, rate: int, measured: bool
) -> None:
    """With a mask and without in turns, before a quick camera and a thermometer with a reading for each look."""
    chance = random.Random(1)
    policy = GatePolicy(window=Seconds(window), fever_above=37.5 if measured else None)
    visitor, log = Visitor(policy), Log(policy, MADE_BY)
    said = 0
    for number in range(2500):
        at = round(number / rate, 3)
        label = MASK if chance.random() < (0.9 if number // 600 % 2 else 0.1) else NO_MASK
        box = Box(*(round(chance.uniform(100, 300), 1) for _ in range(4)))
        evidence = Evidence(*(round(chance.uniform(0.1, 30.0), 3) for _ in range(5)))
        taken = (Taken(round(chance.gauss(36.5, 0.1), 3), "C", Seconds(at)),) if measured else ()
        each = VisitorLook(Seconds(at), label, round(chance.uniform(0.5, 1), 4), box, evidence, taken)
        judgement = visitor.see(each)
        log.add(each)
        if judgement is not None:
            said += 1
            packed = log.record(clock_ok=True)
            assert len(packed) <= MOST_BYTES
            assert len(unpack(packed).looks) > 5 - (said == 1)
            assert decide_again(unpack(packed)).judgement == judgement
    assert said > 2


def test_a_look_of_a_program_that_knew_less_is_read_with_what_it_had() -> None:
    names = {name: list(fields) for name, fields in field_names(VisitorLook).items()}
    values = plain(look(1.0))
    values.pop(names["VisitorLook"].index("readings"))
    names["VisitorLook"].remove("readings")
    assert rebuilt(VisitorLook, values, names) == look(1.0)
    values.pop(names["VisitorLook"].index("score"))
    names["VisitorLook"].remove("score")
    with pytest.raises(ValueError, match="VisitorLook has no score in the record"):
        rebuilt(VisitorLook, values, names)


def test_a_memory_that_finds_no_room_costs_the_replay_and_not_the_visit() -> None:
    ((_, packed),) = live([look(n * 0.2) for n in range(6)], POLICY, most_bytes=300)
    assert len(packed) < 700
    with pytest.raises(Unreadable, match="the visit had 5 looks, for which its record had no room"):
        decide_again(unpack(packed))


# -- what is no record -----------------------------------------------------------------------------------


def packed_again(**changes: Any) -> bytes:
    (_, packed), *_ = live([look(n * 0.2) for n in range(6)], POLICY)
    content = json.loads(zlib.decompress(packed))
    content.update(changes)
    return zlib.compress(json.dumps(content).encode())


def test_a_record_of_a_newer_version_is_a_sentence() -> None:
    with pytest.raises(Unreadable, match="has version 2, this program knows 1: it was written by a newer edge-mask"):
        unpack(packed_again(v=2))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_record_are_a_sentence(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpack(data)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_bit_is_a_sentence_and_never_another_answer(place: int, flip: int) -> None:
    ((judgement, packed),) = live([look(n * 0.2) for n in range(6)], POLICY)
    damaged = bytearray(packed)
    damaged[place % len(packed)] ^= flip
    try:
        again = decide_again(unpack(bytes(damaged)))
    except Unreadable:
        return
    assert again.judgement == judgement


@pytest.mark.parametrize(
    "changes",
    [
        {"looks": 5}, {"looks": [5]}, {"looks": [[]]}, {"looks": [["a", "b"]]}, {"gate": []}, {"fields": {}},
        {"fields": None}, {"before": "x"}, {"weights": [1.0]}, {"weights": 5}, {"gate": {"votes": "many"}},
    ],
)  # fmt: skip
def test_json_of_another_shape_is_a_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="the record does not fit"):
        unpack(packed_again(**changes))


@pytest.mark.parametrize(
    "memory", [5, {}, {"a": "Visitor", "of": {}}, {"a": "Popen", "of": {}}, {"dict": 5}, {"enum": []}]
)
def test_a_memory_of_another_program_is_a_sentence(memory: Any) -> None:
    with pytest.raises(Unreadable, match=r"fits only the edge-mask that recorded it, 0\.1\.0"):
        decide_again(unpack(packed_again(before=7, memory=memory)))


def test_what_grows_without_bound_is_no_record() -> None:
    with pytest.raises(Unreadable, match="damaged"):
        unpack(zlib.compress(b" " * 10**7))
