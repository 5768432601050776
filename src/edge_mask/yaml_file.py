"""A YAML or JSON text as plain data that knows where each value stands: configuration, rules and model cards.

One dialect, YAML 1.2's: `off`, `no`, `12:30` and `2026-11-20` are texts, `0x10` is a number. Anchors, aliases and `<<`
work. What is not plain data (tags, keys that are lists, a key twice) is a problem with its place.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]
"""The way from the top to a value: keys and list positions."""

MAX_VALUES: Final = 100_000
"""More than any of our files has; a few lines of aliases of aliases can stand for billions."""
MAX_REPEATED: Final = 5_000
"""Values that aliases stand for, all together."""
MAX_DEPTH: Final = 50
_MOST_DIGITS: Final = 4096
"""Of a whole number, binary ones too: Python reads and writes decimal ones only up to 4300."""
_PLAIN: Final = ("null", "bool", "int", "float")


class _Loader(yaml.SafeLoader):
    """Composes nodes only; what a plain scalar is, the table below says."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (the library's own name)
    _depth = 0
    _nodes = 0
    most_nodes = 2 * MAX_VALUES
    """Keys, values and aliases as they are written; reading a hundred thousand takes seconds."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        if self._nodes > self.most_nodes:
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.composer.ComposerError(None, None, f"more than {self.most_nodes} keys and values", place)
        if self._depth > MAX_DEPTH:
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.composer.ComposerError(None, None, f"nested more than {MAX_DEPTH} deep", place)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


class _ShortLoader(_Loader):
    """For a text from outside."""

    most_nodes = 4_000


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value begins (lines and columns from 1), on which line its key stands, and how its text is written."""

    line: int
    column: int
    key_line: int
    style: str | None
    one_line: bool


@dataclass(slots=True)
class Document:
    """What a text says; `problems` are whole sentences about what it does not say properly."""

    name: str
    text: str
    has_columns: bool = False
    """Sentences name the line and column of the value, not only the line of its key."""
    data: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, path: Path, sentence: str) -> None:
        """Note one problem with the value at `path`."""
        self.problems.append(self.sentence(path, sentence))

    def sentence(self, path: Path, text: str) -> str:
        """`file:line: key.path: text`, with the line of the nearest key that is really there."""
        mark = self._nearest(path)
        if mark is None:
            return self._said("", path, text)
        return self._said(f":{mark.line}:{mark.column}" if self.has_columns else f":{mark.key_line}", path, text)

    def complain_inside(self, path: Path, sentence: str, line: int, column: int) -> None:
        """Note a problem inside the text at `path`, `line` and `column` counted from 1 in that text."""
        mark = self.marks[path]
        if mark.style in {"|", ">"}:
            row = mark.line + line
            source = self.text.splitlines()[row - 1] if row <= self.text.count("\n") + 1 else ""
            place = f":{row}:{len(source) - len(source.lstrip()) + column}"
        elif mark.one_line:
            place = f":{mark.line}:{mark.column + (mark.style is not None) + column - 1}"
        else:
            place = f":{mark.line}:{mark.column}"
            sentence = f"(line {line}, column {column} of this text) {sentence}"
        self.problems.append(self._said(place, path, sentence))

    def complain_at(self, mark: yaml.Mark, path: Path, sentence: str) -> None:
        """Note one problem at a place of its own: that of a key."""
        self.problems.append(self._said(self.place(mark), path, sentence))

    def place(self, mark: yaml.Mark) -> str:
        """`:line` or `:line:column`"""
        return f":{mark.line + 1}:{mark.column + 1}" if self.has_columns else f":{mark.line + 1}"

    def line(self, path: Path) -> int:
        """The line of the nearest key that is really there; 0 without one."""
        mark = self._nearest(path)
        return 0 if mark is None else mark.key_line

    def _nearest(self, path: Path) -> Mark | None:
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path)

    def _said(self, place: str, path: Path, text: str) -> str:
        return f"{self.name}{place}: {shown(path)}: {text}" if path else f"{self.name}{place}: {text}"


OnText = Callable[[Document, Path, str], str]


