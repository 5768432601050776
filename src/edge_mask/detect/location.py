"""Where model packages are: here, in the source tree, or inside the installed program."""

from pathlib import Path

import edge_mask
from edge_mask.detect.card_file import CARD
from edge_mask.errors import ModelError

DEFAULT = "models/mask-detector"
"""The package that comes with the program."""


def find_package(name: str | Path = DEFAULT) -> Path:
    """The folder of a package: `name` as it stands, else the one of that name that came with the program.

    Raises ModelError when there is none.
    """
    given = Path(name).expanduser()
    places = [given, *(folder / given.name for folder in shipped())] if not given.is_absolute() else [given]
    for place in places:
        if (place / CARD).is_file():
            return place
    if given.is_dir():
        raise ModelError(f"{given}: holds no {CARD}; a model package is a folder with one")
    raise ModelError(f"{given}: no such model package (looked in {', '.join(str(p.parent) for p in places)})")


def shipped() -> list[Path]:
    """The folders that may hold packages that came with the program, whether they exist or not."""
    inside = Path(edge_mask.__file__).resolve().parent
    return [inside.parents[1] / "models", inside / "_models"]
