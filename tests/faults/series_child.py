"""A process that records minutes of series and packs them, in forks of it that kill themselves.

python series_child.py FOLDER FIRST LAST STEP: for each number from FIRST to LAST a fork works on FOLDER/NUMBER.db and
sends itself SIGKILL before the NUMBER-th SQL statement after opening it. NUMBER.said holds the minutes whose commit has
returned.
"""

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from tests.ledger.series import FIRST, START, closed, keep, opened, read, tidy


def main() -> None:
    folder, *numbers = sys.argv[1:]
    first, last, step = map(int, numbers)
    for number in range(first, last, step):
        if os.fork() == 0:
            work(Path(folder), number)
            os._exit(0)
        os.wait()


def work(folder: Path, kill_at: int) -> None:
    with opened(folder / f"{kill_at}.db") as ledger, (folder / f"{kill_at}.said").open("w") as said:
        counter = itertools.count(1)

        def before(*_anything: Any) -> None:
            if next(counter) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(ledger.file.connection, "before_cursor_execute", before)
        event.listen(ledger.file.connection, "commit", before)
        for place in (0, 10, 61):
            read(ledger, (START + 60 * place, float(place)))
            keep(ledger, closed(FIRST + place, float(place)), at=START + 60 * place)
            print(place, file=said, flush=True)
        tidy(ledger, START + 2 * 3600 + 400)
        print("end", file=said, flush=True)


if __name__ == "__main__":
    main()
