"""Nothing that a message or a rule says may hang the house, or eat its stack or its memory."""

import json
import tracemalloc
from contextlib import suppress

import pytest

from edge_mask.sql import (
    NO_MATCH,
    UNDEFINED,
    Context,
    EvaluationError,
    RuleError,
    RuleInput,
    Template,
    compile_rule,
    regex,
    render_template,
    to_payload,
)
from edge_mask.sql.errors import TookTooLong
from edge_mask.sql.functions import dates
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


@pytest.mark.parametrize("pattern", ["((a{0,100}){0,100}){0,100}b", "(" * 500 + ")" * 500, "a" * 2000])
def test_a_pattern_of_many_repeats_is_no_valid_pattern_or_ends(pattern: str) -> None:
    rule = compile_rule("SELECT VALUE regexp_matches(v, p) FROM 't'", V2)
    try:
        assert rule.evaluate("t", json.dumps({"p": pattern, "v": "a" * 5000}).encode()) in (False, UNDEFINED)
    except EvaluationError as error:
        assert "took longer" in str(error)  # noqa: PT017  as above


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{65535}){65535}",
        "a{1000}{1000}{1000}",
        "a{1000000}",
        "(?:ab{3}){10000}",
        "((a{30}){30}){30}",
        "[a{5}]{20000}",
        "(?x)a {20000}",
        "\\Q((\\E{20000}",
        "\\p{L}{20000,}",
    ],
)
@pytest.mark.parametrize("function", ["regexp_matches", "regexp_substr", "regexp_replace"])
def test_a_pattern_that_fills_the_memory_when_it_is_compiled_is_refused(function: str, pattern: str) -> None:
    """The engine writes each repeat out: the first of these took 997 MB."""
    rest = ", 'x'" if function == "regexp_replace" else ""
    with pytest.raises(RuleError, match="written out"):
        compile_rule(f"SELECT VALUE {function}(v, '{pattern}'{rest}) FROM 't'", V2)
    rule = compile_rule(f"SELECT VALUE {function}(v, p{rest}) FROM 't'", V2)
    tracemalloc.start()
    with pytest.raises(EvaluationError, match="written out"):
        rule.evaluate("t", json.dumps({"p": pattern, "v": "a"}).encode())
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "pattern", ["(a{50}){50}", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "[{]{3}", "a{0,65535}"]
)
def test_a_pattern_of_ordinary_repeats_is_none_of_these(pattern: str) -> None:
    assert compile_rule(f"SELECT VALUE regexp_matches(v, '{pattern}') FROM 't'", V2).evaluate("t", b'{"v": "-"}') in (
        True,
        False,
    )


def test_a_date_pattern_with_one_zone_after_the_other_is_refused() -> None:
    """Each letter could end in one zone or begin the next: billions of ways to read one text."""
    with pytest.raises(RuleError, match="the zone stands in it more than once"):
        compile_rule("SELECT time_to_epoch(v, 'zVzVzVzV') AS e FROM 't'", V2)
    with pytest.raises(RuleError, match="the letter d stands in it more than once"):
        compile_rule("SELECT time_to_epoch(v, 'd MM d') AS e FROM 't'", V2)
    rule = compile_rule("SELECT time_to_epoch(v, p) AS e FROM 't'", V2)
    assert rule.evaluate("t", json.dumps({"v": "a" * 48 + "!", "p": "zVzVzVzV"}).encode()) == {}


@pytest.mark.parametrize("pattern", ["yMdDHkKhmsn", "yMdHmsEaz", "EEEEMMMMaz", "V", "z"])
@pytest.mark.parametrize("text", ["1" * 900 + "!", "a" * 900 + "!", "Z" * 100_000])
def test_no_text_takes_long_to_read_as_a_date(pattern: str, text: str) -> None:
    rule = compile_rule("SELECT time_to_epoch(v, p) AS e FROM 't'", V2)
    assert rule.evaluate("t", json.dumps({"v": text, "p": pattern}).encode()) == {}


