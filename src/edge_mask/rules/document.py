"""A YAML or JSON text as plain data that remembers where each value stands."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]
"""The way from the top to a value: keys and list positions."""


class _Loader(yaml.SafeLoader):
    """`on`, `no`, `12:30` and `2016-03-23` are texts, as in JSON."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  the library's own name


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value begins (lines and columns from 1), and how its text is written."""

    line: int
    column: int
    style: str | None
    one_line: bool


@dataclass(slots=True)
class Document:
    """What a file says; `problems` are whole sentences about what it does not say properly."""

    name: str
    text: str
    data: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, path: Path, sentence: str) -> None:
        """Note a problem with the value at `path`, under the nearest place that is really there."""
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        mark = self.marks.get(known)
        where = self.name if mark is None else f"{self.name}:{mark.line}:{mark.column}"
        self.problems.append(f"{where}: {shown(path)}: {sentence}" if path else f"{where}: {sentence}")

    def complain_inside(self, path: Path, sentence: str, line: int, column: int) -> None:
        """Note a problem inside the text at `path`, `line` and `column` counted from 1 in that text."""
        mark = self.marks[path]
        if mark.style in {"|", ">"}:
            row = mark.line + line
            source = self.text.splitlines()[row - 1] if row <= self.text.count("\n") + 1 else ""
            place = f"{row}:{len(source) - len(source.lstrip()) + column}"
        elif mark.one_line:
            place = f"{mark.line}:{mark.column + (mark.style is not None) + column - 1}"
        else:
            place = f"{mark.line}:{mark.column}"
            sentence = f"(line {line}, column {column} of this text) {sentence}"
        self.problems.append(f"{self.name}:{place}: {shown(path)}: {sentence}")


def shown(path: Path) -> str:
    """`rule.actions[0].republish`"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str, name: str) -> Document:
    """Read a YAML or JSON text. Never raises: look at `problems`."""
    document = Document(name, text)
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            document.data = _build(document, root, (), 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
        document.problems.append(f"{where}: not valid YAML: {error.problem}")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        document.problems.append(f"{name}: not valid YAML: {str(error).splitlines()[0] if str(error) else 'too deep'}")
    return document


_MAX_DEPTH: Final = 40
_MAX_VALUES: Final = 200_000
"""Values of one file, each counted where it stands: aliases can make billions of a few lines."""


def _build(document: Document, node: yaml.Node, path: Path, depth: int) -> Any:
    start, end = node.start_mark, node.end_mark
    style = getattr(node, "style", None) if isinstance(node, yaml.ScalarNode) else None
    document.marks[path] = Mark(start.line + 1, start.column + 1, style, start.line == end.line)
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if len(document.marks) > _MAX_VALUES:
        raise ValueError(f"more than {_MAX_VALUES} values")
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_build(document, item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key of a mapping is a text", problem_mark=key_node.start_mark)
        key = _text(key_node.value)
        if key in made:
            mark = key_node.start_mark
            document.marks[*path, key] = Mark(mark.line + 1, mark.column + 1, None, True)
            document.complain((*path, key), "this key stands here twice")
        made[key] = _build(document, value_node, (*path, key), depth + 1)
    return made


def _scalar(node: yaml.ScalarNode) -> Any:
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return node.value.lower() == "true"
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
    return _text(node.value)


def _text(written: str) -> str:
    """The text with its surrogate pairs, which JSON escapes one by one, put together."""
    try:
        return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise ValueError(f"half a surrogate pair in {written[:40]!a}") from None
