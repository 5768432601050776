"""Documents of somebody else: numbers, or a sentence; never anything else."""

from typing import Any

import pytest

from edge_mask.errors import Refused
from edge_mask.settings.panels import Panel
from edge_mask.web.panels.points import MOST_POINTS, Point, points_of


def panel(**keys: Any) -> Panel:
    return Panel.model_validate({"name": "dust", "url": "https://example.org/", **keys})


@pytest.mark.parametrize(
    ("keys", "body", "expected"),
    [
        ({"path": "a.b"}, b'{"a": {"b": 12.5}}', [("", 12.5)]),
        ({"path": "a"}, b'{"a": "1,234.5"}', [("", 1234.5)]),
        ({"path": "$"}, b"[1, 2]", [("1", 1.0), ("2", 2.0)]),
        ({"path": "rows", "value": "n", "label": "d.day"}, b'{"rows": [{"n": 3, "d": {"day": "M"}}]}', [("M", 3.0)]),
        ({"path": "rows", "value": "n", "label": "x"}, b'{"rows": [{"n": 3}]}', [("", 3.0)]),
        ({"column": "n"}, b"\xef\xbb\xbfn,x\r\n3,a\r\n4,b\r\n", [("1", 3.0), ("2", 4.0)]),
        ({"column": "n", "label": "day"}, b"day;n\nMon;3\n\nTue;4\n", [("Mon", 3.0), ("Tue", 4.0)]),
        ({"column": "n", "label": "day"}, '"day","n"\n"월, 요일","-3"\n'.encode(), [("월, 요일", -3.0)]),
    ],
)  # fmt: skip
def test_numbers_are_found(keys: dict[str, Any], body: bytes, expected: list[tuple[str, float]]) -> None:
    assert points_of(panel(**keys), body) == [Point(*each) for each in expected]


@pytest.mark.parametrize(
    ("keys", "body", "says"),
    [
        ({"path": "a"}, b"<html>", "is not JSON"),
        ({"path": "a"}, b'{"a": ', "is not JSON"),
        ({"path": "a"}, b"[" * 100_000, "is not JSON"),
        ({"path": "a"}, b'{"a": 1' + b"0" * 5000 + b"}", "is not JSON|is no number"),
        ({"path": "a"}, b'{"b": 1}', "nothing stands at a"),
        ({"path": "a"}, b'{"a": null}', "is no number"),
        ({"path": "a"}, b'{"a": true}', "is no number"),
        ({"path": "a"}, b'{"a": NaN}', "is no number"),
        ({"path": "a"}, b'{"a": 1e300}', "is no number"),
        ({"path": "a"}, b'{"a": {"b": 1}}', "is no number"),
        ({"path": "a"}, b'{"a": []}', "no number there"),
        ({"path": "a", "value": "n"}, b'{"a": [{"m": 1}]}', r"a\[0\] of the answer: found nothing"),
        ({"path": "a"}, b"\xff\xfe", "byte 1 of the answer is not UTF-8"),
        ({"column": "n"}, b"a,b\n1,2\n", 'has no column "n"; it has a, b'),
        ({"column": "n"}, b"", 'has no column "n"'),
        ({"column": "n"}, b"n\n", "no number there"),
        ({"column": "n"}, b"n\nmany\n", "line 2 of the answer: found 'many'"),
        ({"column": "n"}, b"a,n\n1\n", "line 2 of the answer: found ''"),
        ({"column": "n"}, b'n\n"' + b"x" * 200_000, "is no CSV"),
        ({"column": "n"}, b"n\n" + b"1\n" * 100_001, "more than 100000 lines"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_a_sentence(keys: dict[str, Any], body: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        points_of(panel(**keys), body)


def test_of_a_long_row_the_last_are_kept_and_labels_are_short_lines() -> None:
    body = "\n".join(["day,n", *(f'"{"x" * 500}\n{each}",{each}' for each in range(500))]).encode()
    found = points_of(panel(column="n", label="day"), body)
    assert [point.value for point in found] == [float(each) for each in range(500 - MOST_POINTS, 500)]
    assert all(len(point.label) <= 60 and point.label.isprintable() for point in found)
