"""Nothing that a message or a rule says may hang the house, or eat its stack or its memory."""

import json
import tracemalloc

import pytest

from edge_mask.sql import (
    NO_MATCH,
    UNDEFINED,
    Context,
    EvaluationError,
    Message,
    RuleError,
    compile_rule,
    render_template,
    to_payload,
)
from edge_mask.sql.text import MAX_TEXT

V2 = "2016-03-23"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 30_000 + "!"),
        ("(a|aa)+$", "a" * 30_000 + "!"),
        ("(.*?,){30}P", "1," * 200),
        ("^(\\w+\\s?)*$", "aaaa " * 200 + "!"),
        ("(x+x+)+y", "x" * 5_000),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 5_000),
        ("(a*)*b", "a" * 100_000),
        (".*.*.*=.*", "x" * 100_000),
    ],
)
@pytest.mark.parametrize("function", ["regexp_matches(v, p)", "regexp_substr(v, p)", "regexp_replace(v, p, 'x')"])
def test_a_catastrophic_pattern_ends_in_time(function: str, pattern: str, text: str) -> None:
    """Without a limit each of these would search for years, and the run's own limit of time would end it."""
    rule = compile_rule(f"SELECT VALUE {function} FROM 't'", V2)
    payload = json.dumps({"p": pattern, "v": text}).encode()
    try:
        answer = rule.evaluate("t", payload)
    except EvaluationError as error:
        assert "took longer" in str(error)  # noqa: PT017  an answer in time is right as well
    else:
        assert answer in (False, UNDEFINED) or answer == text


def test_a_pattern_of_many_repeats_is_no_valid_pattern_or_ends() -> None:
    rule = compile_rule("SELECT VALUE regexp_matches(v, p) FROM 't'", V2)
    for pattern in ("((a{0,100}){0,100}){0,100}b", "a{1000}{1000}{1000}", "(" * 500 + ")" * 500, "a" * 2000):
        try:
            rule.evaluate("t", json.dumps({"p": pattern, "v": "a" * 5000}).encode())
        except EvaluationError as error:
            assert "took longer" in str(error)  # noqa: PT017  as above


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 100_000 + "a FROM 't'",
        "SELECT " + "abs(" * 5_000 + "a" + ")" * 5_000 + " AS a FROM 't'",
        "SELECT " + "[" * 5_000 + "]" * 5_000 + " AS a FROM 't'",
        "SELECT " + "- " * 5_000 + "a AS a FROM 't'",
        "SELECT * FROM 't' WHERE " + "NOT " * 5_000 + "a",
        "SELECT " + "(SELECT VALUE " * 5_000 + "a" + " FROM e)" * 5_000 + " AS a FROM 't'",
        "SELECT a" + ".b" * 5_000 + " FROM 't'",
        "SELECT " + "CASE " * 5_000 + "a FROM 't'",
        "SELECT '" + "x" * 300_000 + "' AS a FROM 't'",
    ],
    ids=lambda sql: sql[:25],
)
def test_a_statement_nested_too_deep_or_too_long_is_refused(sql: str) -> None:
    with pytest.raises(RuleError):
        compile_rule(sql, V2)


def test_long_chains_are_not_deep() -> None:
    rule = compile_rule(f"SELECT {' + '.join(['a'] * 2000)} AS s FROM 't' WHERE {' OR '.join(['a = 1'] * 500)}", V2)
    assert rule.evaluate("t", b'{"a": 1}') == {"s": 2000}


@pytest.mark.parametrize("depth", [50, 99, 500, 5_000, 60_000])
@pytest.mark.parametrize("sql", ["SELECT * FROM 't' WHERE a = a", "SELECT upper(a) AS u FROM 't'", "SELECT a FROM 't'"])
def test_a_payload_nested_too_deep_is_an_error_of_that_message(sql: str, depth: int) -> None:
    payload = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
    if depth < 100:
        assert to_payload(compile_rule(sql, V2).evaluate("t", payload))
    else:
        with pytest.raises(EvaluationError, match="nested"):
            compile_rule(sql, V2).evaluate("t", payload)


@pytest.mark.parametrize(
    "expression",
    [
        "replace(a, 'x', a)",
        "regexp_replace(a, 'x', a)",
        "regexp_replace(a, 'x{1000}', concat(a, '$0'))",
        "concat(a, a, a, a, a, a, a, a, a, a, a, a)",
        " + ".join(["a"] * 12),
    ],
)
def test_a_text_cannot_grow_without_bound(expression: str) -> None:
    payload = json.dumps({"a": "x" * 120_000}).encode()
    with pytest.raises(EvaluationError, match=str(MAX_TEXT)):
        compile_rule(f"SELECT VALUE {expression} FROM 't'", V2).evaluate("t", payload)


def test_variables_cannot_double_the_message_over_and_over() -> None:
    doubling = ", ".join(f"@v{n} = {{'a': @v{n - 1}, 'b': @v{n - 1}}}" for n in range(1, 30))
    with pytest.raises(RuleError, match="pieces of the message"):
        compile_rule(f"SET @v0 = big, {doubling} SELECT @v29 AS r FROM 't'", V2)


