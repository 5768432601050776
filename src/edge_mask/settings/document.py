"""A YAML text as plain data that remembers on which line each key stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml

Path = tuple[str | int, ...]
"""The way from the top to a value: keys and list positions."""

PASSWORD: Path = ("mqtt", "password")
"""The one value that must not stand in the file, so that it has no default either."""

MAX_VALUES = 100_000
"""More than any device has; a few lines of aliases of aliases can stand for billions."""

_MOST_DIGITS = 4096
"""Of a whole number, binary ones too: Python reads and writes decimal ones only up to 4300."""

_VARIABLE = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}")
_IN_LOGIN = (re.compile(r"://[^/?#\s]*$"), re.compile(r"[^/?#\s]*@"))
"""What stands before and behind user or password in an address: `//viewer:${PASSWORD}@`."""
_IN_QUERY = (re.compile(r"://[^?#\s]*\?[^#\s]*=$"), re.compile(r"&|#|$"))
"""The same for a value of its query: `?user=viewer&pwd=${PASSWORD}`."""


def _encoded(found: str, text: str, variable: re.Match[str]) -> str:
    """What a variable holds as it can stand in its place.

    A password may hold `/`, `#` or `%`. Nobody can tell these from those of the address once it is put in.
    """
    before, after = (_VARIABLE.sub("x", part) for part in (text[: variable.start()], text[variable.end() :]))
    is_inside = any(begin.search(before) and end.match(after) for begin, end in (_IN_LOGIN, _IN_QUERY))
    return quote(found, safe=":") if is_inside else found


class Variable(str):
    """What the file gives by `${NAME}` alone: nothing of it stands in the file, not even a default."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """YAML 1.2's idea of plain values: `off` and `no` are words, `12:30` and `2026-11-20` too."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (the library's own name)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


@dataclass
class Document:
    """What a YAML text says; `problems` are whole sentences about what it does not say properly."""

    name: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, path: Path, sentence: str) -> None:
        """Note one problem with the value at `path`."""
        self.problems.append(self.sentence(path, sentence))

    def sentence(self, path: Path, text: str) -> str:
        """`file:line: key.path: text`, with the line of the nearest key that is really there."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        where = self.name if line is None else f"{self.name}:{line}"
        return f"{where}: {shown(path)}: {text}" if path else f"{where}: {text}"


def shown(path: Path) -> str:
    """`cameras[0].name`"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str, name: str, environ: Mapping[str, str]) -> Document:
    """Read a YAML text with `${VARIABLES}`. Never raises: look at `problems`."""
    document = Document(name)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, name))
        return document
    except RecursionError:
        document.problems.append(f"{name}: nested too deeply")
        return document
    if root is not None:
        try:
            document.data = _Builder(document, environ).build(root, ())
        except _TooManyValues:
            document.problems = [f"{name}: stands for over {MAX_VALUES} values; use fewer aliases (*NAME)"]
    return document


def _syntax(error: yaml.YAMLError, name: str) -> str:
    """The parser's complaint as one sentence."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"{name}: not YAML: {' '.join(str(error).split())}"
    mark = error.problem_mark or error.context_mark
    where = name if mark is None else f"{name}:{mark.line + 1}"
    column = "" if mark is None else f" (column {mark.column + 1})"
    hint = "; indent with spaces, not tabs" if "\\t" in (error.problem or "") else ""
    context = f" {error.context}" if error.context else ""
    return f"{where}: not YAML: {error.problem}{context}{column}{hint}"


class _TooManyValues(Exception):
    """The text stands for more than can be a configuration."""


class _Builder:
    """Turns nodes into data, substitutes variables, and notes lines and problems on the way."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._open: list[yaml.Node] = []
        self._built = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._built += 1
        if self._built > MAX_VALUES:
            raise _TooManyValues
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if any(node is outer for outer in self._open):
            return self._document.complain(path, "contains itself; an alias must not point to what it stands in")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if not node.tag.endswith((":seq", ":map")):
            return self._complain_tag(node, path)
        self._open.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
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
                self._document.complain(path, "a key must be a word, not a list or mapping")
            elif key.value in found:
                self._complain_twice(key, path)
            else:
                here = (*path, key.value)
                self._document.lines[here] = key.start_mark.line + 1
                found[key.value] = self.build(value, here)
        return {**merged, **found}

    def _complain_twice(self, key: yaml.ScalarNode, path: Path) -> None:
        first = self._document.lines[(*path, key.value)]
        self._document.lines[(*path, key.value)] = key.start_mark.line + 1
        self._document.complain((*path, key.value), f"given twice, first on line {first}; remove one")

    def _merge_sources(self, node: yaml.Node, path: Path) -> Iterator[dict[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            data = self.build(source, path)
            if isinstance(data, dict):
                yield data
            else:
                self._document.complain(path, "'<<' takes a mapping, or a list of mappings")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag.endswith(":str"):
            return self._substitute(node.value, path)
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError):
            return self._complain_tag(node, path) if len(node.value) < _MOST_DIGITS else self._complain_size(path)
        if type(value) is int and value.bit_length() > _MOST_DIGITS:
            return self._complain_size(path)
        return value

    def _complain_size(self, path: Path) -> None:
        self._document.complain(path, "is a number of thousands of digits; write one that can be meant")

    def _complain_tag(self, node: yaml.Node, path: Path) -> None:
        self._document.complain(path, f'the tag "{node.tag}" cannot be used here; write a plain value')

    def _substitute(self, text: str, path: Path) -> str:
        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return match[0][1:]
            found = self._environ.get(match["name"]) or (match["default"] or "")[2:]
            if not found and match["default"] is None:
                self._missing(match["name"], path)
            return _encoded(found, text, match)

        made = _VARIABLE.sub(value, text)
        whole = _VARIABLE.fullmatch(text)
        is_variable = whole is not None and whole["escaped"] is None and whole["default"] is None
        return Variable(made) if is_variable else made

    def _missing(self, name: str, path: Path) -> None:
        state = "is empty" if name in self._environ else "is not set"
        remedy = "set it, or use password_file" if path == PASSWORD else f"set it, or give a default: ${{{name}:-…}}"
        self._document.complain(path, f"the environment variable {name} {state}; {remedy}")
