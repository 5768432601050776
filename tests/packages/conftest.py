"""One registry for all that ask one worker."""

from collections.abc import Iterator

import pytest
from tests.packages.registry import Registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A name of one's own keeps tests apart."""
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running