def test_names_and_patterns_of_a_megabyte_are_not_remembered() -> None:
    long = json.dumps({"v": "a" * 1_000_000}).encode()
    sizes = dates._zone.cache_info().currsize, dates._made_reader.cache_info().currsize, regex._compiled.cache_info()
    rule = compile_rule(
        "SELECT parse_time('z', 0, v) AS a, time_to_epoch('1', v) AS b, regexp_substr('', v) AS c FROM 't'", V2
    )
    assert rule.evaluate("t", long) == {}
    assert sizes[0] == dates._zone.cache_info().currsize
    assert sizes[1] == dates._made_reader.cache_info().currsize
    assert sizes[2].currsize == regex._compiled.cache_info().currsize


def test_a_hash_made_by_hand_takes_short_texts_only() -> None:
    with pytest.raises(EvaluationError, match="at most"):
        compile_rule("SELECT md2(v) AS m FROM 't'", V2).evaluate("t", json.dumps({"v": "x" * 20_000}).encode())


LONG = {"v": "x" * 16_000, "list": [1] * 50_000 + [2], "other": [1] * 50_000 + [3], "ones": [1] * 50_000}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + ", ".join(f"md2(v) AS m{n}" for n in range(500)) + " FROM 't'",
        "SELECT 1 AS a FROM 't' WHERE " + " OR ".join(["list = other"] * 900),
        "SELECT 1 AS a FROM 't' WHERE " + " OR ".join(["7 IN list"] * 900),
        "SELECT CASE list " + "WHEN other THEN 1 " * 900 + "END AS a FROM 't'",
        "SELECT 1 AS a FROM 't' WHERE " + " OR ".join(f"regexp_matches(v, '{n}(x|xx)+$')" for n in range(900)),
        "SELECT 1 AS a FROM 't' WHERE " + " AND ".join(["length(upper('x')) = 1"] * 9_000),
    ],
    ids=["hashes", "equal", "in", "case", "searches", "calls"],
)
def test_many_quick_steps_are_slow_together_and_end(sql: str) -> None:
    """No step alone takes long; without a bound over all of them each of these runs for minutes."""
    rule = compile_rule(sql, V2)
    with suppress(TookTooLong):
        assert rule.evaluate("t", json.dumps(LONG).encode()) in (NO_MATCH, {"a": 1})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + ", ".join(f"replace(lpad('', 60), ' ', v) AS a{n}" for n in range(900)) + " FROM 't'",
        "SELECT " + ", ".join(f"v + v AS a{n}" for n in range(900)) + " FROM 't'",
        "SET " + ", ".join(f"@a{n} = concat(ones, ones)" for n in range(900)) + " SELECT 1 AS a FROM 't'",
        "SET " + ", ".join(f"@a{n} = (SELECT VALUE v FROM list)" for n in range(900)) + " SELECT 1 AS a FROM 't'",
    ],
    ids=["replaced", "joined", "arrays", "subqueries"],
)
def test_many_texts_cannot_grow_together(sql: str) -> None:
    """No text alone is too long; together they would be gigabytes. The first bound that is reached ends it."""
    tracemalloc.start()
    with pytest.raises(EvaluationError, match=r"the rule would make more|took longer|would look at more than"):
        compile_rule(sql, V2).output(RuleInput("t", json.dumps(LONG).encode(), Context()))
    assert tracemalloc.get_traced_memory()[1] < 200_000_000
    tracemalloc.stop()


def test_a_template_shares_the_time_and_the_space_of_its_rule() -> None:
    message = RuleInput("t", json.dumps(LONG).encode(), Context())
    message.begin()
    hundred = Template("${replace(v, 'x', '12345678901234567890')}", V2)
    for _ in range(13):
        hundred.render(message)
    with pytest.raises(EvaluationError, match="the rule would make more"):
        hundred.render(message)


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
        compile_rule(sql, V2).output(RuleInput("t", payload, Context()))


def test_what_transform_would_make_is_measured_before_it_is_written() -> None:
    payload = json.dumps({"big": "x" * 60_000, "e": [{}] * 15_000}).encode()
    sql = "SELECT transform('enrichArray', {'k': big}, e) AS r FROM 't'"
    tracemalloc.start()
    assert compile_rule(sql, V2).output(RuleInput("t", payload, Context())) == b"{}"
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
