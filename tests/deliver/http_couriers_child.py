"""A daemon's sending half in a process of its own, so that a test can kill it: sends what waits in a database."""

import sys
import threading
from concurrent.futures import Future
from pathlib import Path

from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.runtime.clock import SystemClock

if __name__ == "__main__":
    couriers = HttpCouriers(
        Path(sys.argv[1]), lambda _settlements: Future(), lambda _fault: None, SystemClock(), boot="boot-1"
    )
    while True:
        couriers.step(threading.Event())
