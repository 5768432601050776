"""From a real broker into real databases, by the installed command."""

import subprocess
import sys

from tests.broker import HOST, free_port
from tests.sink.central import Central, fetched, message, new_id
from tests.waiting import until


def test_what_devices_publish_is_stored_once_and_can_be_queried(central: Central) -> None:
    reading = {"id": new_id(), "seq": 1, "thing": "gate-02", "ts": "2026-11-20T09:30:00.123Z", "v": 1}
    with central.sink() as sink:
        sink.is_ready()
        visits = [central.visit(seq) for seq in range(1, 4)]
        central.publish("edge-mask/gate-01/visits", visits[0])  # sent again, under the same id
        central.publish("edge-mask/gate-02/humidity", {**reading, "sensor": "hall", "humidity": 41.5, "unit": "%"})
        until(lambda: central.count() == 4)
        assert sink.stop() == 0
        assert "4 stored, 1 repeated, 0 refused" in sink.stderr
    assert central.ids() == sorted([*(each["id"] for each in visits), reading["id"]])
    rows = central.query(
        "SELECT seq, thing, camera, verdict, mask_score, temperature, passed_through FROM visits ORDER BY seq"
    )
    assert [(row[0], *row[1:4], float(row[4]), float(row[5]), bool(row[6])) for row in rows] == [
        (seq, "gate-01", "front", "pass", 0.98, 36.5, True) for seq in (1, 2, 3)
    ]
    ((sensor, quantity, value, unit, ts),) = central.query("SELECT sensor, quantity, value, unit, ts FROM readings")
    assert (sensor, quantity, float(value), unit) == ("hall", "humidity", 41.5, "%")
    assert f"{ts:%Y-%m-%d %H:%M:%S.%f}" == "2026-11-20 09:30:00.123000"


def test_once_stores_what_the_broker_has_kept_and_ends(in_postgres: Central) -> None:
    assert in_postgres.once().code == 0  # subscribes, and there is nothing
    visits = [in_postgres.visit(seq) for seq in range(1, 21)]
    done = in_postgres.once()
    assert (done.code, done.out) == (0, ""), done
    assert in_postgres.ids() == sorted(each["id"] for each in visits)


def test_it_stores_as_it_runs_and_stops_at_once(in_postgres: Central) -> None:
    with in_postgres.sink() as sink:
        sink.is_ready()
        in_postgres.visit()
        until(lambda: in_postgres.count() == 1)
        assert sink.stop() == 0
        assert "Traceback" not in sink.stderr
        assert "away" not in sink.stderr


def test_what_is_live_or_retained_is_left_out(in_postgres: Central) -> None:
    with in_postgres.sink() as sink:
        sink.is_ready()
        publisher = in_postgres.publisher
        publisher.tell("edge-mask/gate-01/health", message(1), qos=0)
        publisher.tell("edge-mask/gate-01/about", message(1), retain=True)
        publisher.tell("edge-mask/gate-01/status", {"state": "online"}, retain=False)
        in_postgres.visit()
        until(lambda: in_postgres.count() == 1)
        assert in_postgres.query("SELECT kind FROM messages") == [("visits",)]
        assert in_postgres.count("refused") == 0


def test_live_messages_are_stored_where_that_is_asked_for(in_postgres: Central) -> None:
    config = in_postgres.write_config(live=True)
    with in_postgres.sink(config) as sink:
        sink.is_ready()
        in_postgres.publisher.tell("edge-mask/gate-01/health", message(1), qos=0)
        until(lambda: in_postgres.count() == 1)


def test_its_page_says_how_it_is(in_postgres: Central) -> None:
    port = free_port()
    config = in_postgres.write_config(page={"host": HOST, "port": port})
    with in_postgres.sink(config) as sink:
        sink.is_ready()
        in_postgres.visit()
        until(lambda: in_postgres.count() == 1)
        until(lambda: "edge_mask_sink_stored_total 1.0" in fetched(port, "/metrics"))
        text = fetched(port, "/metrics")
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
        assert "edge_mask_sink_connected 1.0" in text
        assert "edge_mask_sink_database_up 1.0" in text
        assert 'edge_mask_sink_lag_seconds_bucket{le="+Inf"} 1.0' in text
        assert fetched(port, "/healthz") == '{"status": "alive"}'
        assert fetched(port, "/readyz") == '{"broker": true, "database": true}'
        assert sink.stop() == 0


def test_nothing_of_it_is_imported_by_the_daemon_and_no_metrics_without_a_page(in_postgres: Central) -> None:
    code = (
        "import sys, os; from pathlib import Path; import edge_mask.app.plan, edge_mask.cli.run;"
        " assert not [name for name in sys.modules if name.startswith(('edge_mask.sink', 'psycopg', 'pymysql'))];"
        " from edge_mask.settings.load import load; from edge_mask.sink.service import Service;"
        f" Service(load(Path({str(in_postgres.config)!r}), os.environ));"
        " assert 'prometheus_client' not in sys.modules and 'pymysql' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
