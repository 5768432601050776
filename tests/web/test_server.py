"""The web server of the installed daemon."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.daemon import MASKED, write_config, write_model, write_scene
from tests.web.served import Served, served


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("house")) as found:
        yield found


def test_whoever_watches_over_it_learns_that_it_is_alive_and_nothing_more(house: Served) -> None:
    answer = house.client().get("/healthz")
    assert (answer.status, answer.json()) == (200, {"status": "alive"})
    assert "server" not in answer.headers


def test_nothing_else_is_served_to_a_stranger(house: Served) -> None:
    answer = house.client().get("/api/v1/events")
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"


IMPORTED = """
import sys
from edge_mask.cli import main
code = main(sys.argv[1:])
print(sorted(name for name in sys.modules if name.startswith(("edge_mask.web", "starlette", "uvicorn", "jinja2"))))
sys.exit(code)
"""


def test_a_daemon_without_a_page_imports_none_of_it(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED])
    config = write_config(tmp_path, None)
    words = [sys.executable, "-c", IMPORTED, "run", "--until-idle", "--config", str(config)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


LEAN = """
import sys
import edge_mask.app.metrics, edge_mask.web.application, edge_mask.web.listener, uvicorn
from uvicorn.config import Config
async def app(scope, receive, send): ...
Config(app, ws="none", lifespan="off", interface="asgi3", log_config=None).load()
print(sorted({"click", "multiprocessing", "prometheus_client"} & set(sys.modules)))
print(uvicorn.Server.__module__, hasattr(uvicorn, "nothing"), uvicorn.run.__module__, "click" in sys.modules)
"""


def test_a_page_goes_without_what_only_others_use() -> None:
    """The command line of the server, and metrics before the first scrape."""
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["[]", "uvicorn.server False uvicorn.main True"]
