"""What the documentation leaves open, as docs/rules.md decides it, and what is refused when a rule is loaded."""

import json
from typing import Any

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
    render_template,
    to_payload,
)

V1, V2 = "2015-10-08", "2016-03-23"


def value(expression: str, payload: Any = None, version: str = V2, context: Context | None = None) -> Any:
    """What `SELECT VALUE expression` gives for a payload."""
    rule = compile_rule(f"SELECT VALUE {expression} FROM 't'", version)
    return rule.evaluate("t", json.dumps({} if payload is None else payload).encode(), context or Context())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7.5 / 2", 3.75),
        ("'7' / 2", 3.5),
        ("7 / 0", UNDEFINED),
        ("7 % 0", UNDEFINED),
        ("-7 % 3", -1),
        ("7.5 % 0", UNDEFINED),
        ("(75 - 32) * 5 / 9", 23),
        ("(75.5 - 32) * 5 / 9", 24.16666666666666666666666666666667),
        ("round(-1.5)", -2),
        ("get('abc', 1)", "b"),
        ("get([10, 20, 30], 1.9)", 30),
        ("concat(1)", 1),
        ("concat(1, 2)", UNDEFINED),
        ("concat('a', null)", UNDEFINED),
        ("'a' + null", UNDEFINED),
        ("'a' + nothere", UNDEFINED),
        ("bitnot(13)", -14),
        ("ltrim(' h i ')", "h i "),
        ("cast(-1.9 as Int)", -1),
        ("cast('text' as String)", "text"),
        ("null = null", True),
        ("null <> null", False),
        ("[1, 2] <> [2, 1]", True),
        ("sqrt(-1)", UNDEFINED),
        ("ln(0)", UNDEFINED),
        ("true OR nothere", True),
        ("nothere OR true", True),
        ("nothere OR 5 OR 'TRUE'", True),
        ("false OR nothere", UNDEFINED),
        ("nothere OR false", UNDEFINED),
        ("false AND nothere", False),
        ("null AND false", False),
        ("true AND nothere", UNDEFINED),
        ("nothere AND true", UNDEFINED),
        ("NOT (nothere AND false)", True),
        ("indexof('abc', 'x')", UNDEFINED),
        ("topic(0)", UNDEFINED),
        ("topic(9)", UNDEFINED),
        ("regexp_substr('abc', 'x')", UNDEFINED),
        ("chr(128)", UNDEFINED),
        ("get({'1': 2}, 1)", UNDEFINED),
        ("lpad('x', 'y')", UNDEFINED),
        ("3 IN [1, 2, 3]", True),
        ("4 IN [1, 2, 3]", False),
        ("3 IN 'text'", UNDEFINED),
        ("'it''s'", "it's"),
        ("'a\\d'", "a\\d"),
        ("regexp_matches('kf99', '^[a-z]+\\d+$')", True),
        ("regexp_replace('aXb', 'X', '\\$')", "a$b"),
        ("regexp_replace('ab', '(a)(b)', '$2$1')", "ba"),
        ("regexp_replace('ab', 'a', '$1')", UNDEFINED),
        ("regexp_replace('ab', '(?<first>a)', '<${first}>')", "<a>b"),
        ("substring('abc', 1, null)", UNDEFINED),
        ("substring('abc', 1, nothere)", UNDEFINED),
        ("topic(null)", UNDEFINED),
        ("get_user_properties(null)", UNDEFINED),
        ("get_or_default(replace(rpad('', 1000), ' ', lpad('', 1000) + rpad('', 1000)), 'too long')", "too long"),
        ("parse_time('HH z ZZZ', 0, '+01:00')", "01 +01:00 +01:00"),
        ("parse_time('HH z ZZZ', 0, 'Asia/Seoul')", "09 KST Asia/Seoul"),
        ("time_to_epoch('Friday 18 December 2015', 'EEEE dd MMMM yyyy')", 1450396800000),
        ("time_to_epoch('Monday 18 December 2015', 'EEEE dd MMMM yyyy')", UNDEFINED),
        ("regexp_matches('a.b', '^\\Qa.b\\E$')", True),
        ("regexp_matches('axb', '^\\Qa.b\\E$')", False),
        ("regexp_matches('a.b(', '^\\Qa.b(')", True),
        ("CASE nothere WHEN 1 THEN 2 ELSE 3 END", UNDEFINED),
        ("CASE 5 WHEN 1 THEN 2 END", UNDEFINED),
        ("1e400", UNDEFINED),
    ],
)
def test_open_questions_are_decided_as_documented(expression: str, expected: Any) -> None:
    got = value(expression)
    if expression == "1e400":
        assert to_payload(got) == b"1E+400"
    elif isinstance(expected, float):
        assert float(got) == pytest.approx(expected)
    else:
        assert got is expected if expected is UNDEFINED else (got == expected and type(got) is type(expected))


