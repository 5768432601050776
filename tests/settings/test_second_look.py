"""A picture of a face leaves only where the owner has said so, and only as nobody on the way can read it."""

from pathlib import Path

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import load_with_overlay, parse
from edge_mask.settings.encrypted import address_objection, is_loopback

CAMERA = "cameras: [{name: front, source: 'usb:0'}]\n"
ALLOWED = "privacy: {second_look: true}\n"


def complaints(text: str) -> list[str]:
    try:
        parse(CAMERA + text, "gate.yaml", {})
    except ConfigurationError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    "text",
    [
        "fleet: {second_look: {to: analyser-01}}\n",
        "fleet: {second_look: {to: analyser-01}}\nmqtt: {host: broker.example, tls: {}}\n",
        "fleet: {second_look: {to: 'https://analyser.example/mask/'}}\nmqtt: {transport: none}\n",
        "fleet: {second_look: {to: 'http://127.0.0.1:8080/mask/'}}\n",
        "fleet: {second_look: {to: 'http://[::1]:8080/mask/'}}\n",
        "fleet: {second_look: {to: 'http://localhost/mask/'}}\n",
    ],
)
def test_what_is_encrypted_or_stays_on_this_machine_is_allowed(text: str) -> None:
    assert complaints(ALLOWED + text) == []


def test_without_the_word_of_the_owner_no_picture_of_a_face_leaves() -> None:
    (found,) = complaints("fleet: {second_look: {to: analyser-01}}\n")
    assert found.startswith("gate.yaml:2: fleet.second_look: ")
    assert "privacy.second_look: true" in found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fleet: {second_look: {to: a}}\nmqtt: {host: broker.example}\n", "as anybody can read them; allowed: with"),
        ("fleet: {second_look: {to: 'http://analyser.example/mask/'}}\n", "to analyser.example as anybody can read"),
        ("fleet: {second_look: {to: 'http://127.0.0.1.example.com/mask/'}}\n", "allowed: https://"),
        ("fleet: {second_look: {to: 'http://user:pass@127.0.0.1/mask/'}}\n", "token_file"),
        ("fleet: {second_look: {to: 'ftp://analyser.example/'}}\n", "is not an address"),
        ("fleet: {second_look: {to: 'https://host:no/'}}\n", "is not an address"),
        ("fleet: {second_look: {to: 'two words'}}\n", "is neither; allowed: a thing name"),
        ("fleet: {second_look: {to: a}}\nmqtt: {transport: none}\n", "nobody would be reached"),
        ("fleet: {second_look: {to: a}}\nmqtt: {protocol: 3.1.1}\n", "is asked with MQTT 5"),
        ("fleet: {second_look: {to: a}}\ntopics: {root: here}\n", "has no {thing}"),
        ("fleet: {second_look: {to: g}}\ndevice: {thing_name: g}\n", "is this device itself"),
        ("fleet: {second_look: {to: a, ca: x.pem}}\n", "belongs to an http(s) address"),
        ("fleet: {second_look: {to: 'https://a/', token_file: none}}\n", "there is no such file"),
        ("fleet: {second_look: {to: 'https://a/', ca: none}}\n", "there is no such file"),
        ("fleet: {second_look: {to: a, band: 0.7}}\n", "fleet.second_look.band"),
    ],
)
def test_what_others_could_read_or_nobody_would_answer_is_refused_with_a_sentence(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert any(sentence in each for each in complaints(ALLOWED + text)), complaints(ALLOWED + text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST."])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("url", ["http://127.1.evil.example/", "http://[", "http://", "mask/", "http://0.0.0.0/"])
def test_what_only_looks_like_this_machine_is_not(url: str) -> None:
    assert address_objection(url)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (CAMERA + ALLOWED, "privacy.second_look: does nothing here: there is no fleet.second_look"),
        (CAMERA + "topics: {amendments: a/b}\n", "topics.amendments: does nothing here: there is no fleet.second_look"),
        (
            CAMERA.replace("}]", ", role: cctv}]") + ALLOWED + "fleet: {second_look: {to: a}}\n",
            "fleet.second_look: does nothing here: no camera has role: gate",
        ),
        (CAMERA + ALLOWED + "fleet: {second_look: {to: a}}\n", ""),
    ],
)
def test_check_says_what_waits_for_something_else(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"{text}outbox: {{path: '{tmp_path / 'db'}'}}\n")
    said = load_with_overlay(path, {}).remarks
    assert [each.partition(": ")[2] for each in said] == ([sentence] if sentence else [])


def test_a_band_of_nothing_is_refused_with_what_is_allowed() -> None:
    (said,) = complaints(ALLOWED + "fleet: {second_look: {to: analyser-01, band: 0}}\n")
    assert "found 0; allowed: a number above 0, up to 0.5" in said


def test_a_device_without_cameras_that_is_no_analyser_hears_how_it_becomes_one() -> None:
    with pytest.raises(ConfigurationError, match=r"or fleet\.type: analysis for a device that only looks for others"):
        parse("fleet: {peers: {accept: 4}}\n", "c.yaml", {})
