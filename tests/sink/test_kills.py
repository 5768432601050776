"""`kill -9` at any moment: nothing is lost and nothing is there twice. benchmarks/sink_kills.py does it sixty times."""

from pathlib import Path

from tests.sink.kills import Kills, Victim
from tests.sink.servers import Postgres, started


def test_kills_of_sink_server_and_broker_lose_nothing(tmp_path: Path) -> None:
    victims: tuple[Victim, ...] = ("sink", "server", "broker", "broker", "server", "sink")
    with started(Postgres) as server, Kills(tmp_path, server, daemons=1, readings=500) as kills:
        for victim in victims:
            kills.kill(victim)
        assert kills.check() == (0, 0)