def test_34_digits_are_exact_and_the_35th_is_rounded() -> None:
    payload = b'{"a": 1234567890123456789012345678901234, "b": 1, "c": 0.1234567890123456789012345678901234}'

    def run(sql: str) -> bytes:
        return to_payload(compile_rule(sql, V2).evaluate("t", payload))

    assert run("SELECT VALUE a + b FROM 't'") == b"1234567890123456789012345678901235"
    assert run("SELECT VALUE c FROM 't'") == b"0.1234567890123456789012345678901234"
    assert run("SELECT VALUE c * 10 FROM 't'") == b"1.234567890123456789012345678901234"
    assert run("SELECT VALUE a * 10 FROM 't'") == b"1.234567890123456789012345678901234E+34"
    assert run("SELECT VALUE 1.0 / 3 FROM 't'") == b"0"
    assert run("SELECT VALUE 1.5 / 4.5 FROM 't'") == b"0.3333333333333333333333333333333333"


def test_version_2016_makes_whole_numbers_ints_and_2015_keeps_them_decimals() -> None:
    assert value("v / 4", {"v": 10.0}, V2) == 2
    assert value("v / 4", {"v": 10.0}, V1) == 2.5
    assert type(value("v", {"v": 10.0}, V2)) is int
    assert type(value("v", {"v": 10.0}, V1)) is float
    assert value("lower(v * 2)", {"v": 2.5}, V2) == "5"


def test_select_star_hands_on_the_very_bytes_of_the_payload() -> None:
    from edge_mask.sql import RuleInput

    payload = b'{ "temperature": 31.50,\n "big": 12345678901234567890123456789012345678901234567890 }'
    rule = compile_rule("SELECT * FROM 't' WHERE temperature > 30", V2)
    assert rule.output(RuleInput("t", payload, Context())) is payload
    assert compile_rule("SELECT * FROM 't'", V2).output(RuleInput("t", b"\xff\x00", Context())) == b"\xff\x00"


@pytest.mark.parametrize(
    ("sql", "payload", "expected"),
    [
        ("SELECT a.b FROM 't'", {"a": {"b": 1}}, {"b": 1}),
        ("SELECT topic() FROM 't'", {}, {"topic": "t"}),
        ("SELECT *, x AS color FROM 't'", {"color": "red", "x": 1}, {"color": 1, "x": 1}),
        ("SELECT a AS state.reported.a FROM 't'", {"a": 1}, {"state": {"reported": {"a": 1}}}),
        ("SELECT * AS state.reported FROM 't'", {"a": 1}, {"state": {"reported": {"a": 1}}}),
        ("SELECT *, a AS s.x FROM 't'", {"a": 1, "s": {"y": 2}}, {"a": 1, "s": {"y": 2, "x": 1}}),
        ("SELECT nothere FROM 't'", {}, {}),
        ("SELECT a, FROM 't'", {"a": 1}, {"a": 1}),
        ("SELECT {'a': 1, } AS o FROM 't'", {}, {"o": {"a": 1}}),
        ("SELECT value FROM 't'", {"value": 1}, {"value": 1}),
        ("SELECT value, a FROM 't'", {"value": 1, "a": 2}, {"value": 1, "a": 2}),
        ("SELECT value * 2 AS d FROM 't'", {"value": 4}, {"d": 8}),
        ("SELECT value - 1 AS d FROM 't'", {"value": 4}, {"d": 3}),
        ("SELECT VALUE -1 FROM 't'", {"value": 4}, -1),
        ("SELECT VALUE * FROM 't'", [1, 2], [1, 2]),
        ("SELECT item2, is, like FROM 't'", {"item2": 1, "is": 2, "like": 3}, {"item2": 1, "is": 2, "like": 3}),
        ("SELECT a.end, a.value FROM 't'", {"a": {"end": 1, "value": 2}}, {"end": 1, "value": 2}),
        ("SELECT 온도 FROM 't'", {"온도": 36.5}, {"온도": 36.5}),
        ("SELECT (SELECT * FROM e) AS r FROM 't'", {"e": [{"a": 1}, {"a": 2}]}, {"r": [{"a": 1}, {"a": 2}]}),
        ("SELECT (SELECT x FROM e) AS r FROM 't'", {"e": {"x": 1, "y": 2}}, {"r": {"x": 1}}),
        ("SELECT (SELECT VALUE a FROM e AS a WHERE a > 1) AS r FROM 't'", {"e": [1, 2, 3]}, {"r": [2, 3]}),
        ("SELECT (SELECT VALUE n FROM e) AS r FROM 't'", {"e": 5}, {}),
        ("SELECT 1 AS a FROM 't' WHERE exists (SELECT * FROM e AS x WHERE x = 3)", {"e": [1, 3]}, {"a": 1}),
        ("SELECT 1 AS a FROM 't' WHERE exists (SELECT * FROM e AS x WHERE x = 4)", {"e": [1, 3]}, NO_MATCH),
        ("SELECT 1 AS a FROM 't' WHERE 'true'", {}, NO_MATCH),
        ("SELECT 1 AS a FROM 't' WHERE NOT (false AND nothere)", {}, {"a": 1}),
        ("SELECT 1 AS a FROM 't' WHERE NOT (true AND nothere)", {}, NO_MATCH),
        ("SELECT 1 AS a FROM 't' WHERE true OR nothere = 1", {}, {"a": 1}),
        ("SELECT 1 AS a FROM 't' WHERE false OR nothere = 1", {}, NO_MATCH),
        ("SET @a = 2, @b = @a * 3 SELECT @b AS b, @b FROM 't'", {}, {"b": 6}),
    ],
)
def test_a_select_makes_what_the_guide_says(sql: str, payload: Any, expected: Any) -> None:
    assert compile_rule(sql, V2).evaluate("t", json.dumps(payload).encode()) == expected


