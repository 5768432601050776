"""Whatever text is a statement and whatever bytes are a message: a rule, a value, or a sentence."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge_mask.sql import (
    NO_MATCH,
    UNDEFINED,
    Context,
    EvaluationError,
    RuleError,
    compile_rule,
    render_template,
    to_payload,
)
from edge_mask.sql.functions import FUNCTIONS
from edge_mask.sql.json import NOT_JSON, decode_payload
from edge_mask.sql.topics import TopicTree, check_filter, check_topic, topic_matches
from edge_mask.sql.values import equal

V2 = "2016-03-23"
QUICK = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.sampled_from(
    [
        *(
            [
                "SELECT",
                "FROM",
                "WHERE",
                "AS",
                "AND",
                "OR",
                "NOT",
                "IN",
                "CASE",
                "WHEN",
                "THEN",
                "ELSE",
                "END",
                "NULL",
                "TRUE",
                "VALUE",
                "SET",
                "EXISTS",
            ]
        ),
        *(
            [
                "*",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                ",",
                ".",
                ":",
                "=",
                "<>",
                "<",
                ">",
                "+",
                "-",
                "/",
                "%",
                "@a",
                "@b",
                "'a/b'",
                "'x'",
                '"y"',
                "1",
                "2.5",
                "1e9",
                "a",
                "b",
                "${",
                "}",
            ]
        ),
        *(f"{name}(" for name in FUNCTIONS),
    ]
)
NUMBERS = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=12)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcde") | st.text(max_size=4), inner),
    max_leaves=12,
)


def expressions() -> st.SearchStrategy[str]:
    """Well-formed expressions over the attributes a, b, c."""
    atoms = st.sampled_from(
        ["a", "b", "c", "a.b", "nothere", "1", "-2.5", "'x'", "'1.5'", "true", "null", "[1, 'x']", "{'k': a}", "*"]
    )

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        calls = st.builds(
            lambda name, arguments: f"{name}({', '.join(arguments)})",
            st.sampled_from(sorted(FUNCTIONS)),
            st.lists(inner, max_size=4),
        )
        operators = st.builds(
            lambda left, sign, right: f"({left} {sign} {right})",
            inner,
            st.sampled_from(["+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "IN"]),
            inner,
        )
        casts = st.builds(
            lambda value, kind: f"cast({value} as {kind})", inner, st.sampled_from(["Int", "String", "Decimal", "Bool"])
        )
        cases = st.builds(lambda v, t, r: f"CASE {v} WHEN {t} THEN {r} ELSE {v} END", inner, inner, inner)
        queries = st.builds(lambda v, w: f"(SELECT {v} AS r, * FROM a WHERE {w})", inner, inner)
        return calls | operators | casts | cases | queries | inner.map(lambda text: f"(NOT {text})")

    return st.recursive(atoms, grow, max_leaves=6)


CONTEXT = Context(shadow=lambda thing, name: {"thing": thing, "name": name}, cloud=lambda _name, _arguments: {"k": 1})


@QUICK
@given(st.text(max_size=80) | st.lists(WORDS, max_size=25).map(" ".join) | st.lists(WORDS).map("SELECT ".join))
@example("SELECT * FROM 'a'")
@example("SELECT\x00")
def test_any_text_is_a_rule_or_a_sentence(text: str) -> None:
    for version in ("2015-10-08", V2):
        try:
            rule = compile_rule(text, version)
        except RuleError as error:
            assert min(error.line, error.column) >= 1  # noqa: PT017  a rule would be as good
        else:
            assert rule.sql == text
    with suppress(RuleError, EvaluationError):
        assert isinstance(render_template(text, "t", b"{}", CONTEXT), str)


@settings(QUICK, max_examples=400)
@given(expressions(), JSON | st.dictionaries(st.sampled_from("abc"), JSON, min_size=1))
def test_any_statement_gives_a_value_or_its_documented_error(expression: str, payload: Any) -> None:
    try:
        rule = compile_rule(f"SELECT {expression} AS r FROM 't/#'", V2)
    except RuleError as error:
        assert "once" in error.sentence  # noqa: PT017  get_dynamodb() twice is the one thing these can do wrong
        return
    try:
        value = rule.evaluate("t/x", json.dumps(payload).encode(), CONTEXT)
        output = to_payload(value)
    except EvaluationError:
        return
    assert value is not UNDEFINED
    assert equal(decode_payload(output, 2), value)


@QUICK
@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_bytes_on_any_topic_are_a_message(payload: bytes, topic: str) -> None:
    for sql in ("SELECT * FROM '#'", "SELECT a.b AS r FROM '#' WHERE a > 1", "SELECT encode(*, 'base64') AS d"):
        try:
            value = compile_rule(sql, V2).evaluate(topic, payload)
        except EvaluationError:
            continue
        assert value is NO_MATCH or isinstance(to_payload(value), bytes)


@QUICK
@given(JSON)
def test_what_is_read_is_written_back_with_every_digit(value: Any) -> None:
    text = json.dumps(value)
    for version in (1, 2):
        read = decode_payload(text.encode(), version)
        assert read is not NOT_JSON
        again = decode_payload(to_payload(read), version)
        assert equal(again, read)


@QUICK
@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,33})(\.[0-9]{1,30})?([eE]-?[0-9]{1,2})?\Z"))
def test_a_number_keeps_its_34_digits(text: str) -> None:
    from decimal import Context as Digits
    from decimal import Decimal

    exact = Digits(prec=34).create_decimal(text)
    for version in (1, 2):
        read = decode_payload(text.encode(), version)
        assert Decimal(repr(read) if isinstance(read, float) else read) == exact
        assert Decimal(to_payload(read).decode()) == exact


LEVELS = st.lists(st.sampled_from(["a", "b", "", "$x"]), min_size=1, max_size=5)
FILTERS = st.lists(st.sampled_from(["a", "b", "", "+", "$x"]), min_size=1, max_size=5)


def plainly_matches(levels: list[str], topic: list[str]) -> bool:
    """The rule in words, one level after the other."""
    if topic[0].startswith("$") and levels[0] in {"+", "#"}:
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return len(topic) > index
        if index >= len(topic) or level not in {"+", topic[index]}:
            return False
    return len(topic) == len(levels)


@QUICK
@given(st.lists(st.tuples(FILTERS, st.booleans()), max_size=8), LEVELS)
def test_the_tree_finds_exactly_the_filters_that_match_one_by_one(
    filters: list[tuple[list[str], bool]], topic: list[str]
) -> None:
    tree: TopicTree[int] = TopicTree()
    patterns = [[*levels, "#"] if is_open else levels for levels, is_open in filters]
    for index, levels in enumerate(patterns):
        tree.add("/".join(levels), index)
    expected = [index for index, levels in enumerate(patterns) if plainly_matches(levels, topic)]
    assert sorted(tree.matches("/".join(topic))) == expected
    for levels in patterns:
        assert topic_matches("/".join(levels), "/".join(topic)) == plainly_matches(levels, topic)


@QUICK
@given(st.text(max_size=300))
def test_any_text_is_a_topic_or_not(text: str) -> None:
    assert check_topic(text) is None or isinstance(check_topic(text), str)
    assert check_filter(text) is None or isinstance(check_filter(text), str)
    if check_topic(text) is None:
        assert len(text.encode()) <= 256
        assert text.count("/") <= 7 or text.startswith("$aws/rules/")
