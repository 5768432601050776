"""The state table in the documentation is the one that runs."""

from pathlib import Path

from edge_mask.decide.states import TABLE

DOCUMENT = Path(__file__).parents[2] / "docs/decisions.md"


def test_the_documented_table_is_the_real_one() -> None:
    real = [
        f"| {state.name} | {sign.name} | {to.state.name} | {'yes ' if to.says_visit else ''}|"
        for state, row in TABLE.items()
        for sign, to in row.items()
    ]
    names = tuple(f"| {state.name} " for state in TABLE)
    assert [line for line in DOCUMENT.read_text().splitlines() if line.startswith(names)] == real
