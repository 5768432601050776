"""When the wall clock is believed."""

from pathlib import Path

import pytest

from edge_mask.runtime.clock import boot_id, kernel_says_synchronised, wall_clock_is_set

NOW = 1_795_000_000.0


def board(root: Path, *, chip: bool) -> Path:
    (root / "proc/device-tree").mkdir(parents=True)
    (root / "dev").mkdir()
    if chip:
        (root / "dev/rtc0").touch()
    return root


def test_a_clock_in_the_past_is_never_believed(tmp_path: Path) -> None:
    assert not wall_clock_is_set(board(tmp_path, chip=True), now=0.0)


def test_a_board_with_a_clock_chip_is_believed(tmp_path: Path) -> None:
    assert wall_clock_is_set(board(tmp_path, chip=True), now=NOW)


def test_a_board_without_one_is_believed_once_the_kernel_says_synchronised(tmp_path: Path) -> None:
    assert wall_clock_is_set(board(tmp_path, chip=False), now=NOW) == kernel_says_synchronised()


def test_a_machine_that_is_no_board_is_believed(tmp_path: Path) -> None:
    assert wall_clock_is_set(tmp_path, now=NOW)


@pytest.mark.parametrize("content", ["abc-1\n", "abc-2\n"])
def test_the_boot_has_a_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "boot_id").write_text(content)
    assert boot_id(tmp_path / "boot_id") == content.strip()
    assert boot_id(tmp_path / "none") == "unknown"
