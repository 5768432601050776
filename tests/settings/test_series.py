"""What can be said of series and outliers: each nonsense has a sentence, also in the file of the criteria."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, parse
from edge_mask.settings.criteria_file import Limits, read
from edge_mask.settings.series_checks import is_flow, leaky, measured_series
from edge_mask.settings.series_remarks import series_remarks
from edge_mask.units import Seconds

MAIN: dict[str, Any] = {
    "name": "main",
    "kind": "serial",
    "path": "/dev/ttyUSB0",
    "pattern": r"(?P<flow>[\d.]+) (?P<pressure>[\d.]+)",
    "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}, "pressure": {"unit": "bar", "max": 20}},
}
HALL: dict[str, Any] = {"name": "hall", "kind": "mqtt", "topic": "a/b"}
DAY = Seconds(86400.0)
BAND = "a number from 0 on, or one for each quantity such as {flow: 0.5, pressure: 0.05}"
BEAM: dict[str, Any] = {"name": "beam", "kind": "gpio", "chip": "gpiochip0", "line": 27}


def settings(*sensors: dict[str, Any], **more: Any) -> Settings:
    return parse(json.dumps({"sensors": list(sensors), **more}), "gate.yaml", {})


def complaints(*sensors: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings(*sensors, **more)
    return [problem.partition(": ")[2] for problem in caught.value.problems]


def test_series_are_kept_where_they_are_asked_for() -> None:
    assert settings(MAIN).kept_series is None
    asked = settings({**MAIN, "outliers": {}}).kept_series
    assert asked is not None
    assert (asked.raw, asked.keep, asked.send) == (7 * DAY, 365 * DAY, "all")
    given = settings(MAIN, series={"keep": "90d"}).kept_series
    assert given is not None
    assert given.keep == 90 * DAY


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        ({"raw": "40d", "keep": "30d"}, "series.raw: found 40d; allowed: at most series.keep, 30d"),
        ({"raw": "1s"}, "series.raw: 1s is too small; allowed: a duration such as 0.2s, 5m or 30d, from 1h to 3650d"),
        ({"dead_band": 1}, "series.dead_band: belongs to send: changes, and send is all; change one of them"),
        (
            {"send": "changes", "dead_band": {"flwo": 1}},
            "series.dead_band.flwo: no sensor measures it; did you mean flow?; allowed: flow, pressure",
        ),
        (
            {"send": "changes", "dead_band": -1},
            f"series.dead_band: found -1; allowed: {BAND}",
        ),
        (
            {"send": "changes", "dead_band": {"flow": True}},
            f"series.dead_band: found True; allowed: {BAND}",
        ),
        ({"send": "changes", "dead_band": {}}, f"series.dead_band: found {{}}; allowed: {BAND}"),
        ({"quiet_hours": ["22:00", "24:00"]}, 'series.quiet_hours: found "24:00"; allowed: a time from 00:00 to 23:59'),
        (
            {"quiet_hours": ["22:00", "22:00"]},
            'series.quiet_hours: begins and ends at 22:00; allowed: two different times, such as ["22:00", "07:00"]',
        ),
        ({"send": "none"}, 'series.send: found "none"; allowed: all, changes, summaries'),
        ({"sned": "all"}, 'series.sned: unknown key; did you mean "send"?'),
        (
            {"retrain": "0s"},
            "series.retrain: 0s is too small; allowed: a duration such as 0.2s, 5m or 30d, from 1d to 3650d",
        ),
    ],
)
def test_nonsense_in_the_section_is_a_sentence(series: dict[str, Any], sentence: str) -> None:
    assert complaints(MAIN, series=series) == [sentence]


def test_home_assistant_shows_readings_and_needs_some() -> None:
    (sentence,) = complaints(HALL, series={"send": "summaries"}, homeassistant={"enabled": True})
    allowed = "allowed while homeassistant is enabled: all, changes"
    assert sentence == f"series.send: found summaries; Home Assistant shows readings: {allowed}"


def test_what_measures_no_number_has_no_series() -> None:
    assert complaints({**BEAM, "outliers": {}}) == [
        "sensors[0].outliers: are looked for in numbers, and passage is a state, 1 or 0; remove them"
    ]
    (sentence,) = complaints(BEAM, series={"keep": "30d"})
    assert "none of them measures a number" in sentence
    assert measured_series(settings(BEAM).sensors[0]) == {}


def test_leaks_are_looked_for_where_something_flows() -> None:
    def of(quiet: bool | None, sensor: dict[str, Any] = MAIN) -> frozenset[str]:
        return leaky(settings({**sensor, "outliers": {"quiet": quiet}}).sensors[0])

    assert of(None) == of(True) == {"flow"}
    assert of(False) == of(None, HALL) == frozenset()
    assert of(True, HALL) == {"temperature"}, "whoever says so of the only quantity means it"
    assert is_flow("q", "l/min")
    assert not is_flow("speed", "kmh")
    still = {**MAIN, "pattern": "(?P<a>.)(?P<b>.)", "quantities": {"a": {"unit": "bar"}, "b": {"unit": "C"}}}
    assert complaints({**still, "outliers": {"quiet": True}}) == [
        "sensors[0].outliers.quiet: looks for leaks in a flow, and none of a, b is one by its name or unit; remove it"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no criteria; write min, max and max_step below each of flow, pressure"),
        ("- 1", "holds no criteria; write min, max and max_step below each of flow, pressure"),
        ("min: 0", "line 1: min: is no quantity of this sensor; allowed: flow, pressure"),
        ("flwo: {min: 0}", "line 1: flwo: is no quantity of this sensor; did you mean flow?; allowed: flow, pressure"),
        ("flow: 3", "line 1: flow: holds no criteria; allowed: min, max, max_step"),
        (
            "flow: {maxstep: 3}",
            "line 1: flow.maxstep: is no criterion; did you mean max_step?; allowed: min, max, max_step",
        ),
        ("flow:\n  min: low", "line 2: flow.min: found 'low'; allowed: a number"),
        ("flow: {min: .nan}", "line 1: flow.min: found nan; allowed: a number"),
        ("flow: {min: true}", "line 1: flow.min: found True; allowed: a number"),
        ("flow: {min: 5, max: 5}", "line 1: flow.min: found 5; allowed: less than max, 5"),
        ("flow: {max_step: 0}", "line 1: flow.max_step: found 0; allowed: a number above 0"),
        ("flow: [", "line 1: not valid YAML"),
    ],
)
def test_nonsense_in_the_criteria_is_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "main.yaml"
    file.write_text(text)
    (found,) = complaints({**MAIN, "outliers": {"criteria": str(file)}})
    assert found.startswith(f'sensors[0].outliers.criteria: "{file}": {sentence}')


def test_criteria_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    (found,) = complaints({**MAIN, "outliers": {"criteria": str(tmp_path / "none.yaml")}})
    assert found.endswith("there is no such file")
    (found,) = complaints({**MAIN, "outliers": {"criteria": str(tmp_path)}})
    assert found.endswith("cannot be read: Is a directory")


def test_criteria_are_read_by_quantity(tmp_path: Path) -> None:
    file = tmp_path / "main.yaml"
    file.write_text("flow: {min: 0, max: 120.5, max_step: 30}\npressure: {max: 9}\n")
    assert settings({**MAIN, "outliers": {"criteria": str(file)}}).sensors
    assert read(file, ["flow", "pressure"]) == {"flow": Limits(0.0, 120.5, 30.0), "pressure": Limits(max=9.0)}


def test_a_quantity_cannot_be_called_like_what_is_said_of_series() -> None:
    for name in ("summaries", "records", "forecasts"):
        (sentence,) = complaints({**HALL, "quantity": name, "unit": "x"})
        assert "means something else" in sentence


def test_criteria_that_nothing_compares_with_are_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "main.yaml"
    file.write_text("flow: {min: 0, max: 120}\n")
    assert complaints({**MAIN, "outliers": {"value": False, "criteria": str(file)}}) == [
        "sensors[0].outliers.criteria: does nothing, as value is false, which compares with it; remove one of them"
    ]


@pytest.mark.parametrize("sensor", [MAIN, HALL])
def test_outliers_of_no_kind_are_a_sentence(sensor: dict[str, Any]) -> None:
    off: dict[str, Any] = dict.fromkeys(("system", "value", "forecast", "quiet"), False)
    assert complaints({**sensor, "outliers": off}) == [
        "sensors[0].outliers: look for nothing, as every kind is off; switch one on, or remove them"
    ]
    leaks = {**MAIN, "outliers": {**off, "quiet": None}}
    assert leaky(settings(leaks).sensors[0]) == {"flow"}


@pytest.mark.parametrize(("most", "unit", "count"), [(38, "C", 1), (42.9, "C", 1), (43, "C", 0), (100, "F", 1)])
def test_criteria_by_which_a_fever_is_an_outlier_are_told(most: float, unit: str, count: int, tmp_path: Path) -> None:
    file = tmp_path / "skin.yaml"
    file.write_text(f"temperature: {{max: {most}}}\n")
    skin = {**HALL, "name": "skin", "quantity": "temperature", "unit": unit, "outliers": {"criteria": str(file)}}
    other = {**skin, "name": "cellar", "topic": "a/c"}
    gate = {"temperature_sensor": "skin", "fever_above": 99.5 if unit == "F" else 37.5}
    door = {"name": "door", "role": "gate", "source": "usb:0"}
    found = list(series_remarks(settings(skin, other, gate=gate, cameras=[door])))
    assert [(key, is_fault) for key, _, is_fault in found] == [(("sensors", 0, "outliers", "criteria"), False)] * count
    for _, text, _ in found:
        assert (
            f"temperature is usual up to {most:g} there; a reading above it is an outlier and decides nothing" in text
        )
