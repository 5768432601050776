"""Pictures of visits, from a real device into a real S3-compatible store, by addresses that the sink has signed."""

import base64
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, Mosquitto
from tests.control.asker import Asker
from tests.control.conftest import wait_until_online
from tests.end_to_end.daemon import BARE, MASKED, Daemon, write_config, write_model, write_scene
from tests.sink.central import Central
from tests.sink.store import BUCKET, Store, store
from tests.waiting import until

from edge_mask.deliver.put import put
from edge_mask.errors import TryLater
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.address import address_of
from edge_mask.sink.pictures import HEADERS

SCENE = [MASKED] * 8 + [None] * 40 + [BARE] * 8 + [None] * 20


@pytest.fixture(scope="session")
def s3() -> Iterator[Store]:
    with store() as running:
        yield running


def write_gate(folder: Path, port: int, place: str | None, **changes: Any) -> Path:
    """A gate that two people pass, with a picture of each."""
    folder.mkdir(exist_ok=True)
    write_scene(folder / "scene", SCENE)
    write_model(folder)
    more = {} if place is None else {"fleet": {"pictures": {"to": [place]}}, "privacy": {"send_pictures": True}}
    snapshots = {"dir": str(folder / "snapshots"), "visits": "all"}
    return write_config(folder, port, **{"snapshots": snapshots, **more, **changes})


def place_in(s3: Store) -> str:
    return f"{s3.endpoint}/{BUCKET}/"


def with_pictures(central: Central, s3: Store, **changes: Any) -> Path:
    """The configuration of a sink that wants pictures."""
    for name in ("access", "secret"):
        (central.folder / name).write_text((s3.folder / name).read_text())
    pictures = {
        "endpoint": s3.endpoint, "bucket": BUCKET, "access_key_file": str(central.folder / "access"),
        "secret_key_file": str(central.folder / "secret"), **changes,
    }  # fmt: skip
    return central.write_config("pictures.yaml", pictures=pictures)


def states(central: Central) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in central.query("SELECT state, object FROM pictures ORDER BY id")]


def put_into(s3: Store, central: Central) -> list[str]:
    """The objects that belong to visits of this test."""
    ids = {str(row[0]) for row in central.query("SELECT id FROM visits")}
    return [key for key in s3.objects("") if any(each in key for each in ids)]


def test_the_picture_of_each_visit_is_one_object(central: Central, s3: Store, tmp_path: Path) -> None:
    device = write_gate(tmp_path / "device", central.broker.port, place_in(s3))
    config = with_pictures(central, s3)
    with central.sink(config) as sink:
        sink.is_ready()
        with Daemon(device):
            until(lambda: [state for state, _ in states(central)] == ["stored", "stored"])
        assert sink.stop() == 0
        assert "Traceback" not in sink.stderr
    assert put_into(s3, central) == sorted(key for _, key in states(central))
    visits = central.query("SELECT id, ts, snapshot FROM visits")
    assert len(visits) == 2
    for visit, ts, snapshot in visits:
        kept = (tmp_path / "device" / "snapshots" / snapshot).read_bytes()
        assert s3.ask("GET", f"gate-01/{ts:%Y/%m/%d}/{visit}.jpg") == (200, kept)


def test_a_device_that_does_not_allow_it_sends_none(in_postgres: Central, s3: Store, tmp_path: Path) -> None:
    device = write_gate(tmp_path / "device", in_postgres.broker.port, None)
    with in_postgres.sink(with_pictures(in_postgres, s3)) as sink, Daemon(device):
        sink.says("sends no pictures: pictures do not leave this device")
    assert put_into(s3, in_postgres) == []


def test_a_store_that_was_away_gets_the_pictures_later_and_once_however_often_they_are_put(
    in_postgres: Central, tmp_path: Path
) -> None:
    with store() as s3:
        device = write_gate(tmp_path / "device", in_postgres.broker.port, place_in(s3))
        s3.stop()
        with in_postgres.sink(with_pictures(in_postgres, s3)) as sink, Daemon(device):
            sink.says("cannot put a picture")
            s3.start()
            until(lambda: [state for state, _ in states(in_postgres)] == ["stored", "stored"])
            sink.kill()
            in_postgres.query("DELETE FROM pictures")  # as if it had not been saved
            with in_postgres.sink(with_pictures(in_postgres, s3)):
                until(lambda: [state for state, _ in states(in_postgres)] == ["stored", "stored"])
        assert len(put_into(s3, in_postgres)) == 2


