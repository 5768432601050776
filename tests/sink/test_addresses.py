"""Addresses of databases that can never work: a sentence before anything is connected to, without the password."""

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings.sink import Sink
from edge_mask.sink.database import engine_for


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mysql+pymysql://sink:hunter2@db", "names no database"),
        ("postgresql+psycopg://sink:hunter2@db/", "names no database"),
        ("mysql+pymysql://sink:hunter2@db/x?bathc=5", "has the option bathc, which pymysql does not know"),
        ("mysql+pymysql://sink:p@hunter2/w:rd@db/x", "has more than one @"),
        ("postgresql+psycopg://sink:p@hunter2/w:rd@db/x", "write @ as %40"),
        ("postgresql+psycopg://sink:hunter2@db:port/x", "is no address of a database"),
    ],
)
def test_an_address_that_can_never_work_is_a_sentence(address: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        engine_for(Sink(database=address))
    assert f"sink.database: {sentence}" in str(raised.value) or sentence in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "mysql+pymysql://sink@db/x?ssl_ca=/etc/ca.pem&connect_timeout=5",
        "mariadb+pymysql://sink@db/x?unix_socket=/run/mysqld/mysqld.sock",
        "postgresql+psycopg:///x?host=/run/postgresql",
        "postgresql+psycopg://sink@db/x?sslmode=verify-full&user=a@b",
    ],
)
def test_addresses_with_options_are_taken(address: str) -> None:
    engine_for(Sink(database=address)).dispose()
