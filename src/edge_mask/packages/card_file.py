"""Reading `model.yaml`: the card, or sentences that say what is wrong and on which line."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from edge_mask.detect import card as graph_card
from edge_mask.detect.card import Decoding, Strict
from edge_mask.errors import ModelError
from edge_mask.packages import card
from edge_mask.packages.card import Card, Prose

CARD = "model.yaml"
_DEEPEST = 50
"""Keys and lists in each other; cards have six."""
_MOST_VALUES = 100_000
_NAMES = vars(graph_card) | vars(card)
_PARTS = [part for part in _NAMES.values() if isinstance(part, type) and issubclass(part, Strict)]
_TRUTHS = frozenset(key for part in _PARTS for key, field in part.model_fields.items() if field.annotation is bool)
_PROSE = frozenset(key for key, field in Card.model_fields.items() if field.annotation == Prose)
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")


def read_card(folder: Path) -> Card:
    """The card of a package folder. Raises ModelError with one sentence per problem."""
    path = folder / CARD
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ModelError(f"{path}: cannot be read ({reason}); a model package is a folder with a {CARD}") from error
    content = _parsed(text, path)
    odd = [f"{_where(text, path, keys)}: expected a number or text, found {value}" for keys, value in _truths(content)]
    if odd:
        raise ModelError("\n".join(odd))
    try:
        return Card.model_validate(content)
    except ValidationError as error:
        raise ModelError("\n".join(_sentences(error, text, path))) from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 (it is a SafeLoader)
    except yaml.YAMLError as error:
        raise ModelError(f"{path}: is no valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected keys and values, found {type(content).__name__}")
    if _has_too_many(content):
        raise ModelError(f"{path}: stands for over {_MOST_VALUES} values; use fewer aliases (*NAME)")
    return content


def _has_too_many(content: Any) -> bool:
    """A few lines of aliases of aliases stand for billions of values, one of itself for endlessly many."""
    left, seen = [content], 0
    while left:
        one = left.pop()
        seen += 1 + len(one) if isinstance(one, dict | list) else 1
        if seen > _MOST_VALUES:
            return True
        left.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
    return False


class _Loader(yaml.SafeLoader):
    """The safe one; besides, a version is text, and what cannot be read has a place in the file like any slip."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.composer.ComposerError(None, None, f"nested more than {_DEEPEST} deep", place)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        root = super().get_single_node()
        for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
            if key.value == "version" and value.tag in _NUMBERS:
                value.tag = "tag:yaml.org,2002:str"  # as a number, 1.10 would become 1.1
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands here twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            what = f"{node.value!r} cannot be read as {kind}; write it in quotes where text is meant"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error


def _truths(content: Any, keys: tuple[str | int, ...] = ()) -> Iterable[tuple[tuple[str | int, ...], str]]:
    """Where true or false stands for something else: to Python true is 1, and in YAML yes and on are true."""
    if isinstance(content, bool) and keys[-1] not in _TRUTHS:
        yield keys, "true (or yes, on)" if content else "false (or no, off)"
    elif isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            if keys or key not in _PROSE:
                yield from _truths(value, (*keys, key))


def _where(text: str, path: Path, keys: Sequence[str | int]) -> str:
    return f"{path}, line {_line(yaml.compose(text), keys)}: {'.'.join(map(str, keys))}"


def _sentences(error: ValidationError, text: str, path: Path) -> list[str]:
    root = yaml.compose(text)
    sentences = []
    for problem in error.errors():
        keys = [key for key in problem["loc"] if not _is_a_tag(key)]
        where = ".".join(map(str, keys)) or "the card"
        found = f", found {problem['input']!r}" if isinstance(problem["input"], str | int | float) else ""
        sentences.append(f"{path}, line {_line(root, keys)}: {where}: {_reason(problem)}{found}")
    return sentences


def _reason(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        known = _known_keys(problem["loc"])
        if key in known:
            return "unknown key here"  # it belongs to another part, or to another kind of decoding
        close = get_close_matches(key, known, n=1)
        return "unknown key" + (f" (did you mean {close[0]}?)" if close else "")
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _is_a_tag(key: str | int) -> bool:
    """Pydantic puts the kind of decoding between `decoding` and its keys."""
    return key in {kind for model in _kinds() for kind in get_args(model.model_fields["kind"].annotation)}


def _kinds() -> Iterable[type[BaseModel]]:
    return get_args(get_args(Decoding)[0])


def _known_keys(loc: Sequence[str | int]) -> list[str]:
    """Every key of every part of the card: a slip of the pen is close to one of them."""
    models = _PARTS if len(loc) > 1 else [Card]
    return sorted({name for model in models for name in model.model_fields})


def _line(node: Any, keys: Sequence[str | int]) -> int:
    """The line (from 1) of the innermost of `keys` that the file has."""
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line
