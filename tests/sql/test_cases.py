"""The documented behaviour of AWS IoT SQL, case by case, as data."""

import base64
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.sql.conformance import NO_MATCH, evaluate, payload_of

from edge_mask.errors import Refused

CASES = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))


def same(expected: Any, got: Any) -> bool:
    """Equality of JSON values; numbers that are not both whole may differ in the last digits of a double."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, int) and isinstance(got, int):
        return expected == got
    if isinstance(expected, int | float) and isinstance(got, int | float | Decimal):
        return math.isclose(expected, float(got), rel_tol=1e-9, abs_tol=1e-15)
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[key], got[key]) for key in expected)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    return type(expected) is type(got) and bool(expected == got)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_statement_gives_what_the_documentation_says(case: dict[str, Any]) -> None:
    arguments = (case["sql"], case["topic"], payload_of(case["payload"]), case.get("context", {}), case["sql_version"])
    if case["expected"] == "error":
        with pytest.raises(Refused):
            evaluate(*arguments)
        return
    got = evaluate(*arguments)
    if isinstance(got, bytes):
        got = {"base64": base64.b64encode(got).decode()}
    assert same(case["expected"], "no_match" if got is NO_MATCH else got), got
