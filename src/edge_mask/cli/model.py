"""`edge-mask model`: lists, shows, verifies, installs and selects model packages."""

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_name, a_path

if TYPE_CHECKING:
    from edge_mask.detect.card import Nms
    from edge_mask.packages.package import Package

_DOES_NOT_HOLD = 3


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser with its own commands."""
    parser = subparsers.add_parser("model", help="model packages", description=__doc__)
    commands = parser.add_subparsers(dest="model_command", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the packages that are here", description=_list.__doc__)
    listing.add_argument("folders", nargs="*", type=a_path, metavar="DIR", help="where to look (default: models)")
    listing.set_defaults(function=_list)
    info = commands.add_parser("info", help="what a package says of itself", description=_info.__doc__)
    info.set_defaults(function=_info)
    verify = commands.add_parser("verify", help="whether a package holds what it promises", description=_verify.__doc__)
    verify.set_defaults(function=_verify)
    for command in (info, verify):
        command.add_argument(
            "package", nargs="?", type=a_name, metavar="PKG", help="package folder (default: models/mask-detector)"
        )
    for command in (listing, info, verify):
        command.add_argument("--json", action="store_true", help="print JSON")
    _add_choices(commands)


def _add_choices(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    install = commands.add_parser(
        "install", help="take over a package from a folder or zip", description=_install.__doc__
    )
    install.add_argument("source", type=a_path, metavar="FOLDER|ZIP")
    install.add_argument("--activate", action="store_true", help="use it from now on")
    install.set_defaults(function=_install)
    activate = commands.add_parser("activate", help="use an installed package", description=_activate.__doc__)
    activate.add_argument("name", metavar="NAME-VERSION", help="its folder, as `install` and `list` print it")
    activate.set_defaults(function=_activate)
    rollback = commands.add_parser("rollback", help="use the one before again", description=_rollback.__doc__)
    rollback.set_defaults(function=_rollback)
    for command in (install, activate, rollback):
        command.add_argument(
            "--models", type=a_path, default=Path("models"), metavar="DIR", help="folder of packages (default: models)"
        )


def _list(arguments: argparse.Namespace) -> int:
    """List the packages in folders. A package whose card cannot be read is named with the reason; exit code 1."""
    from edge_mask.packages.location import list_packages, shipped
    from edge_mask.packages.store import Store

    folders = arguments.folders or [Path("models"), *shipped()]
    for folder in folders:
        Store(folder).clean()
    found = list_packages(folders)
    if arguments.json:
        print(json.dumps([entry.as_json() for entry in found], ensure_ascii=False, indent=2))
    else:
        for entry in found:
            print(entry.as_line())
        if not found:
            print(f"no model packages in {', '.join(map(str, folders))}", file=sys.stderr)
    return 1 if any(entry.problem for entry in found) else 0


def _info(arguments: argparse.Namespace) -> int:
    """Show a package's card. Nothing is run."""
    package = _package(arguments.package)
    content = package.card.model_dump(mode="json", exclude_none=True)
    if arguments.json:
        print(json.dumps({"folder": str(package.folder), **content}, ensure_ascii=False, indent=2))
        return 0
    for name, value in _summary(package).items():
        print(f"{name:<14}{value}")
    for name in ("figures", "training", "intended_use", "misuse", "limits", "notes"):
        if content.get(name):
            print(f"\n{name.replace('_', ' ')}:")
            print("\n".join(_indented(content[name])))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Check a package as the daemon does and more: every file's checksum, shapes and golden answers, on each runtime.

    Exit code 0 when everything holds, 3 when something does not.
    """
    from edge_mask.packages.verify import verify_package

    package = _package(arguments.package)
    checks = verify_package(package)
    passed = all(check.passed for check in checks)
    if arguments.json:
        content = [{"check": c.what, "passed": c.passed, "detail": c.detail} for c in checks]
        print(json.dumps({"package": str(package.folder), "passed": passed, "checks": content}, ensure_ascii=False))
    else:
        for check in checks:
            print(f"{'ok    ' if check.passed else 'FAILED'}  {check.what}: {check.detail}")
        what = f"{package.card.name} {package.card.version} in {package.folder}"
        print(f"{what}: {'holds' if passed else 'does not hold'}")
    return 0 if passed else _DOES_NOT_HOLD


def _install(arguments: argparse.Namespace) -> int:
    """Verify a package completely, then copy it into the folder of packages.

    An installed intact package of the same version stays; a broken one is replaced.
    """
    from edge_mask.packages.store import Store

    store = Store(arguments.models)
    package, repaired = store.install(arguments.source)
    print(f"{'repaired' if repaired else 'installed'} {package.folder}")
    return _activated(store.activate(package.folder.name)) if arguments.activate else 0


def _activate(arguments: argparse.Namespace) -> int:
    """Point `current` at an installed package. A daemon with `model: models/current` loads it at the next SIGHUP."""
    from edge_mask.packages.store import Store

    return _activated(Store(arguments.models).activate(arguments.name))


def _rollback(arguments: argparse.Namespace) -> int:
    """Point `current` at the previous package; a second call switches back."""
    from edge_mask.packages.store import Store

    return _activated(Store(arguments.models).rollback())


def _activated(package: "Package") -> int:
    print(f"{package.folder.parent / 'current'} is {package.card.name} {package.card.version}")
    return 0


def _package(name: str | None) -> "Package":
    from edge_mask.packages.location import DEFAULT, find_package
    from edge_mask.packages.package import open_package

    return open_package(find_package(name or DEFAULT))


def _suppression(nms: "Nms", most: int) -> str:
    more = {
        "voting from": nms.vote, "support": nms.support or None, "decay": nms.decay, "one box from": nms.share,
        "floor": nms.floor,
    }  # fmt: skip
    extras = "".join(f", {name} {value:g}" for name, value in more.items() if value is not None)
    return f", nms at {nms.iou:g}{extras}, at most {most} faces"


def _summary(package: "Package") -> dict[str, str]:
    from edge_mask.detect.card import Classifier

    card = package.card
    fit = f"letterbox {card.input.letterbox.anchor}" if card.input.letterbox else "stretched"
    thresholds = ", ".join(f"{label} {card.thresholds.of(label):g}" for label in card.meanings)
    decoding = card.decoding
    nms = "" if isinstance(decoding, Classifier) else _suppression(decoding.nms, decoding.max_faces)
    width, height = card.input.size
    return {
        "package": str(package.folder),
        "name": f"{card.name} {card.version}",
        "licence": card.licence,
        "labels": ", ".join(
            f"{label} ({card.meaning(label) or 'ignored'})" if card.label_map else label for label in card.labels
        ),
        "input": f"{width}x{height} {card.input.color}, {fit}, (pixel - {card.input.mean}) / {card.input.scale}",
        "decoding": decoding.kind + nms,
        "thresholds": thresholds,
        "files": "\n".join(_file_lines(package)),
        "golden": f"{len(card.golden)} picture{'' if len(card.golden) == 1 else 's'}",
    }


def _file_lines(package: "Package") -> list[str]:
    lines: list[str] = []
    for file in package.card.files:
        path = package.folder / file.path
        size = f"{path.stat().st_size / 1000:.0f} kB" if path.is_file() else "MISSING"
        prefer = f", preferred by {', '.join(file.prefer)}" if file.prefer else ""
        lines.append(f"{'' if not lines else ' ' * 14}{file.path} ({file.precision}, {size}{prefer})")
    return lines


def _indented(value: Any, depth: int = 1) -> list[str]:
    """Free text and nested keys of the card as lines."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _entry(f"{key}:", inner, depth)]
    if isinstance(value, list):
        return [line for inner in value for line in _entry("-", inner, depth)]
    return textwrap.wrap(_scalar(value), 100, initial_indent="  " * depth, subsequent_indent="  " * depth)


def _entry(name: str, inner: Any, depth: int) -> list[str]:
    """A key or a dash with what belongs to it: on the same line when it is short, else below it."""
    space = "  " * depth
    if isinstance(inner, list) and all(isinstance(each, int | float) for each in inner):
        inner = ", ".join(map(_scalar, inner))
    if isinstance(inner, dict | list):
        return [space + name, *_indented(inner, depth + 1)]
    return _wrapped(f"{name} {_scalar(inner)}", space)


def _scalar(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wrapped(text: str, space: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=space, subsequent_indent=space + "  ")
