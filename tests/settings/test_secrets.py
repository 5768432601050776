"""Secrets go in, and never come out again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from edge_mask.errors import ConfigurationError
from edge_mask.redact import redact
from edge_mask.settings import Settings, parse

CAMERA = "cameras: [{name: front, source: 'rtsp://viewer:hunter2@10.0.0.1/stream'}]\n"


def settings(text: str, **environ: str) -> Settings:
    return parse(CAMERA + text, "gate.yaml", environ)


def complaint(text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "gate.yaml", environ)
    return str(caught.value)


def test_no_way_of_showing_the_settings_shows_a_secret() -> None:
    found = settings("mqtt: {username: u, password: '${PW}'}", PW="s3cret")
    shown = [repr(found), str(found), str(found.model_dump()), found.model_dump_json(), repr(found.cameras)]
    assert not [text for text in shown if "hunter2" in text or "s3cret" in text]
    assert found.cameras[0].shown_source == "rtsp://***@10.0.0.1/stream"
    assert found.cameras[0].source == "rtsp://viewer:hunter2@10.0.0.1/stream"


@pytest.mark.parametrize("query", ["?user=u&pwd=hunter2", "/user=u&pw=hunter2&ch=1", "?a=1&auth=aHVudGVyMg"])
def test_a_key_in_the_query_of_a_camera_address_is_hidden_too(query: str) -> None:
    found = parse(f"cameras: [{{name: a, source: 'http://10.0.0.1/live{query}'}}]", "f", {})
    said = redact(f'cannot open "http://10.0.0.1/live{query}", tried twice')
    for text in (repr(found), found.cameras[0].shown_source, found.model_dump_json(), said):
        assert "hunter2" not in text
        assert "aHVudGVyMg" not in text
    assert said.endswith('***", tried twice')


def test_every_secret_is_known_to_the_redactor(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("fr0m-file\n", encoding="ascii")
    found = settings(f"mqtt: {{username: u, password_file: {tmp_path}/pw}}")
    assert set(found.secrets()) == {"fr0m-file", "hunter2"}
    source = "cameras: [{name: a, source: 'rtsp://u:p%40ss@h/x'}]"
    assert set(parse(source, "f", {}).secrets()) == {"p%40ss", "p@ss"}


def test_a_password_in_the_file_is_refused_without_repeating_it() -> None:
    said = complaint(CAMERA + "mqtt: {username: u, password: s3cret}")
    assert (
        said
        == "gate.yaml:2: mqtt.password: a password does not belong in this file; use password_file, or ${MQTT_PASSWORD}"
    )


@pytest.mark.parametrize(
    "written",
    [
        "${PW:-hunter2}", "${PW:-}", "hunter2${PW:-}", "${PW}hunter2", "${PW}${PW}", "$${PW}", "${PW} ",
    ],
)  # fmt: skip
def test_no_part_of_a_password_may_stand_beside_its_variable(written: str) -> None:
    said = complaint(CAMERA + f"mqtt: {{username: u, password: '{written}'}}", PW="s3cret")
    assert said == (
        "gate.yaml:2: mqtt.password: a password does not belong in this file; use password_file, or ${MQTT_PASSWORD}"
    )


def test_a_variable_in_what_is_merged_does_not_cover_a_password_in_the_file() -> None:
    for text in ("<<: {password: '${PW}'}, password: hunter2", "password: hunter2, <<: {password: '${PW}'}"):
        assert "does not belong in this file" in complaint(CAMERA + f"mqtt: {{username: u, {text}}}", PW="s3cret")


def test_no_default_is_suggested_for_a_password() -> None:
    said = complaint(CAMERA + "mqtt: {username: u, password: '${PW}'}")
    assert said == ("gate.yaml:2: mqtt.password: the environment variable PW is not set; set it, or use password_file")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("mqtt://broker", "mqtt://broker"), ("broker/x", "broker/x"), ("viewer:hunter2@broker", "***@broker"),
        ("mqtt://viewer:hun@ter/2hunter2@broker:1883", "***@broker:1883"),
    ],
)  # fmt: skip
def test_an_address_where_only_a_host_belongs_is_refused_without_its_password(host: str, shown: str) -> None:
    said = complaint(CAMERA + f"mqtt: {{host: '{host}'}}")
    assert said == (
        f'gate.yaml:2: mqtt.host: found "{shown}"; allowed: a name or an address alone, such as broker.example or'
        " 192.168.1.10; its port is a key of its own, mqtt.port"
    )


@pytest.mark.parametrize(
    "text",
    [
        "cameras: [{name: a, source: 'rtps://viewer:hunter2@h/x'}]",
        "cameras: [{name: a, source: 'rtsp:/viewer:hunter2@h/x'}]",
        "cameras: [{name: a, source: 'viewer:hunter2@h/x'}]",
        "cameras: [{name: a, source: 'rtsp://viewer:hun@ter/2hunter2@h/x y', role: 5}]",
        "cameras: [{name: a, sourc: 'rtsp://viewer:hunter2@h/x'}]",
        "cameras: 'rtsp://viewer:hunter2@h/x'",
        "mqtt: {host: 'mqtt://viewer:hunter2@h', port: 'mqtt://viewer:hunter2@h'}",
        "mqtt: {password: [hunter2]}",
        "mqtt: {passwort: hunter2}",
        "rules: ['https://viewer:hunter2@h/rules.yaml']",
    ],
)
def test_no_error_sentence_repeats_a_secret(text: str) -> None:
    assert "hunter2" not in complaint(text)


def test_a_number_as_password_is_not_repeated_either() -> None:
    assert "99421" not in complaint(CAMERA + "mqtt: {password: 99421}")


def test_the_password_comes_from_its_file_each_time_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text("first\n", encoding="ascii")
    mqtt = settings(f"mqtt: {{username: u, password_file: {path}}}").mqtt
    assert mqtt.read_password() == "first"
    path.write_text("second", encoding="ascii")
    assert mqtt.read_password() == "second"


def test_the_password_comes_from_the_environment() -> None:
    assert settings("mqtt: {username: u, password: '${PW}'}", PW="s3cret").mqtt.read_password() == "s3cret"


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "has 0 lines"), (b"a\nb\n", "has 2 lines"), (b"\xff\xfe", "is not a text file")]
)
def test_a_password_file_holds_the_password_alone(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "pw").write_bytes(content)
    assert sentence in complaint(CAMERA + f"mqtt: {{username: u, password_file: {tmp_path}/pw}}")


def test_a_password_is_not_read_from_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pw")
    said = complaint(CAMERA + f"mqtt: {{username: u, password_file: {tmp_path}/pw}}")
    assert "it is a pipe or a device and no file" in said


def test_a_password_needs_a_username_and_only_one_place() -> None:
    assert "mqtt.username: is missing" in complaint(CAMERA + "mqtt: {password: '${PW}'}", PW="s3cret")
    said = complaint(CAMERA + "mqtt: {username: u, password: '${PW}', password_file: x}", PW="s3cret")
    assert "mqtt.password: is given twice" in said


def test_certificates_are_looked_into_when_they_are_loaded(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("gate.example")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    tls = "mqtt: {{tls: {{ca: {0}/ca.pem, cert: {0}/{1}, key: {0}/{2}}}}}"
    found = settings(tls.format(tmp_path, "cert.pem", "key.pem"))
    assert found.mqtt.tls is not None
    assert found.mqtt.tls.cert == tmp_path / "cert.pem"
    said = complaint(CAMERA + tls.format(tmp_path, "key.pem", "cert.pem"))
    assert "mqtt.tls.cert" in said
    assert "holds no certificate in PEM form" in said
    assert "holds no private key in PEM form" in said


@pytest.mark.skipif(
    not Path("/usr/bin/setpriv").exists(), reason="needs setpriv to give up the right to read all files"
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has that right to give up")
def test_an_unreadable_certificate_is_a_sentence_for_root_without_powers(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x", encoding="ascii")
    (tmp_path / "ca.pem").chmod(0)
    text = CAMERA + f"mqtt: {{tls: {{ca: {tmp_path}/ca.pem}}}}"
    code = f"from edge_mask.settings import parse; parse({text!r}, 'gate.yaml', {{}})"
    powerless = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", sys.executable, "-c", code]
    done = subprocess.run(powerless, capture_output=True, text=True, check=False)
    assert 'ca.pem": cannot be read: Permission denied' in done.stderr


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("open rtsp://u:p@h/x?a=b now", "open rtsp://***@h/x?a=*** now"),
        ("rtsp://u:p@ss/w@h/x", "rtsp://***@h/x"),
        ("rtsp://h/x", "rtsp://h/x"),
        ("two rtsp://a:b@c, https://d:e@f", "two rtsp://***@c, https://***@f"),
        ("password=abc, user=x", "password=***, user=x"),
        ("MQTT_PASSWORD = 'a b' end", "MQTT_PASSWORD = *** end"),
        ('{"password": "a", "token": "b", "x": 1}', '{"password": ***, "token": ***, "x": 1}'),
        ("https://h/?token=abc&x=1", "https://h/?token=***&x=***"),
        ("Authorization='Bearer abc'", "Authorization=***"),
        ("password_file=/etc/pw", "password_file=/etc/pw"),
        ("password=None", "password=None"),
        ("bad user name or password: not authorised", "bad user name or password: not authorised"),
        ("mail to a@b.c", "mail to a@b.c"),
    ],
)
def test_the_redactor_hides_what_opens_doors_and_nothing_else(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


def test_the_redactor_hides_registered_secrets_the_longest_first() -> None:
    assert redact("abcdef abc", ["abc", "abcdef", ""]) == "*** ***"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("word", ["token-", "http://", "a=", "password", "a", "api-", "x_"])
def test_a_word_without_end_is_not_searched_through_and_shows_nothing_of_itself(word: str) -> None:
    """It took half a minute, in which nothing else of the program ran."""
    text = redact(f"seen: {word * 20_000} password=hunter2")
    assert text == f"seen: [{len(word) * 20_000} characters] password=***"
