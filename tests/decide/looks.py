"""Looks of people who do not exist: any value of any field that a look has, whatever fields are added to it."""

import dataclasses
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from edge_mask.decide.look import VisitorLook
from edge_mask.decide.visitor import GatePolicy
from edge_mask.messages import INCORRECT, MASK, NO_MASK
from edge_mask.units import Seconds

LABELS = st.sampled_from([MASK, MASK, MASK, NO_MASK, INCORRECT])


def digits(count: int, low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers with so many digits behind the point."""
    scale = 10**count
    return st.integers(int(low * scale), int(high * scale)).map(lambda whole: whole / scale)


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of that type."""
    if isinstance(hint, NewType):
        return any_of(hint.__supertype__)
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return st.one_of(*(st.none() if each is NoneType else any_of(each) for each in inner))
    if kind is Literal:
        return st.sampled_from(inner)
    if kind is tuple:
        return st.lists(any_of(inner[0]), max_size=3).map(tuple)
    if dataclasses.is_dataclass(hint):
        kind = cast("type", hint)
        return st.builds(kind, **{name: any_of(each) for name, each in get_type_hints(hint).items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        float: digits(3, -5.0, 45.0), str: st.sampled_from(["C", "forehead", "é"]), bool: st.booleans(),
        int: st.integers(-1000, 1000),
    }  # fmt: skip
    return simple[hint]


@st.composite
def looks(draw: st.DrawFn, most: int = 120) -> list[VisitorLook]:
    """Any sequence of looks at one person, in the order of time; pauses are mostly a camera's, now and then long."""
    at, found = 0.0, []
    given = {"label": LABELS, "score": digits(4, 0.3, 1.0)}
    kind = {name: any_of(hint) for name, hint in get_type_hints(VisitorLook).items()} | given
    every = draw(digits(3, 0.005, 0.4))
    for pause in draw(st.lists(st.just(every) | digits(3, 0.0, 3.0), min_size=1, max_size=most)):
        at = round(at + pause, 3)
        found.append(draw(st.builds(VisitorLook, **(kind | {"at": st.just(Seconds(at))}))))
    return found


POLICIES = st.builds(
    GatePolicy,
    votes=st.integers(1, 8),
    window=digits(1, 0.2, 6.0).map(Seconds),
    fever_above=st.none() | st.just(37.5),
    hold=digits(1, 0.0, 2.0).map(Seconds),
    pass_score=digits(2, 0.0, 1.0),
    still=st.sampled_from(["refuse", "ignore"]),
    without_temperature=st.sampled_from(["refuse", "ignore"]),
    coldest=st.none() | digits(1, 20.0, 36.0),
    hottest=st.none() | digits(1, 38.0, 45.0),
    temperature_max_age=digits(1, 0.5, 10.0).map(Seconds),
    min_face=digits(2, 0.0, 0.5),
)
