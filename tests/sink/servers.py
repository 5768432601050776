"""Real PostgreSQL and MariaDB servers of the tests' own: a temporary folder, a free port on loopback, nothing shared.

The fixtures in conftest.py keep one of each for the session; a test that breaks its server starts one of its own.
"""

import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import psutil
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool
from tests.broker import HOST, free_port
from tests.waiting import until

PASSWORD = "p@ss/w:rd"


def program(name: str, *folders: str) -> str | None:
    """Where it lies; Debian keeps PostgreSQL's programs out of the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *folders, *map(str, versions)])
    return shutil.which(name, path=path)


class DatabaseServer:
    """A server that can be stopped, killed, frozen and started again on the same port with the same files."""

    scheme = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.install()
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def install(self) -> None:
        raise NotImplementedError

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        """Of the server itself."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Returns once it takes connections."""
        assert self._process is None, "the server runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd="/", start_new_session=True)
        until(self.answers)

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        with suppress(Exception):
            self.query("SELECT 1")
            return True
        return False

    def stop(self) -> None:
        self._end(signal.SIGINT if self.scheme.startswith("postgresql") else signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: its recovery is at the next start."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
            os.kill(process.pid, how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        psutil.wait_procs(children, 30)  # each connection is one of PostgreSQL's: they end by themselves

    def url(self, database: str, *, with_password: bool = False) -> str:
        secret = f":{PASSWORD.replace('@', '%40').replace('/', '%2F').replace(':', '%3A')}" if with_password else ""
        return f"{self.scheme}://sink{secret}@{HOST}:{self.port}/{database}"

    def admin_url(self, database: str) -> str:
        raise NotImplementedError

    def new_database(self) -> str:
        """An empty one; its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.query(f"CREATE DATABASE {name}")
        self.grant(name)
        return name

    def grant(self, database: str) -> None:
        raise NotImplementedError

    def drop(self, database: str) -> None:
        self.query(f"DROP DATABASE {database}")

    def connect(self, database: str | None = None) -> Connection:
        """As the administrator; every statement is committed by itself."""
        url = self.admin_url(database or self.home)
        return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()

    home = ""

    def query(self, statement: str, database: str | None = None, **values: Any) -> list[Any]:
        """The rows of one statement, as the administrator."""
        with self.connect(database) as connection:
            got = connection.execute(text(statement), values)
            return [tuple(row) for row in got] if got.returns_rows else []


class Postgres(DatabaseServer):
    """It refuses to run as root: then it is the user `postgres`, or else `nobody`."""

    scheme = "postgresql+psycopg"
    home = "postgres"

    def __init__(self, folder: Path, options: Sequence[str] = ("fsync=off", "full_page_writes=off")) -> None:
        super().__init__(folder)
        self._options = options

    @staticmethod
    def missing() -> str | None:
        return (
            None
            if program("initdb") and program("postgres")
            else "PostgreSQL is not installed: `apt install postgresql`"
        )

    def install(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            self.folder.parent.chmod(0o711)
            for each in (self.folder, secret):
                shutil.chown(each, *_user_of_postgres())
        arguments = [
            "-D",
            str(self.folder / "data"),
            "-U",
            "admin",
            "--pwfile",
            str(secret),
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        ]
        subprocess.run([*self._as_user(), str(program("initdb")), *arguments], check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        super().start()
        if not self.query("SELECT 1 FROM pg_roles WHERE rolname = 'sink'"):
            self.query(f"CREATE ROLE sink LOGIN PASSWORD '{PASSWORD}'")

    def command(self) -> Sequence[str]:
        options = [
            f"listen_addresses={HOST}",
            f"port={self.port}",
            "unix_socket_directories=",
            "shared_buffers=64MB",
            "max_connections=40",
            *self._options,
        ]
        return [
            *self._as_user(),
            str(program("postgres")),
            "-D",
            str(self.folder / "data"),
            *(word for each in options for word in ("-c", each)),
        ]

    def _as_user(self) -> Sequence[str]:
        if os.geteuid() != 0:
            return ()
        user, group = _user_of_postgres()
        return ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--")

    def admin_url(self, database: str) -> str:
        return self.url(database, with_password=True).replace("://sink:", "://admin:")

    def grant(self, database: str) -> None:
        self.query(f"ALTER DATABASE {database} OWNER TO sink")

    def drop(self, database: str) -> None:
        self.query(f"DROP DATABASE {database} WITH (FORCE)")


class MariaDb(DatabaseServer):
    scheme = "mysql+pymysql"
    home = "mysql"

    def __init__(self, folder: Path, options: Sequence[str] = ("--innodb-flush-log-at-trx-commit=0",)) -> None:
        super().__init__(folder)
        self._options = options

    @staticmethod
    def missing() -> str | None:
        found = program("mariadbd") and program("mariadb-install-db")
        return None if found else "MariaDB is not installed: `apt install mariadb-server`"

    def install(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = [
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--user={self._user}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        subprocess.run([str(program("mariadb-install-db")), *arguments], check=True, capture_output=True)

    def start(self) -> None:
        super().start()
        if not self.query("SELECT 1 FROM mysql.user WHERE user = 'sink'"):
            self.query(f"CREATE USER sink@'%' IDENTIFIED BY '{PASSWORD}'")

    def command(self) -> Sequence[str]:
        return [
            str(program("mariadbd")), "--no-defaults", f"--datadir={self.folder / 'data'}", f"--user={self._user}",
            f"--port={self.port}", f"--bind-address={HOST}", f"--socket={self.folder / 's'}",
            f"--pid-file={self.folder / 'pid'}", "--skip-name-resolve", "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=48M", *self._options,
        ]  # fmt: skip

    @property
    def _user(self) -> str:
        return pwd.getpwuid(os.geteuid()).pw_name

    def admin_url(self, database: str) -> str:
        return f"{self.scheme}://root@{HOST}:{self.port}/{database}"

    def grant(self, database: str) -> None:
        self.query(f"GRANT ALL ON {database}.* TO sink@'%'")


def _user_of_postgres() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise AssertionError("there is no user whom PostgreSQL could run as")


def started(kind: "type[Postgres | MariaDb]", **options: Any) -> AbstractContextManager[DatabaseServer]:
    """A server of this kind, stopped at the end; skips the test where it is not installed."""
    if (missing := kind.missing()) is not None:
        pytest.skip(missing)
    return _in_a_folder(kind, options)


@contextmanager
def _in_a_folder(kind: "type[Postgres | MariaDb]", options: Mapping[str, Any]) -> Iterator[DatabaseServer]:
    """Not in pytest's: its folders are closed to the user whom PostgreSQL runs as."""
    with (
        TemporaryDirectory(prefix=f"edge-mask-{kind.__name__.lower()}-") as folder,
        kind(Path(folder) / "server", **options) as server,
    ):
        yield server


SERVERS: dict[str, type[Postgres | MariaDb]] = {"postgresql": Postgres, "mariadb": MariaDb}