def test_a_visit_that_was_erased_sends_no_picture(in_postgres: Central, s3: Store, tmp_path: Path) -> None:
    device = write_gate(tmp_path / "device", in_postgres.broker.port, place_in(s3))
    assert in_postgres.once().code == 0
    with Daemon(device):
        until(lambda: in_postgres.once().code == 0 and in_postgres.count() >= 2)
        with Asker(in_postgres.broker.port) as asker:
            assert asker.ask("erase", {"before": "2999-01-01"})["ok"]
        with in_postgres.sink(with_pictures(in_postgres, s3)):
            until(lambda: [state for state, _ in states(in_postgres)] == ["gone", "gone"])
    assert put_into(s3, in_postgres) == []


@contextmanager
def server_that_says(status: int, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that answers every PUT so; its address, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_anything: Any) -> None:
            """Nobody reads it."""

    server = HTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def first_visit(folder: Path) -> str:
    """Its id, once its picture is there too."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(folder / "edge-mask.db")) as database:
        found = database.execute("SELECT id, snapshot FROM visits ORDER BY wall").fetchone()
        return str(found[0]) if found and (folder / "snapshots" / found[1]).exists() else ""
    return ""


def test_faults_of_addresses_and_stores(broker: Mosquitto, s3: Store, tmp_path: Path) -> None:
    """One device for all of them: it takes longer to start than to ask."""
    with (
        server_that_says(507) as (full, _),
        server_that_says(200) as (other, reached),
        server_that_says(307, Location=f"{other}stolen.jpg") as (leads_on, _),
    ):
        places = [place_in(s3), full, leads_on]
        config = write_gate(tmp_path, broker.port, place_in(s3), fleet={"pictures": {"to": places}})
        with Daemon(config), Asker(broker.port) as asker:
            wait_until_online(broker.port)
            visit = until(lambda: first_visit(tmp_path))

            def refused(put: str, visit: str = visit) -> tuple[str, str]:
                return asker.refused("picture", {"visit": visit, "put": put})

            for elsewhere in (f"{other}x.jpg", f"{s3.endpoint}/{BUCKET}@{HOST}/x.jpg", f"{place_in(s3)}../x.jpg"):
                code, text = refused(elsewhere)
                assert code == "not_allowed", elsewhere
                assert "fleet.pictures.to" in text
            code, text = refused(f"{leads_on}x.jpg")
            assert (code, text) == (
                "failed", f"{leads_on}x.jpg: answered 307 Temporary Redirect (redirections are not followed)",
            )  # fmt: skip
            assert reached == [], "a picture went where the store has sent it"
            assert refused(f"{full}x.jpg")[1].startswith(f"{full}x.jpg: answered 507")
            key = f"faults/{visit}.jpg"
            expired = s3.signer.presigned("PUT", key, datetime.now(UTC) - timedelta(hours=2), 60, HEADERS)
            assert "answered 403 AccessDenied" in refused(expired)[1]
            stranger = s3.signer.presigned("PUT", key, datetime.now(UTC), 60, HEADERS)[:-4] + "0000"
            assert "answered 403 SignatureDoesNotMatch" in refused(stranger)[1]
            good = s3.signer.presigned("PUT", key, datetime.now(UTC), 600, HEADERS)
            assert refused(good, "01900000-0000-7000-8000-000000000000")[0] == "bad_request"
            assert s3.objects(key) == []
            assert asker.ask("picture", {"visit": visit, "put": good})["put"] == "stored"
            assert asker.ask("picture", {"visit": visit, "put": good})["put"] == "there"
            assert s3.objects(key) == [key]
            for picture in (tmp_path / "snapshots").iterdir():
                picture.unlink()
            code, text = refused(good)
            assert code in ("busy", "bad_request"), "gone; a moment after the visit it may still come"


def test_bytes_that_were_changed_on_their_way_are_refused_by_the_store(s3: Store) -> None:
    address = address_of(s3.signer.presigned("PUT", "faults/changed.jpg", datetime.now(UTC), 60, HEADERS))
    wrong = {"Content-Type": "image/jpeg", "Content-MD5": base64.b64encode(bytes(16)).decode()}
    with pytest.raises(TryLater, match="answered 400 BadDigest"):
        put(address, b"a picture", wrong, None, SystemClock())
    assert s3.objects("faults/changed") == []