@pytest.mark.parametrize("where", ["lower(@v29) = 'x'", "@v29 = @v28"])
def test_nor_can_a_condition_walk_through_what_they_would_hold(where: str) -> None:
    doubling = ", ".join(f"@v{n} = [@v{n - 1}, @v{n - 1}]" for n in range(1, 30))
    with pytest.raises(RuleError, match="pieces of the message"):
        compile_rule(f"SET @v0 = big, {doubling} SELECT 1 AS r FROM 't' WHERE {where}", V2)


@pytest.mark.parametrize(
    "sql",
    [
        "SET @p = big SELECT (SELECT VALUE @p FROM e) AS r FROM 't'",
        "SET @p = big SELECT (SELECT @p AS p, v FROM e) AS r FROM 't'",
        "SELECT (SELECT VALUE rpad(rpad(rpad('', 1000), 1000), 1000) FROM e) AS r FROM 't'",
    ],
)
def test_a_nested_select_cannot_repeat_the_message_for_each_element(sql: str) -> None:
    payload = json.dumps({"big": "x" * 60_000, "e": [0] * 20_000}).encode()
    with pytest.raises(EvaluationError, match=str(MAX_TEXT)):
        compile_rule(sql, V2).output(Message("t", payload, Context()))


def test_what_transform_would_make_is_measured_before_it_is_written() -> None:
    payload = json.dumps({"big": "x" * 60_000, "e": [{}] * 15_000}).encode()
    sql = "SELECT transform('enrichArray', {'k': big}, e) AS r FROM 't'"
    tracemalloc.start()
    assert compile_rule(sql, V2).output(Message("t", payload, Context())) == b"{}"
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_nested_selects_end_when_they_take_long_together() -> None:
    payload = json.dumps({"l": list(range(25_000)), "e": [{"v": "none"}] * 4000}).encode()
    sql = "SET @l = l SELECT (SELECT VALUE regexp_matches(cast(@l as String), v) FROM e) AS r FROM 't'"
    with pytest.raises(EvaluationError, match="took longer"):
        compile_rule(sql, V2).evaluate("t", payload)


def test_nested_selects_look_at_a_bounded_number_of_elements() -> None:
    sql = "SET @e = e SELECT (SELECT VALUE (SELECT VALUE (SELECT VALUE 1 FROM @e) FROM @e) FROM @e) AS r FROM 't'"
    payload = json.dumps({"e": [{}] * 1000}).encode()
    with pytest.raises(EvaluationError, match="nested SELECT"):
        compile_rule(sql, V2).evaluate("t", payload)


@pytest.mark.parametrize(
    "number",
    [
        "9" * 4000,
        "9" * 20_000,
        "1e999999999",
        "-1e-999999999",
        "1" + "0" * 5000 + ".5",
        "-1e99999999999999999999",
        "0e99999999999999999999",
    ],
)
def test_an_enormous_number_is_carried_or_undefined_never_computed(number: str) -> None:
    payload = f'{{"a": {number}, "t": "{number}"}}'.encode()
    for sql in (
        "SELECT * FROM 't'",
        "SELECT a FROM 't'",
        "SELECT a + 1 AS r, a * a AS s, a / 3 AS d, a % 7 AS m, -a AS n FROM 't'",
        "SELECT floor(a) AS f, round(a) AS r, trunc(a, 2) AS t, power(a, a) AS p, bitand(a, 1) AS b FROM 't'",
        "SELECT cast(a as Int) AS i, cast(t as Int) AS j, chr(a) AS c, rpad('x', a) AS p, get('x', a) AS g FROM 't'",
        "SELECT parse_time('yyyy', a) AS y, topic(a) AS t, substring('abc', a) AS s, sin(a) AS x FROM 't'",
        "SELECT a FROM 't' WHERE a > 5 OR a = 5 OR a < 5",
        f"SELECT {number} AS a, abs('{number}') AS b FROM 't'",
    ):
        value = compile_rule(sql, V2).evaluate("t", payload)
        assert value is NO_MATCH or len(to_payload(value)) < 200_000


def test_half_a_surrogate_pair_passes_through_as_json_escapes_it() -> None:
    payload = b'{"a": "\\ud800"}'
    assert to_payload(compile_rule("SELECT a, md5(a) AS m FROM 't'", V2).evaluate("t", payload)).startswith(
        b'{"a":"\\ud800","m":"'
    )
    assert render_template("${a}", "t", payload) == "\ud800"


def test_nan_and_infinity_are_not_json() -> None:
    for payload in (b'{"a": NaN}', b'{"a": Infinity}'):
        assert compile_rule("SELECT * FROM 't'", V2).evaluate("t", payload) == payload
        assert compile_rule("SELECT * FROM 't' WHERE a > 1", V2).evaluate("t", payload, Context()) is NO_MATCH
