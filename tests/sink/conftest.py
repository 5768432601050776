"""The servers of the session, and a central store of each test's own in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.broker import Mosquitto
from tests.sink.central import Central
from tests.sink.servers import SERVERS, DatabaseServer, MariaDb, Postgres, started


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """One PostgreSQL for all tests."""
    with started(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    """One MariaDB for all tests."""
    with started(MariaDb) as server:
        yield server


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of both."""
    name = "postgres" if request.param == "postgresql" else "mariadb"
    found: DatabaseServer = request.getfixturevalue(name)
    return found


@pytest.fixture
def central(server: DatabaseServer, broker: Mosquitto, tmp_path: Path) -> Iterator[Central]:
    """A broker, an empty database in each of both servers, and the configuration of a sink between them."""
    with Central(tmp_path, broker, server) as made:
        yield made


@pytest.fixture
def in_postgres(postgres: DatabaseServer, broker: Mosquitto, tmp_path: Path) -> Iterator[Central]:
    """The same with PostgreSQL alone: for what does not depend on the database."""
    with Central(tmp_path, broker, postgres) as made:
        yield made
