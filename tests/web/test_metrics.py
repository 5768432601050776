"""`/metrics`: names and units by Prometheus' conventions, counters that only grow, and Prometheus' own judgement."""

import subprocess
from itertools import count

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.web.metric_figures import NOW, busy_tally, visit, whole_house

from edge_mask.messages import Fault, Quality, Reading
from edge_mask.observe.tally import MOST_KEYS, Carried, Labels, Tally
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.web.metrics.collector import HouseCollector
from edge_mask.web.metrics.figures import HouseFigures
from edge_mask.web.metrics.requests import Requests
from edge_mask.web.metrics.text import text_of

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def text(tally: Tally, house: HouseFigures, requests: Requests | None = None) -> str:
    return text_of(HouseCollector(tally, lambda: house, requests or Requests())).decode()


def samples(told: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def value(told: Samples, name: str, **labels: str) -> float:
    return told[f"edge_mask_{name}", tuple(sorted(labels.items()))]


def names(told: str) -> set[str]:
    return {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")}


def bare() -> HouseFigures:
    return HouseFigures(now=NOW, started=0.0)


def test_promtool_finds_nothing_in_a_whole_house() -> None:
    requests = Requests()
    requests.answered("/mask/", "POST", 200, 0.05)
    told = text(busy_tally(), whole_house(), requests)
    judged = subprocess.run(["promtool", "check", "metrics"], input=told, capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")
    assert samples(told)


def test_promtool_finds_nothing_in_a_house_without_anything() -> None:
    told = text(Tally(), bare())
    judged = subprocess.run(["promtool", "check", "metrics"], input=told, capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")
    assert not [name for name in names(told) if "camera" in name or "sensor" in name or "broker" in name]


def test_every_name_has_the_prefix_and_no_series_of_the_library_itself() -> None:
    told = text(busy_tally(), whole_house())
    assert all(name.startswith("edge_mask_") for name in names(told))
    assert "_created" not in told


def test_what_was_judged_is_told_by_camera_verdict_and_reason() -> None:
    told = samples(text(busy_tally(), whole_house()))
    assert value(told, "visits_total", camera="front", verdict="pass") == 1
    assert value(told, "visits_total", camera="front", verdict="no_pass") == 1
    assert value(told, "visit_reasons_total", camera="front", reason="fever") == 1
    assert value(told, "alerts_total", kind="fever") == 1
    assert value(told, "looks_total", camera="hall") == 1
    assert value(told, "faults_total", component="camera front", code="away") == 1


def test_counters_are_there_before_the_first_event_so_that_the_first_one_counts() -> None:
    told = samples(text(Tally(), whole_house()))
    assert value(told, "visits_total", camera="front", verdict="no_pass") == 0
    assert value(told, "alerts_total", kind="tailgating") == 0
    assert value(told, "frames_seen_total", camera="hall") == 0


def test_times_are_seconds_in_buckets() -> None:
    told = samples(text(busy_tally(), whole_house()))
    assert value(told, "time_to_verdict_seconds_sum", camera="front") == pytest.approx(3.22)
    assert value(told, "time_to_verdict_seconds_bucket", camera="front", le="1.0") == 1
    assert value(told, "time_to_verdict_seconds_bucket", camera="front", le="+Inf") == 2
    assert value(told, "inference_seconds_sum") == pytest.approx(0.0375)
    assert value(told, "inference_seconds_bucket", le="0.01") == 0
    assert value(told, "inference_seconds_bucket", le="0.02") == 3


def test_a_value_on_a_bound_lies_below_it() -> None:
    tally = Tally()
    tally.looked("front", Seconds(1.0), 10.0)
    assert value(samples(text(tally, whole_house())), "inference_seconds_bucket", le="0.01") == 1


def test_the_interval_is_the_mean_of_the_last_looks_and_a_longer_pause_counts() -> None:
    tally = busy_tally()
    assert tally.intervals(Seconds(100.1)) == {"front": 1.0}
    assert tally.intervals(Seconds(160.0)) == {"front": 60.0}
    tally.begins_again()
    assert tally.intervals(Seconds(100.1)) == {}


def test_temperatures_are_celsius_and_others_keep_their_unit() -> None:
    told = samples(text(busy_tally(), whole_house()))
    assert value(told, "temperature_celsius", sensor="forehead") == pytest.approx(36.5)
    assert value(told, "reading", sensor="line", quantity="pressure", unit="bar") == 3.5
    assert value(told, "readings_total", sensor="line", quantity="pressure", quality="out_of_range") == 1


def test_the_last_reading_of_a_sensor_that_is_away_is_not_told_as_if_it_were_now() -> None:
    house = whole_house()
    away = HouseFigures(now=NOW, started=0.0, sensors={**house.sensors, "forehead": False})
    told = samples(text(busy_tally(), away))
    assert ("edge_mask_temperature_celsius", (("sensor", "forehead"),)) not in told
    assert value(told, "sensor_up", sensor="forehead") == 0


def test_what_waits_what_was_dropped_and_the_connection_are_told() -> None:
    told = samples(text(busy_tally(), whole_house()))
    assert value(told, "outbox_pending_messages") == 3
    assert value(told, "outbox_size_bytes") == 900
    assert value(told, "outbox_oldest_seconds") == 12.5
    assert value(told, "outbox_refused_messages") == 1
    assert value(told, "outbox_dropped_messages_total", reason="age") == 4
    assert value(told, "notifications_not_told_total", reason="quiet") == 6
    assert value(told, "live_dropped_messages_total") == 5
    assert value(told, "broker_connected") == 1
    assert value(told, "certificate_expiry_timestamp_seconds", certificate="mqtt") == 1_800_000_000
    assert value(told, "rule_failures_total", rule="hot") == 2
    assert value(told, "rule_set_aside", rule="hot") == 1


def test_names_from_outside_do_not_make_series_without_end() -> None:
    tally = Tally()
    for number in range(3 * MOST_KEYS):
        tally.recorded(Reading(f"line-{number}", "flow", 1.0, "m3/h", NOW))
        tally.recorded(Fault(at=NOW, component=f"rule {number}", code="x", text=""))
    told = samples(text(tally, whole_house()))
    assert len([1 for name, _ in told if name == "edge_mask_readings_total"]) == MOST_KEYS + 1
    assert value(told, "readings_total", sensor="other", quantity="other", quality="other") == 2 * MOST_KEYS
    assert len([1 for name, _ in told if name == "edge_mask_reading"]) == MOST_KEYS
    assert value(told, "faults_total", component="other", code="other") == 2 * MOST_KEYS


@pytest.mark.parametrize("name", ['x"} 1\nevil 2', "back\\slash", "line\nend", "half \udcff", "코끼리"])
def test_a_name_from_outside_is_a_label_and_nothing_else(name: str) -> None:
    tally = Tally()
    tally.recorded(Reading(name, "flow", 1.0, "l", NOW))
    told = samples(text(tally, whole_house()))
    shown = name.encode("utf-8", "backslashreplace").decode()
    assert value(told, "reading", sensor=shown, quantity="flow", unit="l") == 1.0


def test_requests_are_counted_by_route_and_never_by_the_path_that_was_asked_for() -> None:
    requests = Requests()
    for number in range(100):
        requests.answered(None, f"M{number}", 404, 0.01)
    requests.answered("/api/v1/visits/{id}", "GET", 200, 0.25)
    told = samples(text(Tally(), bare(), requests))
    assert value(told, "http_requests_total", route="other", method="other", code="404") == 100
    assert value(told, "http_request_seconds_sum", route="/api/v1/visits/{id}") == 0.25
    assert value(told, "http_request_seconds_count", route="other") == 100


def test_counters_grow_over_houses_that_begin_at_zero() -> None:
    carried = Carried()
    first: dict[Labels, int] = {("front",): 0}
    second: dict[Labels, int] = {("front",): 0, ("hall",): 0}
    carried.follow(first, lambda: first)
    first["front",] = 5
    assert carried() == {("front",): 5}
    first["front",] = 8  # nobody asked before the house ended
    carried.follow(second, lambda: second)
    assert carried() == {("front",): 8, ("hall",): 0}
    second["front",] = 9  # more than the first one had: nothing shows that it began again
    assert carried() == {("front",): 17, ("hall",): 0}


def test_what_two_houses_share_is_not_counted_twice() -> None:
    carried = Carried()
    shared: dict[Labels, int] = {("hot",): 3}
    carried.follow(shared, lambda: shared)
    carried.follow(shared, lambda: shared)
    assert carried() == {("hot",): 3}


def test_a_bad_reading_is_counted_but_is_not_the_newest_one() -> None:
    tally = Tally()
    tally.recorded(Reading("forehead", "temperature", 36.5, "C", NOW))
    later = Moment(Seconds(101.0), Unix(NOW.wall + 1), synced=True)
    tally.recorded(Reading("forehead", "temperature", 99.0, "C", later, Quality.STUCK))
    assert tally.readings()["forehead", "temperature"].value == 36.5


def test_a_hundred_thousand_visits_cost_no_more_to_tell_than_one() -> None:
    tally = busy_tally()
    before = len(text(tally, whole_house()))
    for number in count():
        if number == 10_000:
            break
        tally.recorded(visit())
    assert len(text(tally, whole_house())) < before + 200
