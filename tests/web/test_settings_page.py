"""The page of the settings, of the installed daemon: what is in force, and changes as `configure` makes them."""

import html
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.waiting import until
from tests.web.asking import Answer, asking, site
from tests.web.served import Client, Served, served

from edge_mask.ledger.reader import Reader

FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("settings"), mqtt={"transport": "none", "username": "kim"}) as found:
        yield found


@pytest.fixture(scope="module")
def kim(house: Served) -> Client:
    return house.user("kim")


def version(page: Answer) -> str:
    found = re.search(r'name="version" value="(\d+)"', page.text)
    assert found
    return found[1]


def wish(kim: Client, text: str, upon: str | None = None) -> Answer:
    return kim.form("/settings", {"wish": text, "version": upon or version(kim.get("/settings"))})


def kept(house: Served) -> Any:
    path = house.folder / "edge-mask.db.overlay.json"
    return json.loads(path.read_text())["config"] if path.exists() else {}


def test_the_page_shows_values_with_their_places(kim: Client, house: Served) -> None:
    text = kim.get("/settings").text
    line = 1 + house.config.read_text().splitlines().index("  votes: 3")
    row = re.search(r"gate\.votes</th><td class=\"code\" [^>]*>(.*?)</td><td [^>]*>(.*?)</td>", text)
    assert row
    assert row.groups() == ("3", f"line {line}")
    assert str(house.config) in text


def test_a_change_is_in_force_kept_and_taken_back_and_the_file_stays(kim: Client, house: Served) -> None:
    before = house.config.read_bytes()
    answer = wish(kim, "gate:\n  votes: 7\n")
    assert (answer.status, answer.headers["location"]) == (303, "./settings?done=configure")
    assert kept(house) == {"gate": {"votes": 7}}
    page = kim.get("/settings?done=configure")
    assert "The change is in force." in page.text
    assert re.search(r'gate\.votes</th><td class="code" [^>]*>7</td><td [^>]*>laid over', page.text)
    gone = kim.form("/settings/overlay", {"key": '["gate", "votes"]', "version": version(page)})
    assert gone.status == 303
    assert until(lambda: kept(house) in ({}, {"gate": {}}))
    assert house.config.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("gate: {vots: 7}", 400, "gate.vots: unknown key; did you mean &#34;votes&#34;?"),
        ("gate: {votes: many}", 400, "gate.votes: found &#34;many&#34;; allowed: a whole number"),
        ("gate: {votes: 2\n", 422, "what you wrote:2: not valid YAML"),
        ("gate: {votes: 3}\ngate: {votes: 4}", 422, "what you wrote:2: gate: given twice, first on line 1"),
        ("web: {host: 0.0.0.0}", 403, "web: cannot be set from outside"),
        ("mqtt: {host: example.org}", 403, "mqtt: cannot be set from outside"),
        (
            "panels: [{name: a, url: 'http://169.254.169.254/', path: x, private: true}]",
            403,
            "panels: cannot be set from outside",
        ),
        ("just words", 422, "Nothing was wished."),
        ("", 422, "Nothing was wished."),
        ("[1, 2]", 422, "Nothing was wished."),
        ("gate: {window: .inf}", 400, "Infinity, which is no number in JSON"),
        ("cameras: [{name: <b>x</b>, source: 'rtsp://a:cherry@h/x', role: gate}]", 400, "cameras[0].name: found"),
    ],
)
def test_what_is_wrong_is_said_as_check_says_it_and_nothing_is_kept(
    kim: Client, house: Served, text: str, status: int, says: str
) -> None:
    before = kept(house)
    answer = wish(kim, text)
    assert answer.status == status
    shown = re.findall(r'<li class="code">(.*?)</li>', answer.text)
    assert [each for each in shown if says in each], shown
    assert "cherry" not in "".join(shown)
    assert "<b>x</b>" not in answer.text
    assert kept(house) == before


def usual(kim: Client, **fields: str) -> Answer:
    page = kim.get("/settings")
    return kim.form(
        "/settings/usual", {"version": version(page), **{k.replace("__", "."): v for k, v in fields.items()}}
    )


def test_the_usual_fields_change_their_keys_alone_and_emptied_ones_go_back(kim: Client, house: Served) -> None:
    before = kept(house)
    page = kim.get("/settings").text
    assert re.search(r'<label for="f-gate.votes">Looks for a verdict</label>\s*<input [^>]*value="3"', page)
    assert "Fever above" not in page, "there is no thermometer"
    answer = usual(kim, gate__votes="4", snapshots__visits="all", snapshots__blur_faces="true")
    assert (answer.status, answer.headers["location"]) == (303, "../settings?done=configure")
    assert kept(house) == {**before, "gate": {"votes": 4}, "snapshots": {"visits": "all"}}
    assert re.search(r'<option value="all" selected>', kim.get("/settings").text)
    assert usual(kim, gate__votes="4").headers["location"] == "../settings", "nothing was changed"
    assert usual(kim, gate__votes="", snapshots__visits="refused").status == 303
    assert "votes" not in kept(house).get("gate", {})
    gone = kim.form("/settings/overlay", {"key": '["snapshots", "visits"]', "version": version(kim.get("/settings"))})
    assert gone.status == 303


