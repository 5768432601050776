"""Packages go to a real registry over TLS with a password, and come back as they were."""

from pathlib import Path
from typing import Any

from tests.packages.registry import PASSWORD, USER, Registry
from tests.packages.remote.parcels import FILES, names, write_layout

from edge_mask.packages.remote.address import parse
from edge_mask.packages.remote.pull import Pulled, pull
from edge_mask.packages.remote.push import Pushed, push
from edge_mask.packages.remote.source import Access, Credentials, Effort, Limits

KNOWN = Credentials(username=USER, password=PASSWORD)


def put(registry: Registry, layout: Path, name: str) -> Pushed:
    access = Access(credentials=KNOWN, ca=registry.ca)
    return push(layout, parse(f"{registry.base}/{name}"), access, Effort(Limits()))


def get(registry: Registry, name: str, digest: str, into: Path, **more: Any) -> Pulled:
    return pull([f"{registry.base}/{name}"], digest, into, **{"credentials": KNOWN, "ca": registry.ca, **more})


def test_a_package_comes_back_as_it_was(tmp_path: Path, registry: Registry) -> None:
    layout, made = write_layout(tmp_path)
    first, second = put(registry, layout, "whole"), put(registry, layout, "whole")
    assert (first.sent, second.sent) == (4, 0)
    assert first.address == f"{registry.base}/whole@{made.digest}"
    found = get(registry, "whole", made.digest, tmp_path / "into")
    assert names(found.folder) == FILES
    assert (found.source, found.size) == (f"{registry.base}/whole", made.size)
