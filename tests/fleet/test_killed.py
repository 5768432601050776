"""Killed at any change of the file system on the way to another model: whole packages, and nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_kill_at_any_point_leaves_whole_packages_and_the_next_start_ends_the_work(tmp_path: Path) -> None:
    """`python -m tests.fleet.killed FOLDER 1` kills at every one."""
    command = [sys.executable, "-m", "tests.fleet.killed", str(tmp_path), "11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert not done.returncode, done.stderr
    assert len(kills) >= 5
    for kill in kills:
        assert kill["broken"] == [], kill
        assert kill["current"] in ("tiny-1.0", "tiny-1.1"), kill
        assert len([left for left in kill["left"] if left.startswith(".staging-")]) <= 1, kill
        after = kill["afterwards"]
        assert (after["state"], after["current"], after["broken"], after["left"]) == ("active", "tiny-1.1", [], []), (
            kill
        )
        assert after["packages"] == ["tiny-1.0", "tiny-1.1"], kill