@pytest.mark.parametrize(
    ("typed", "says"), [("many", "found &#34;many&#34;; allowed: a whole number"), ("0", "found 0"), ("nan", "")]
)
def test_a_wrong_field_is_told_beside_it_as_check_says_it(kim: Client, house: Served, typed: str, says: str) -> None:
    before = kept(house)
    answer = usual(kim, gate__votes=typed, snapshots__visits="none")
    assert answer.status == 400
    assert f'value="{typed}"' in answer.text, "what was typed is not lost"
    assert '<option value="none" selected>' in answer.text
    assert says in answer.text
    if says:
        assert re.search(
            rf'aria-invalid="true" aria-describedby="h-gate.votes">\s*<small id="h-gate.votes">{says}', answer.text
        )
    assert kept(house) == before


def test_sentences_of_check_are_marked_as_english_on_a_korean_page(kim: Client) -> None:
    fields = {"version": version(kim.get("/settings")), "gate.votes": "many"}
    answer = kim.form("/settings/usual?lang=ko", fields)
    assert '<li class="code" lang="en">gate.votes: found' in answer.text
    assert '<small id="h-gate.votes" lang="en">found' in answer.text
    kim.get("/settings?lang=en")


def test_a_model_that_is_not_there_brings_the_old_house_back(kim: Client, house: Served) -> None:
    answer = wish(kim, "detector: {model: models/not-there}")
    assert answer.status in (400, 500)
    assert "models/not-there" in answer.text
    assert "detector" not in kept(house)
    assert kim.get("/settings").status == 200


def test_of_two_operators_at_once_the_second_is_told_of_the_first(kim: Client, house: Served) -> None:
    seen = version(kim.get("/settings"))
    assert wish(kim, "gate: {votes: 4}", seen).status == 303
    answer = wish(kim, "gate: {votes: 6}", seen)
    assert answer.status == 409
    assert "Somebody has changed the settings meanwhile." in answer.text
    assert "gate: {votes: 6}</textarea>" in answer.text, "what was written is not lost"
    assert kept(house) == {"gate": {"votes": 4}}
    assert wish(kim, "gate: {votes: 6}", version(answer)).status == 303
    assert kept(house) == {"gate": {"votes": 6}}


def test_the_file_is_read_again_and_a_broken_one_changes_nothing(kim: Client, house: Served) -> None:
    good = house.config.read_text()
    house.config.write_text(good + "nonsense: 1\n")
    try:
        assert "The file says something else by now." in kim.get("/settings").text
        answer = kim.form("/settings/file", {})
        assert "nonsense: unknown key" in answer.text
        assert f"config.yaml:{len(good.splitlines()) + 1}:" in answer.text
    finally:
        house.config.write_text(good)
    assert kim.form("/settings/file", {}).status == 303


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_only_an_operator_sees_and_changes_it(tmp_path: Path, who: str) -> None:
    somebody = asking(site(tmp_path), **({"who": who} if who == "viewer" else {}))
    assert somebody.get("/settings").status == (403 if who == "viewer" else 303)
    for path in ("/settings", "/settings/usual", "/settings/overlay", "/settings/file"):
        assert somebody.post(path, b"wish=x&version=0", **FORM).status == (403 if who == "viewer" else 401)


@pytest.mark.parametrize("key", ["", "x", "[]", "[1]", '{"a": 1}', "[" * 5000])
def test_a_key_that_the_page_did_not_send_is_refused(tmp_path: Path, key: str) -> None:
    body = urlencode({"key": key, "version": "0"}).encode()
    assert asking(site(tmp_path), who="operator").post("/settings/overlay", body, **FORM).status == 400


@pytest.mark.parametrize("number", ["", "-1", "x", "9" * 30, "²"])
def test_a_version_that_is_no_number_is_refused(tmp_path: Path, number: str) -> None:
    body = urlencode({"wish": "gate: {votes: 3}", "version": number}).encode()
    assert asking(site(tmp_path), who="operator").post("/settings", body, **FORM).status == 400


# -- two people, and what is no number ------------------------------------------------------------------------


