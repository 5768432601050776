"""Builds the artifacts and the recipe of the Greengrass component; needs Python and pip, nothing else.

wheel ─▶ wheels/ ─┐
install.sh run.sh ├─▶ edge-mask-ARCH.zip ─▶ OUT/artifacts/edge-mask/VERSION/
config.yaml …     ┘    recipe.yaml ───────▶ OUT/recipes/
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[1]
NAME = "edge-mask"
MACHINES = {"amd64": "x86_64", "aarch64": "aarch64"}
"""The architectures of the recipe, as Python's wheels call them."""
PLATFORMS = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31")
"""The manylinux versions whose wheels run on the oldest system that has Python 3.11, Debian 12 (glibc 2.36)."""
SCRIPTS = ("install.sh", "run.sh")
TESTED, BOOKWORM = ROOT / "requirements" / "dev.txt", ROOT / "requirements" / "bookworm.txt"
BUCKET = "BUCKET_NAME"
ANY_THING = ("edge-mask/+/", "$aws/things/+/")
"""What the recipe's accessControl says where the thing's name stands in a topic."""
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the same sources give the same bytes."""


def main(words: Sequence[str] | None = None) -> int:
    """Build what the arguments ask for, and print where it lies."""
    wanted = _arguments().parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        own = _wheel(Path(scratch))
        version = own.name.split("-")[1]
        artifacts = Path(wanted.out) / "artifacts" / NAME / version
        recipes = Path(wanted.out) / "recipes"
        for folder in (artifacts, recipes):
            folder.mkdir(parents=True, exist_ok=True)
        for arch in wanted.arch or MACHINES:
            folder = Path(scratch) / arch
            _fill(folder, own, for_bookworm=wanted.bookworm)
            if wanted.closed:
                _add_dependencies(folder, own, arch, wanted.python or [_this_python()])
            (folder / "BUILD").write_text(f"{version}-{_digest(folder)[:12]}\n")
            path = artifacts / f"{NAME}-{arch}.zip"
            _pack(folder, path)
            print(path)
    text = _recipe(version, wanted.arch or MACHINES, wanted.bucket, wanted.thing)
    for name in ("recipe.yaml", f"{NAME}-{version}.yaml"):  # gdk looks for the first, a local deployment for the second
        (recipes / name).write_text(text, encoding="utf-8")
        print(recipes / name)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="component/build.sh", description="Builds the Greengrass component.")
    parser.add_argument(
        "--closed", action="store_true", help="put the wheels of all dependencies into the zip: no network is needed"
    )
    parser.add_argument("--arch", action="append", choices=MACHINES, help="one architecture only; by default both")
    parser.add_argument(
        "--python",
        action="append",
        type=_version,
        metavar="VERSION",
        help="with --closed: the Python of the devices, such as 3.11; several times for several (by default this one)",
    )
    parser.add_argument(
        "--bookworm", action="store_true", help="for picamera2 of Raspberry Pi OS 12 (requirements/bookworm.txt)"
    )
    parser.add_argument(
        "--bucket", default=BUCKET, help="the S3 bucket in the recipe; `gdk component publish` fills in its own"
    )
    parser.add_argument(
        "--thing",
        help="narrow accessControl to this thing, or to {iot:thingName} where the nucleus interpolates configuration",
    )
    parser.add_argument("--out", default=str(ROOT / "greengrass-build"), help="by default greengrass-build")
    return parser


def _version(text: str) -> str:
    if not re.fullmatch(r"3\.\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 3.11")
    return text


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _pip(*words: str | Path, why: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"], check=False)
    if done.returncode:
        raise SystemExit(f"component/build.sh: {why}: what pip says stands above")


def _wheel(scratch: Path) -> Path:
    _pip("wheel", "--no-deps", "--wheel-dir", scratch / "own", ROOT, why="the wheel could not be built")
    return next((scratch / "own").glob("*.whl"))


def _fill(folder: Path, own: Path, *, for_bookworm: bool) -> None:
    (folder / "wheels").mkdir(parents=True)
    shutil.copy(own, folder / "wheels")
    for name in (*SCRIPTS, "config.yaml"):
        shutil.copy(ROOT / "component" / name, folder)
    shutil.copy(ROOT / "LICENSE", folder)
    shutil.copy(BOOKWORM, folder)
    (folder / "constraints.txt").write_text(_constraints(for_bookworm=for_bookworm), encoding="utf-8")


def _constraints(*, for_bookworm: bool = False) -> str:
    """The versions that were tested, for pip: every device gets these, whenever it installs."""
    pinned = re.findall(r"(?m)^([\w.-]+)(==\S+(?: ; .+?)?) \\$", TESTED.read_text(encoding="utf-8"))
    instead = BOOKWORM.read_text(encoding="utf-8") if for_bookworm else ""
    others = set(re.findall(r"(?m)^[\w-]+", instead))
    return "".join(f"{name}{version}\n" for name, version in pinned if name not in others) + instead


def _for_python(version: str, constraints: str) -> str:
    """Those that hold for another Python: pip would judge them by the one that builds."""
    made = []
    for line in constraints.splitlines():
        pin, _, marker = line.partition(" ; ")
        told = re.fullmatch(r"python_full_version (<|>=) '([\d.]+)'", marker)
        if told is None or (_number(version) < _number(told[2])) == (told[1] == "<"):
            made.append(f"{pin}\n")
    return "".join(made)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _add_dependencies(folder: Path, own: Path, arch: str, pythons: Iterable[str]) -> None:
    """Wheels only, never sources: nothing is compiled, so that any machine can build for any other."""
    machine = MACHINES[arch]
    for version in pythons:
        words = [word for each in PLATFORMS for word in ("--platform", f"manylinux_{each}_{machine}")]
        words += ["--platform", f"manylinux2014_{machine}", "--python-version", version, "--implementation", "cp"]
        constraints = folder.with_name(f"{arch}-{version}.txt")
        constraints.write_text(_for_python(version, (folder / "constraints.txt").read_text(encoding="utf-8")))
        words += ["--constraint", str(constraints)]
        why = f"not every dependency has a wheel for Python {version} on {machine}"
        _pip("download", "--only-binary", ":all:", "--dest", folder / "wheels", *words, f"{own}[aws]", why=why)
    (folder / "CLOSED").touch()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in _files(folder):
        whole.update(f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _pack(folder: Path, path: Path) -> None:
    with ZipFile(path, "w") as packed:
        for each in _files(folder):
            entry = ZipInfo(str(each.relative_to(folder)), EARLIEST)
            entry.external_attr = (0o755 if each.suffix == ".sh" else 0o644) << 16
            entry.compress_type = ZIP_STORED if each.suffix == ".whl" else ZIP_DEFLATED  # a wheel is a zip itself
            packed.writestr(entry, each.read_bytes())


def _recipe(version: str, archs: Iterable[str], bucket: str, thing: str | None) -> str:
    """The recipe with what was asked for filled in, as text: its comments stay."""
    text = (ROOT / "recipe.yaml").read_text(encoding="utf-8")
    if f"ComponentVersion: {version}\n" not in text:
        raise SystemExit(f"component/build.sh: recipe.yaml is not for version {version}; change its ComponentVersion")
    head, *manifests = re.split(r"(?m)^(?=  - Platform:)", text)
    text = head + "".join(each for each in manifests if any(f"{NAME}-{arch}.zip" in each for arch in archs))
    for each in ANY_THING if thing else ():
        text = text.replace(each, each.replace("+", thing or ""))
    return text.replace(BUCKET, bucket)


if __name__ == "__main__":
    sys.exit(main())
