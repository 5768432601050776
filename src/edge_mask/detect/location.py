"""Where model packages are: here, in the source tree, or inside the installed program."""

from pathlib import Path

import edge_mask
from edge_mask.detect.card_file import CARD
from edge_mask.errors import ModelError

DEFAULT = "models/mask-detector"
"""The package that comes with the program."""
GRAPH = ".tflite"


def find_package(name: str | Path = DEFAULT) -> Path:
    """The folder of a package: `name` as it stands; for `NAME` or `models/NAME`, else the one that came along.

    Any other name is a place of the user's own, where nothing else can be meant. Where the name is that of a `.tflite`
    in such a folder, it is the path of that file. Raises ModelError when there is none.
    """
    try:
        given = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"{name}: there is no such home folder") from error
    if _holds_a_card(given):
        return given
    if given.suffix == GRAPH and given.name != GRAPH and not given.is_dir():
        return find_package(given.parent) / given.name
    if given.exists():
        raise ModelError(f"{given}: holds no {CARD}; a model package is a folder with one")
    brought = [folder / given.name for folder in shipped()] if given.parts in _could_be_shipped(given) else []
    for place in brought:
        if _holds_a_card(place):
            return place
    places = ", ".join(str(place.parent) for place in (given, *brought))
    raise ModelError(f"{given}: no such model package (looked in {places})")


def shipped() -> list[Path]:
    """The folders that may hold packages that came with the program, whether they exist or not."""
    inside = Path(edge_mask.__file__).resolve().parent
    return [inside.parents[1] / "models", inside / "_models"]


def _could_be_shipped(given: Path) -> tuple[tuple[str, ...], ...]:
    return (given.name,), (Path(DEFAULT).parent.name, given.name)


def _holds_a_card(folder: Path) -> bool:
    try:
        return (folder / CARD).is_file()
    except OSError as error:
        raise ModelError(f"{folder}: cannot be looked into ({error.strerror})") from error