@pytest.mark.parametrize(
    ("sql", "line", "column", "words"),
    [
        ("", 1, 1, "begins with SELECT"),
        ("SELEC * FROM 't'", 1, 1, "begins with SELECT"),
        ("SELECT * FROM t", 1, 15, "single quotes"),
        ('SELECT * FROM "t"', 1, 15, "single quotes"),
        ("SELECT *\nFROM 't'\nWHERE a == 1", 3, 10, "write ="),
        ("SELECT * FROM 't' WHERE a != 1", 1, 27, "write <>"),
        ("SELECT * FROM 't' WHERE a LIKE 'x'", 1, 27, "regexp_matches"),
        ("SELECT * FROM 't' WHERE a BETWEEN 1 AND 2", 1, 27, "a >= x"),
        ("SELECT * FROM 't' WHERE a IS NULL", 1, 27, "isNull()"),
        ("SELECT * FROM 't' GROUP BY a", 1, 19, "one message at a time"),
        ("SELECT * FROM 't' WHERE nope(1)", 1, 25, "no function nope()"),
        ("SELECT * FROM 't' WHERE uper(a) = 'X'", 1, 25, "did you mean upper?"),
        ("SELECT 1 + 1 FROM 't'", 1, 8, "write AS"),
        ("SELECT 'x' FROM 't'", 1, 8, "write AS"),
        ("SELECT VALUE a, b FROM 't'", 1, 15, "one item"),
        ("SELECT * FROM 't' WHERE a = 'x", 1, 29, "no closing '"),
        ("SELECT * FROM 't' WHERE (a = 1", 1, 31, "closing )"),
        ("SELECT * FROM 't' -- all of it", 1, 19, "comments"),
        ("SELECT * FROM 't' # all of it", 1, 19, "comments"),
        ("SELECT (temperature \u2013 32) AS c FROM 't'", 1, 21, "a dash"),
        ("SELECT VALUE \u0663 FROM 't'", 1, 14, "is not understood"),
        ("SELECT VALUE 1\U0001d7d9 FROM 't'", 1, 15, "is not understood"),
        ("SELECT @a AS a FROM 't'", 1, 8, "not assigned"),
        ("SET @a = @b, @b = 1 SELECT @a AS a FROM 't'", 1, 10, "not assigned"),
        ("SELECT * FROM 't'; ", 1, 18, "no ';'"),
        ("SELECT * FROM 'a/b/c/d/e/f/g/h/i'", 1, 15, "at most 7"),
        ("SELECT * FROM 'a/#/b'", 1, 15, "only at the end"),
        ("SELECT * FROM ''", 1, 15, "empty"),
        ("SELECT (SELECT a FROM 'x') AS r FROM 't'", 1, 23, "a path, not a topic"),
        ("SELECT cast(a as Strng) FROM 't'", 1, 8, "did you mean string?"),
        ("SELECT get_dynamodb(1,2,3,4) AS a, get_dynamodb(1,2,3,4) AS b FROM 't'", 1, 36, "once"),
        ("SELECT a..b FROM 't'", 1, 10, "name follows the dot"),
        ("SELECT a FROM 't' WHERE WHERE", 1, 25, "cannot stand here"),
        ("SELECT CASE WHEN a > 1 THEN 2 END AS r FROM 't'", 1, 13, "a value to compare"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(sql: str, line: int, column: int, words: str) -> None:
    with pytest.raises(RuleError) as raised:
        compile_rule(sql, V2)
    assert (raised.value.line, raised.value.column) == (line, column), raised.value
    assert words in raised.value.sentence


@pytest.mark.parametrize(
    "expression",
    [
        "[1]",
        "{'a': 1}",
        "(SELECT a FROM b)",
        "length(a)",
        "encode(a, 'base64')",
        "isUndefined(a)",
        "cast(a as Decimal)",
    ],
)
def test_what_came_with_2016_is_refused_in_a_2015_rule(expression: str) -> None:
    compile_rule(f"SELECT {expression} AS r FROM 't'", V2)
    with pytest.raises(RuleError, match="2016-03-23"):
        compile_rule(f"SELECT {expression} AS r FROM 't'", V1)


def test_an_array_as_the_whole_output_needs_2016() -> None:
    assert value("v", {"v": [1, 2]}, V2) == [1, 2]
    with pytest.raises(EvaluationError, match="2016-03-23"):
        value("v", {"v": [1, 2]}, V1)


def test_binary_payloads() -> None:
    payload = b"\xff\x00\x10"
    assert compile_rule("SELECT * FROM 't'").evaluate("t", payload) == payload
    assert compile_rule("SELECT * FROM 't' WHERE device = 'x'").evaluate("t", payload) is NO_MATCH
    with pytest.raises(EvaluationError, match="JSON object"):
        compile_rule("SELECT *, timestamp() AS ts FROM 't'").evaluate("t", payload)
    with pytest.raises(EvaluationError, match="base64"):
        compile_rule("SELECT * AS data FROM 't'").evaluate("t", payload)


def test_a_device_that_knows_nothing_says_so() -> None:
    assert [value(f"{name}()") for name in ("clientid", "principal", "accountid", "sourceip")] == ["n/a"] * 4
    assert value("traceid()") is UNDEFINED
    assert value("get_thing_shadow('a', 'role')") is UNDEFINED


def test_mqtt_5_headers_can_be_read() -> None:
    context = Context(
        mqtt={"content_type": "text/plain", "correlation_data": b"42", "payload_format_indicator": 1},
        user_properties=[("site", "door"), ("site", "gate")],
    )
    assert value("get_mqtt_property('content_type')", context=context) == "text/plain"
    assert value("get_mqtt_property('correlation_data')", context=context) == "NDI="
    assert value("get_mqtt_property('format_indicator')", context=context) == "UTF8_DATA"
    assert value("get_mqtt_property('nope')", context=context) is UNDEFINED
    assert value("get_user_properties('site')", context=context) == ["door", "gate"]
    assert value("get_user_properties()", context=context) == [{"site": "door"}, {"site": "gate"}]
    assert value("get_user_properties('other')", context=context) is UNDEFINED


def test_what_needs_aws_is_known_when_the_rule_is_loaded() -> None:
    rule = compile_rule("SELECT aws_lambda('arn', *) AS a FROM 't'", V2)
    assert rule.cloud_functions == {"aws_lambda"}
    with pytest.raises(EvaluationError, match="runs in AWS"):
        rule.evaluate("t", b"{}")
    assert compile_rule("SELECT decode(a, 'proto', 'x') AS a FROM 't'", V2).cloud_functions == {"decode"}


def test_a_template_skips_braces_and_quotes_inside_its_expressions() -> None:
    payload = b'{"a": "x", "n": null, "o": {"k": [1, 2]}}'
    assert render_template("${get({'}': a}, '}')}-${n}-${o}", "t", payload, version=V2) == 'x--{"k":[1,2]}'
    assert render_template("$a $$ {} ${'${'}", "t", payload) == "$a $$ {} ${"


def test_variables_may_have_digits_anywhere_in_their_names() -> None:
    rule = compile_rule("SET @1st = 1, @a_2 = @1st + 1 SELECT @1st AS a, @a_2 AS b FROM 't'", V2)
    assert rule.evaluate("t", b"{}") == {"a": 1, "b": 2}


def test_a_template_sees_the_variables_of_its_rule() -> None:
    rule = compile_rule("SET @v = a * 2, @o = {'k': @v} SELECT * FROM 't'", V2)
    message = RuleInput("t", b'{"a": 4}', Context())
    assert rule.output(message) == b'{"a": 4}'
    assert Template("${@v + 1}/${@o.k}", V2, rule.variables).render(message) == "9/8"
    with pytest.raises(RuleError, match="@w is not assigned"):
        Template("${@w}", V2, rule.variables)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("a/${b", 3, "not closed"),
        ("a/${b c}/d", 7, "closing }"),
        ("x${nope()}", 4, "no function"),
        ("${}", 3, "a value"),
    ],
)
def test_a_faulty_template_is_refused_with_its_place(text: str, column: int, words: str) -> None:
    with pytest.raises(RuleError, match=words) as raised:
        render_template(text, "t", b"{}")
    assert raised.value.column == column
