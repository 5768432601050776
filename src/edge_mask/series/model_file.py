"""A model on the disk: one file with a checksum, replaced as a whole, and the one before it."""

import contextlib
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_mask.errors import Refused
from edge_mask.private_file import replace_private
from edge_mask.series.model import Model
from edge_mask.series.nouns import Site

NAME: Final = "model.npz"
OLD: Final = "model.old.npz"

_FORMAT: Final = 1
_DIGEST: Final = 32
"""The file ends with the SHA-256 of what is before: looked at first, so that nothing else can be wrong in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The model to use, and a sentence when it is not the one that was written last."""

    model: Model | None
    problem: str | None = None


def save(folder: Path, model: Model) -> None:
    """Keep this model; the one before stays beside it. Raises OSError, and then the one before is still in place."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        format=_FORMAT,
        zone=str(model.zone),
        scale=model.scale,
        weights=model.weights,
        band=model.band,
        learned_from=model.learned_from,
        days=model.days,
    )
    packed = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    _keep_old(folder)
    replace_private(folder / NAME, packed + hashlib.sha256(packed).digest())


def load(folder: Path, site: Site) -> Found:
    """The last model of this series that is whole and was learned by its clock."""
    problems = []
    for name in (NAME, OLD):
        path = folder / name
        try:
            model = _read(path, site)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problems.append(f"{path} cannot be read ({error.strerror})")
            continue
        except Refused as refused:
            problems.append(f"{path} {refused}")
            continue
        return Found(model, _sentence(problems, f"the model before it, {OLD}, is used"))
    return Found(None, _sentence(problems, "there is no forecast until the next training"))


def _sentence(problems: list[str], instead: str) -> str | None:
    return f"{' and '.join(problems)}; {instead}" if problems else None


def _keep_old(folder: Path) -> None:
    """A second name for the file, so that there is never a moment without one."""
    spare = folder / f"{OLD}.new"
    spare.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.link(folder / NAME, spare)
        spare.replace(folder / OLD)


def _read(path: Path, site: Site) -> Model:
    data = path.read_bytes()
    packed, checksum = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(packed).digest() != checksum:
        raise Refused("is damaged (its checksum does not fit)")
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        if int(arrays["format"]) != _FORMAT:
            raise Refused("was written by another version of this program")
        if str(arrays["zone"]) != str(site.zone):
            raise Refused(f"was learned by the clock of {arrays['zone']}, not {site.zone}")
        begin, end = (float(each) for each in arrays["learned_from"])
        return Model(
            zone=site.zone,
            limits=site.limits,
            scale=float(arrays["scale"]),
            weights=arrays["weights"],
            band=arrays["band"],
            learned_from=(begin, end),
            days=int(arrays["days"]),
        )
