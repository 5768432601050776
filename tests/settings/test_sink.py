"""The section of the central store: what it takes, in sentences, and no secret in it."""

from pathlib import Path

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, parse

DATABASE = "postgresql+psycopg://sink@db/edge_mask"


def settings(text: str, **environ: str) -> Settings:
    return parse(f"sink:\n  database: {text}\n", "sink.yaml", environ)


def complaint(text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(text, **environ)
    return str(caught.value)


def test_a_database_is_enough() -> None:
    found = settings(DATABASE)
    assert found.sink is not None
    assert found.sink.filters == ("edge-mask/+/+",)
    assert found.is_only_a_sink


def test_several_filters_may_be_given() -> None:
    found = settings(f"{DATABASE}\n  topics: [edge-mask/+/visits, edge-mask/+/alerts]").sink
    assert found is not None
    assert found.filters == ("edge-mask/+/visits", "edge-mask/+/alerts")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sqlite:///x.db", "postgresql+psycopg:// or mysql+pymysql://"),
        ("postgresql://sink@db/x", "postgresql+psycopg:// or mysql+pymysql://"),
        ("mysql+pymysql://sink:hunter2@db/x", "sink.database: a password does not belong in this file"),
        (f"{DATABASE}\n  topics: $share/g/edge-mask/+/+", "is a shared subscription, which loses messages"),
        (f"{DATABASE}\n  topics: edge-mask/#/visits", "has a # that is not its last part"),
        (f"{DATABASE}\n  topics: edge-mask/gate+/visits", "has a + beside other characters"),
        (f"{DATABASE}\n  topics: []", "names nothing; allowed: filters such as edge-mask/+/+"),
        (f"{DATABASE}\n  password_file: nowhere", '"nowhere": there is no such file'),
        (f"{DATABASE}\n  bach: 5", 'did you mean "batch"'),
        (f"{DATABASE}\nmqtt: {{protocol: 3.1.1}}", "needs a broker that speaks MQTT 5"),
        (f"{DATABASE}\nmqtt: {{transport: none}}", "needs a broker that speaks MQTT 5"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_a_sentence(text: str, sentence: str) -> None:
    found = complaint(text)
    assert sentence in found, found
    assert "hunter2" not in found


def test_no_way_of_showing_the_settings_shows_the_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    url = "postgresql+psycopg://sink:hunter2@db/edge_mask"
    found = settings(f"${{SINK_DATABASE}}\n  password_file: {tmp_path / 'password'}", SINK_DATABASE=url)
    assert found.sink is not None
    assert found.sink.database == url
    shown = [repr(found), str(found), str(found.model_dump()), found.model_dump_json()]
    assert not [text for text in shown if "hunter2" in text or "s3cret" in text]
    assert {"hunter2", "s3cret"} <= set(found.secrets())


@pytest.mark.parametrize(
    "address",
    [
        "mysql://sink:hunter2 and more@db/x",
        f"mysql://sink:hunter2{'x' * 80}@db/x",
        f"postgresql+psycopg://sink:{'x' * 80} hunter2@db/x",
        "postgresql+psycopg://sink:a@b hunter2@db/x",
    ],
)
def test_an_odd_password_in_an_address_is_not_shown_by_the_complaint(address: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings("${SINK_DATABASE}", SINK_DATABASE=address)
    assert "hunter" not in str(raised.value)
    assert "sink.database" in str(raised.value)


def test_a_password_with_a_zero_byte_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"s3cret\0more\n")
    found = complaint(f"{DATABASE}\n  password_file: {tmp_path / 'password'}")
    assert "sink.password_file" in found
    assert "holds a control character; allowed: the password alone on one line" in found
    assert "s3cret" not in found
