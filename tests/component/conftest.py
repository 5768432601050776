"""One build of the component for all tests of it: making the wheel takes a few seconds."""

from pathlib import Path

import pytest

from component import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `component/build.sh` makes."""
    folder = tmp_path_factory.mktemp("component") / "greengrass-build"
    assert build.main(["--out", str(folder)]) == 0
    return folder
