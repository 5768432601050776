"""What is lost when the sink, the database's server and the broker are killed (SIGKILL) at random moments.

    python -m benchmarks.sink_kills [--database postgresql|mariadb] [--kills 60] [--daemons 2]

The publishers are daemons with replayed sensors, fifty readings a second each: what the broker does not acknowledge
stays in their outbox. The broker saves once a second. After each kill it goes on once messages are stored again;
the broker is killed once the sink has caught up (behind a backlog it loses what it acknowledged in its last second).
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import get_args

from benchmarks.sink_rate import server_of
from tests.sink.kills import Kills, Victim
from tests.sink.servers import SERVERS

_SECONDS_A_KILL = 6
"""More than one takes; readings go on to the end."""


def main() -> None:
    """Prints a line for each ten kills, and one at the end."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--database", choices=list(SERVERS), default="postgresql")
    words.add_argument("--kills", type=int, default=60)
    words.add_argument("--daemons", type=int, default=2)
    given = words.parse_args()
    done: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="edge-mask-kills-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with (
            server_of(given.database, folder) as server,
            Kills(folder, server, daemons=given.daemons, readings=given.kills * _SECONDS_A_KILL * 50) as kills,
        ):
            kills.patience = 120.0 + given.kills * _SECONDS_A_KILL
            for number in range(1, given.kills + 1):
                time.sleep(random.uniform(0, 1.0))
                victim: Victim = random.choice(get_args(Victim))
                kills.kill(victim)
                done[victim] += 1
                if number % 10 == 0:
                    print(f"{number} kills, {kills.central.count()} of {kills.expected} stored", flush=True)
            lost, twice = kills.check()
    killed = ", ".join(f"{victim} {count}" for victim, count in sorted(done.items()))
    print(f"{given.database}: {given.kills} kills ({killed}), {kills.expected} sent: {lost} lost, {twice} twice")


if __name__ == "__main__":
    main()
