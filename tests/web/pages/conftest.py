"""A house with some weeks of history, for all tests of this folder."""

from pathlib import Path

import pytest
from tests.web.asking import Asking, asking
from tests.web.history import History
from tests.web.reading import NOW, SEOUL, house


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With some weeks of history."""
    found = tmp_path_factory.mktemp("pages")
    History(found / "edge-mask.db", NOW, SEOUL).fill()
    return found


@pytest.fixture(scope="package")
def guard(folder: Path) -> Asking:
    """An operator who looks at it."""
    return asking(house(folder), who="operator")
