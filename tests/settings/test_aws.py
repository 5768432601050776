"""What `transport: aws-iot` needs, said before anything is sent."""

from pathlib import Path

import pytest
from tests.papers import Papers

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, parse

SENSOR = "sensors: [{name: t, kind: thermal}]\n"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def problems(mqtt: str, more: str = "") -> str:
    with pytest.raises(ConfigurationError) as refused:
        parse(f"{SENSOR}mqtt: {{{mqtt}}}\n{more}", "f", {})
    return str(refused.value)


def tls(papers: Papers, *keys: str) -> str:
    files = {"cert": papers.device.cert, "key": papers.device.key}
    return f"tls: {{{', '.join(f'{key}: {files[key]}' for key in keys)}}}"


def test_the_port_is_8883_unless_another_is_given(papers: Papers) -> None:
    given = f"transport: aws-iot, host: x-ats.iot.eu-west-1.amazonaws.com, {tls(papers, 'cert', 'key')}"
    assert _settings(given).mqtt.port == 8883
    assert _settings(f"{given}, port: 443").mqtt.port == 443


def test_without_an_endpoint_the_command_that_prints_it_is_named(papers: Papers) -> None:
    said = problems(f"transport: aws-iot, {tls(papers, 'cert', 'key')}")
    assert "mqtt.host: is missing; aws-iot needs the endpoint of your account" in said
    assert "aws iot describe-endpoint --endpoint-type iot:Data-ATS" in said


def test_without_a_certificate_nothing_is_tried() -> None:
    assert "mqtt.tls: is missing; aws-iot needs the device's certificate and its key" in problems(
        "transport: aws-iot, host: x"
    )


def test_it_speaks_mqtt_5_only(papers: Papers) -> None:
    said = problems(f"transport: aws-iot, host: x, protocol: '3.1.1', {tls(papers, 'cert', 'key')}")
    assert "mqtt.protocol: found 3.1.1; allowed with aws-iot: 5" in said


def test_a_token_stands_for_the_key_alone(papers: Papers, tmp_path: Path) -> None:
    library, pin = tmp_path / "token.so", tmp_path / "pin"
    library.write_text("")
    pin.write_text("1234\n")
    token = f"aws: {{pkcs11: {{library: {library}, pin_file: {pin}}}}}"
    settings = _settings(f"transport: aws-iot, host: x, {tls(papers, 'cert')}", token)
    assert settings.aws.pkcs11 is not None
    assert settings.aws.pkcs11.read_pin() == "1234"
    assert "1234" in settings.secrets()
    both = problems(f"transport: aws-iot, host: x, {tls(papers, 'cert', 'key')}", token)
    assert "aws.pkcs11: the key is given twice; keep mqtt.tls.key or aws.pkcs11" in both
    neither = problems("transport: aws-iot, host: x", token)
    assert "mqtt.tls: is missing" in neither
    elsewhere = problems(f"host: x, {tls(papers, 'cert', 'key')}", token)
    assert "aws.pkcs11: goes with mqtt.transport: aws-iot only; found mqtt" in elsewhere


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("library: none.so", 'aws.pkcs11.library: "none.so": there is no such file'),
        ("library: LIBRARY, pin_file: none", 'aws.pkcs11.pin_file: "none": there is no such file'),
        ("library: LIBRARY, slot: -1", "aws.pkcs11.slot: "),
        ("pin_file: none", "aws.pkcs11.library: "),
    ],
)
def test_a_token_that_is_not_there_is_a_sentence(papers: Papers, tmp_path: Path, token: str, sentence: str) -> None:
    library = tmp_path / "token.so"
    library.write_text("")
    more = f"aws: {{pkcs11: {{{token.replace('LIBRARY', str(library))}}}}}"
    assert sentence in problems(f"transport: aws-iot, host: x, {tls(papers, 'cert')}", more)


def _settings(mqtt: str, more: str = "") -> Settings:
    return parse(f"{SENSOR}mqtt: {{{mqtt}}}\n{more}", "f", {})