def shown(path: Path) -> str:
    """`cameras[0].name`"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(
    text: str,
    name: str,
    *,
    has_columns: bool = False,
    texts: Collection[Path] = (),
    on_text: OnText | None = None,
    is_short: bool = False,
) -> Document:
    """Read a YAML or JSON text. Never raises: look at `problems`.

    The values at `texts` stay as they are written, also where they look like numbers (a version 1.10). `on_text` may
    change each text on its way and complain of it. `is_short`: it comes from somebody who waits for an answer, and has
    no more values than a person writes.
    """
    document = Document(name, text, has_columns)
    try:
        root = yaml.compose(text, Loader=_ShortLoader if is_short else _Loader)
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, document))
        return document
    if root is not None:
        try:
            document.data = _Builder(document, frozenset(texts), on_text).build(root, ())
        except _TooManyValues as error:
            document.problems = [f"{name}: {error}; use fewer aliases (*NAME)"]
    return document


def _syntax(error: yaml.YAMLError, document: Document) -> str:
    """The parser's complaint as one sentence."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"{document.name}: not valid YAML: {' '.join(str(error).split())}"
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else document.place(mark)
    column = "" if mark is None or document.has_columns else f" (column {mark.column + 1})"
    hint = "; indent with spaces, not tabs" if "\\t" in (error.problem or "") else ""
    context = f" {error.context}" if error.context else ""
    return f"{document.name}{where}: not valid YAML: {error.problem}{context}{column}{hint}"


class _TooManyValues(Exception):
    """The text stands for more than any of our files can mean."""


class _Builder:
    """Turns nodes into data, and notes marks and problems on the way."""

    def __init__(self, document: Document, texts: Collection[Path], on_text: OnText | None) -> None:
        self._document = document
        self._texts = texts
        self._on_text = on_text
        self._open: list[yaml.Node] = []
        self._built = 0
        self._seen: set[int] = set()
        self._repeated = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, path: Path, key_line: int | None = None) -> Any:
        self._built += 1
        if self._built > MAX_VALUES:
            raise _TooManyValues(f"stands for over {MAX_VALUES} values")
        self._repeated += id(node) in self._seen
        if self._repeated > MAX_REPEATED:
            raise _TooManyValues(f"its aliases stand for over {MAX_REPEATED} values")
        self._seen.add(id(node))
        if key_line is not None or path not in self._document.marks:
            self._document.marks[path] = _mark(node, key_line)
        if any(node is outer for outer in self._open):
            return self._document.complain(path, "contains itself; an alias must not point to what it stands in")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if not node.tag.endswith((":seq", ":map")):
            return self._complain_of_tag(node, path)
        self._open.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index), _line(item)) for index, item in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag.endswith(":merge"):
                for source in self._merge_sources(value, path):
                    merged = {**source, **merged}
            elif not isinstance(key, yaml.ScalarNode):
                self._document.complain_at(key.start_mark, path, "a key must be a word, not a list or mapping")
            elif (word := self._whole(key.value, path)) in found:
                first = self._document.line((*path, word))
                self._document.complain_at(
                    key.start_mark, (*path, word), f"given twice, first on line {first}; remove one"
                )
            else:
                found[word] = self.build(value, (*path, word), _line(key))
        return {**merged, **found}

    def _merge_sources(self, node: yaml.Node, path: Path) -> Iterator[dict[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            data = self.build(source, path)
            if isinstance(data, dict):
                yield data
            else:
                self._document.complain(path, "'<<' takes a mapping, or a list of mappings")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str" or (kind in ("int", "float") and path in self._texts):
            text = self._whole(node.value, path)
            return text if self._on_text is None else self._on_text(self._document, path, text)
        if kind not in _PLAIN:
            return self._complain_of_tag(node, path)
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError):  # `!!int x`, `!!bool maybe`, `!!float ""`
            return self._complain_of_tag(node, path) if len(node.value) < _MOST_DIGITS else self._complain_of_size(path)
        if type(value) is int and value.bit_length() > _MOST_DIGITS:
            return self._complain_of_size(path)
        return value

    def _whole(self, written: str, path: Path) -> str:
        """The text with its surrogate pairs, which JSON escapes one by one, put together."""
        try:
            return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            self._document.complain(path, f"half a surrogate pair in {written[:40]!a}")
            return ""

    def _complain_of_size(self, path: Path) -> None:
        self._document.complain(path, "is a number of thousands of digits; write one that can be meant")

    def _complain_of_tag(self, node: yaml.Node, path: Path) -> None:
        self._document.complain(path, f'the tag "{node.tag}" cannot be used here; write a plain value')


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _mark(node: yaml.Node, key_line: int | None) -> Mark:
    start, end = node.start_mark, node.end_mark
    style = node.style if isinstance(node, yaml.ScalarNode) else None
    return Mark(start.line + 1, start.column + 1, key_line or start.line + 1, style, start.line == end.line)