def form_of(page: Answer) -> dict[str, str]:
    """What a browser would send back of the usual fields when nobody touches one."""
    form = page.text.partition('action="../settings/usual"')[2] or page.text.partition('action="./settings/usual"')[2]
    form = form.partition("</form>")[0]
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input [^>]*name="([^"]+)"[^>]* value="([^"]*)"', form)
    }
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form):
        fields[name] = re.findall(r'value="([^"]*)" selected', options)[0]
    return fields


def test_the_second_of_two_operators_does_not_undo_silently_what_the_first_has_changed(
    kim: Client, house: Served
) -> None:
    first, second = form_of(kim.get("/settings")), form_of(kim.get("/settings"))
    changed = {"gate": {"votes": 9}, "snapshots": {"keep": "9d"}}
    assert kim.form("/settings/usual", {**first, "gate.votes": "9", "snapshots.keep": "9d"}).status == 303
    answer = kim.form("/settings/usual", {**second, "snapshots.visits": "none"})
    assert (answer.status, kept(house)) == (409, {**kept(house), **changed})
    again = form_of(answer)
    assert (again["gate.votes"], again["snapshots.keep"]) == ("9", "9d"), "what nobody touched shows what is in force"
    assert again["snapshots.visits"] == "none", "what was chosen is not lost"
    assert f"{second['gate.votes']} when you opened the page, 9 now." in answer.text
    assert re.search(r'<details class="panel advanced" open>', answer.text)
    assert kim.form("/settings/usual", again).status == 303
    assert kept(house) == {**kept(house), "gate": {"votes": 9}, "snapshots": {"keep": "9d", "visits": "none"}}
    for key in ('["gate", "votes"]', '["snapshots"]'):
        gone = kim.form("/settings/overlay", {"key": key, "version": version(kim.get("/settings"))})
        assert gone.status == 303


def test_a_page_from_before_the_file_was_read_again_keeps_nothing_of_the_old_file(kim: Client, house: Served) -> None:
    seen = form_of(kim.get("/settings"))
    text = house.config.read_text()
    before = kept(house)
    house.config.write_text(text.replace("  votes: 3", "  votes: 4"))
    try:
        assert kim.form("/settings/file", {}).status == 303
        assert kim.form("/settings/usual", {**seen, "snapshots.keep": "8d"}).status == 303
        assert kept(house) == {**before, "snapshots": {"keep": "8d"}}, "the looks are those of the file"
        stale = kim.form("/settings/usual", {**seen, "gate.votes": "6", "version": version(kim.get("/settings"))})
        assert stale.status == 409
        assert f"{seen['gate.votes']} when you opened the page, 4 now." in stale.text
        assert form_of(stale)["gate.votes"] == "6"
    finally:
        house.config.write_text(text)
        assert kim.form("/settings/file", {}).status == 303
    key = {"key": '["snapshots"]', "version": version(kim.get("/settings"))}
    assert kim.form("/settings/overlay", key).status == 303


def test_whoever_loses_a_race_is_told_and_the_device_has_no_fault(kim: Client, house: Served) -> None:
    faults = Reader(house.folder / "edge-mask.db")
    before = len(faults.event_page("faults", None, 100).rows)
    seen = version(kim.get("/settings"))
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda votes: wish(kim, f"gate: {{votes: {votes}}}", seen).status, (11, 12, 13, 14)))
    assert statuses == [303, 409, 409, 409]
    assert wish(kim, "gate: {votes: null}").status == 303, "written behind whatever was recorded"
    rows = faults.event_page("faults", None, 100).rows
    assert [row["text"] for row in rows[: len(rows) - before]] == []


@pytest.mark.parametrize("typed", ["nan", "inf", "-inf", "9" * 5000, "1e400", "1_0", "38_4", "0x10", "٣", "½", "true"])
def test_what_is_no_number_is_refused_in_words_of_its_field(kim: Client, house: Served, typed: str) -> None:
    before = kept(house)
    answer = usual(kim, gate__votes=typed, snapshots__keep="soon")
    assert (answer.status, kept(house)) == (400, before)
    told = dict(re.findall(r'<small id="h-([^"]+)"[^>]*>(.*?)</small>', answer.text))
    assert re.match("found .*; allowed: a (whole )?number", told["gate.votes"])
    assert "&#39;soon&#39; is not a duration" in told["snapshots.keep"], "all that is wrong is told at once"


@pytest.mark.parametrize(
    "path", ["settings/usual", "settings/overlay", "settings/file", "account/password", "account/sessions", "logout"]
)
def test_a_link_of_a_refused_form_leads_to_its_page(kim: Client, path: str) -> None:
    answer = kim.get(f"/{path}?lang=en")
    page = "" if path == "logout" else path.partition("/")[0]
    assert (answer.status, answer.headers["location"]) == (303, f"{'../' * path.count('/') or './'}{page}?lang=en")
