"""What the pages say stands: sentences in the source, files in the tree, links on disk; and no page is too long."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "edge_mask"
MOST_LINES = 250
LONG_BY_NATURE = {"rules.md", "configuration.md"}
SHORTEST = 4
"""Letters: what is shorter between two variable parts (": ", " of ") proves nothing."""

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = [line for block in re.findall(r"^```text\n(.*?)^```$", TROUBLES, re.DOTALL | re.MULTILINE)
          for line in block.splitlines()]  # fmt: skip


def spoken() -> str:
    """Every text in the source, variable parts left out, one a line."""
    texts = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


SPOKEN = spoken()


def fixed_parts(sentence: str) -> list[str]:
    """What stands between the `<variable>` parts, without the punctuation that joins them."""
    parts = (part.strip(' .:,;"…' + "'") for part in re.split(r"<[^>]*>", sentence))
    return [part for part in parts if len(re.sub(r"[^a-z]", "", part.lower())) >= SHORTEST]


def stands(part: str) -> bool:
    """Texts that are joined while the program runs may stand apart in the source, at a sign of punctuation."""
    return part in SPOKEN or all(
        piece.strip(' "') in SPOKEN for piece in re.split(r"[:;,] | {2,}|\.(?=\w)", part) if piece.strip(' "')
    )


@pytest.mark.parametrize("sentence", QUOTED)
def test_a_sentence_that_troubleshooting_quotes_is_one_that_the_program_prints(sentence: str) -> None:
    parts = fixed_parts(sentence)
    assert parts, "a quoted sentence has a part that does not vary"
    assert [part for part in parts if not stands(part)] == []


def test_a_sentence_that_nobody_prints_is_found() -> None:
    assert not stands("the camera has gone for a walk")
    assert fixed_parts("camera <name>: has gone; <why> it left") == ["camera", "has gone", "it left"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_read_at_one_sitting(page: Path) -> None:
    lines = len(page.read_text(encoding="utf-8").splitlines())
    assert page.name in LONG_BY_NATURE or lines <= MOST_LINES, f"{lines} lines; split it or shorten it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/training.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    """`src/…`, `tests/…` and the like in code marks: a walk through files that have moved leads nowhere."""
    page = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|config|docs|training|benchmarks|models|scripts|component)/[\w./-]+)`", page)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_is_run_exists(page: Path) -> None:
    modules = re.findall(r"python -m ((?:training|benchmarks)(?:\.\w+)?)", page.read_text(encoding="utf-8"))
    missing = [name for name in modules if not _module(name)]
    assert missing == []


def _module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_the_map_names_every_room_and_no_other() -> None:
    table = (ROOT / "docs" / "map.md").read_text(encoding="utf-8").partition("## The rooms")[2].partition("\n## ")[0]
    named = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    there = [path.stem for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"]
    there = [name for name in there if not name.startswith("__")]
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_what_a_merge_left(page: Path) -> None:
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", page.read_text(encoding="utf-8"), re.MULTILINE)
