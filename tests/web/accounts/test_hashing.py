"""argon2id as it is kept; and that a login leaves no memory behind."""

import subprocess
import sys
import threading
import time

import pytest

from edge_mask.web.accounts.hashing import Hasher, is_a_hash

HASHER = Hasher()


def test_a_hash_names_its_cost_and_has_a_salt_of_its_own() -> None:
    first, second = HASHER.hashed("correct horse battery"), HASHER.hashed("correct horse battery")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert is_a_hash(first)
    assert HASHER.fits(first, "correct horse battery")
    assert not HASHER.fits(first, "correct horse batterz")


@pytest.mark.parametrize("odd", ["", "\0", "correct horse battery\0", "x" * 60_000, "\ud800", "비밀번호"])
def test_any_text_can_be_compared(odd: str) -> None:
    assert not HASHER.fits(HASHER.hashed("correct horse battery"), odd)
    assert not HASHER.fits(None, odd)


def test_a_password_is_compared_to_its_end() -> None:
    kept = HASHER.hashed("x" * 200)
    assert not HASHER.fits(kept, "x" * 199)
    assert not HASHER.fits(kept, "x" * 200 + "\0")


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "correct horse battery",
        "$argon2id$v=19$m=4194304,t=2,p=1$/OCCf/adFFwn8ItDaZ+7uw$eFE0iVzP/ZuOr9s5Uj7+dIdgMJlKC2Yy72Qzb0Mrh0E",
        "$argon2id$v=19$m=19456,t=2,p=1$/OCCf/adFFwn8ItDaZ+7uw$eFE0iVzP",
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_what_is_no_hash_of_ours_is_known_before_it_costs_memory(kept: str) -> None:
    assert not is_a_hash(kept)


def test_somebody_unknown_takes_as_long_as_a_wrong_password() -> None:
    """Both hash once. Compared in one run, alternating, by the shortest of several."""
    kept = HASHER.hashed("correct horse battery")
    known = min(_spent(kept) for _ in range(6))
    unknown = min(_spent(None) for _ in range(6))
    assert 0.2 < unknown / known < 5.0, "without a hash it is a hundredth"


def _spent(kept: str | None) -> float:
    begun = time.thread_time()
    HASHER.fits(kept, "wrong wrong wrong")
    return time.thread_time() - begun


MEMORY = """
import threading
from edge_mask.web.accounts.hashing import Hasher

def memory(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) / 1024

hasher = Hasher()
before = memory("VmRSS")
workers = [threading.Thread(target=lambda: [hasher.fits(None, "wrong") for _ in range(5)]) for _ in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(memory("VmRSS") - before, memory("VmHWM") - before)
"""


def test_twenty_hashes_in_four_threads_leave_no_memory_behind_and_never_take_two_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    left, peak = map(float, done.stdout.split())
    assert left < 5.0, f"{left} MiB stay"
    assert peak < 30.0, f"{peak} MiB at once: more than one hash of 19 MiB"


def test_threads_wait_for_each_other() -> None:
    answers: list[bool] = []
    kept = HASHER.hashed("correct horse battery")
    workers = [
        threading.Thread(target=lambda: answers.append(HASHER.fits(kept, "correct horse battery"))) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [True] * 3
