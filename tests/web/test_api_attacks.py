"""What somebody with a token tries: files by the id of a picture, formulas in tables, SQL in filters."""

import csv
import io
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.ledger.rows import moment, visit
from tests.web.asking import Asking, asking
from tests.web.recorded import JPEG, PICTURE, events, house

from edge_mask.cli import main
from edge_mask.ledger.as_csv import cell

OUTSIDE = "20260921T000000.000Z-secret.jpg"
SPELLINGS = (
    "..", "../{}", "..%2f{}", "..%2F{}", "%2e%2e%2f{}", "%2e%2e/{}", "..%5c{}", "..\\{}", "....//{}",
    "%252e%252e%252f{}", "..%c0%af{}", "..;/{}", "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "v6/../../{}",
    "v6%00", "%00", "{}", "./{}", "file:///etc/passwd", "v6%20", "V6", "v6.jpg", "' OR '1'='1",
    "%27%20OR%20%271%27%3D%271", "v%",
)  # fmt: skip


def with_pictures(tmp_path: Path) -> Path:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / PICTURE).write_bytes(JPEG)
    (tmp_path / OUTSIDE).write_bytes(b"secret")
    (tmp_path / "snapshots" / OUTSIDE).write_bytes(b"secret")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_pictures(tmp_path)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Asking:
    return asking(house(with_pictures(tmp_path_factory.mktemp("house")), *events()), bearer="read")


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", ["/api/v1/pictures/{}", "/api/v1/cameras/{}/latest.jpg", "/api/v1/visits/{}"])
def test_no_spelling_of_a_path_gives_a_file(reader: Asking, path: str, spelling: str) -> None:
    raw = path.format(spelling.format(OUTSIDE))
    for shown in (raw, unquote(raw, errors="replace").replace("?", "")):  # as it is sent, and as the server decodes it
        answer = reader.get(shown)
        assert answer.status == 404
        assert b"secret" not in answer.body
        assert b"root:" not in answer.body


def test_a_name_in_the_database_that_is_none_of_ours_is_not_opened(folder: Path) -> None:
    """Somebody else may have written it there."""
    names = (
        f"../{OUTSIDE}",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b.jpg",
        "edge-mask.db",
        f"{PICTURE}\0.jpg",
        f"{PICTURE}/",
    )
    visits = [(f"v{n}", replace(visit(moment(n)), snapshot=name)) for n, name in enumerate((*names, "\udcff"))]
    reader = asking(house(folder, *visits), bearer="read")
    for event, _ in visits:
        assert reader.get(f"/api/v1/pictures/{event}").status == 404, event


def test_a_link_in_the_folder_of_pictures_leads_nowhere(folder: Path) -> None:
    picture = folder / "snapshots" / PICTURE
    picture.unlink()
    picture.symlink_to(folder / OUTSIDE)
    (folder / "snapshots" / "latest-front.jpg").symlink_to(folder / OUTSIDE)
    reader = asking(house(folder, *events()), bearer="read")
    assert reader.get("/api/v1/pictures/v6").status == 404
    assert reader.get("/api/v1/cameras/front/latest.jpg").status == 404


def test_a_pipe_in_the_place_of_a_picture_holds_nobody_up(folder: Path) -> None:
    (folder / "snapshots" / PICTURE).unlink()
    os.mkfifo(folder / "snapshots" / PICTURE)
    assert asking(house(folder, *events()), bearer="read").get("/api/v1/pictures/v6").status == 404


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.test")', "=cmd|' /C calc'!A0")


def test_no_cell_of_a_table_is_a_formula(tmp_path: Path) -> None:
    """A camera may be called anything in an old database, and reasons may come from a newer program."""
    bad = [
        replace(visit(moment(-n), "no_pass"), camera=text, mask=text, reasons=(text,), snapshot=text)
        for n, text in enumerate(FORMULAS)
    ]
    newest = ("=2+5", visit(moment(1), temperature=-3.5))
    reader = asking(house(tmp_path, newest, *((f"v{n}", each) for n, each in enumerate(bad))), bearer="read")
    first, *rows = csv.DictReader(io.StringIO(reader.get("/api/v1/visits.csv").text, newline=""))
    assert (first["id"], first["temperature"]) == ("'=2+5", "-3.5")
    for column in ("camera", "mask", "reasons", "snapshot"):
        assert [row[column] for row in rows] == [f"'{text}" for text in FORMULAS], column
    assert cell(-3.5) == -3.5
    assert cell("front") == "front"


def test_the_commands_table_has_no_formula_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house(tmp_path, ("v1", replace(visit(moment(1)), camera="=1+1")))
    config = tmp_path / "c.yaml"
    config.write_text(
        "mqtt: {transport: none}\ncameras: [{name: front, source: 'usb:0', role: gate}]\n"
        f"outbox: {{path: '{tmp_path / 'edge-mask.db'}'}}\n",
        encoding="utf-8",
    )
    for command in ("history", "stats"):
        assert main([command, "--csv", "--config", str(config)]) == 0
        out = capsys.readouterr().out
        assert "'=1+1" in out
        assert ",=1+1" not in out


QUERIES = (
    "%27%3B%20DROP%20TABLE%20visits%3B--", "front%27%20OR%20%271%27%3D%271", "%25", "front%23", "%22front%22",
    "front%27%20UNION%20SELECT%20*%20FROM%20outbox--",
)  # fmt: skip


def test_sql_in_a_filter_is_the_name_of_a_camera_that_is_not_there(reader: Asking) -> None:
    for query in QUERIES:
        for path in ("visits", "visits.csv", "visits.jsonl", "summary"):
            assert reader.get(f"/api/v1/{path}?camera={query}").status == 200, path
        assert reader.get(f"/api/v1/visits?camera={query}").json()["items"] == []
    assert len(reader.get("/api/v1/visits").json()["items"]) == 6


def test_parameters_without_end_and_without_sense_are_refused(reader: Asking) -> None:
    for query in ("camera=" + "a" * 10_000, "a" * 10_000 + "=1", "&".join(f"p{n}=1" for n in range(2000)), "=", "&&&"):
        answer = reader.get(f"/api/v1/visits?{query}")
        assert answer.status in (200, 400), query[:20]
        assert len(answer.body) < 4000
    assert reader.get("/api/v1/visits?%ff%fe=%ff").status == 400
    assert reader.get("/api/v1/visits?camera=%ff").json()["items"] == []
