"""Reading `model.yaml`: the card, or sentences that say what is wrong and on which line."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edge_mask.detect import card as graph_card
from edge_mask.detect.card import Decoding, Strict
from edge_mask.errors import ModelError
from edge_mask.packages import card
from edge_mask.packages.card import Card, Prose
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Document, read
from edge_mask.yaml_file import Path as Key

CARD = "model.yaml"
_NAMES = vars(graph_card) | vars(card)
_PARTS = [part for part in _NAMES.values() if isinstance(part, type) and issubclass(part, Strict)]
_TRUTHS = frozenset(key for part in _PARTS for key, field in part.model_fields.items() if field.annotation is bool)
_PROSE = frozenset(key for key, field in Card.model_fields.items() if field.annotation == Prose)


def read_card(folder: Path) -> Card:
    """The card of a package folder. Raises ModelError with one sentence per problem."""
    path = folder / CARD
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ModelError(f"{path}: cannot be read ({reason}); a model package is a folder with a {CARD}") from error
    document = read(text, str(path), texts={("version",)})  # as a number, 1.10 would become 1.1
    if document.problems:
        raise ModelError("\n".join(document.problems))
    if not isinstance(document.data, dict):
        raise ModelError(f"{path}: expected keys and values, found {type(document.data).__name__}")
    odd = [document.sentence(key, f"expected a number or text, found {value}") for key, value in _truths(document.data)]
    if odd:
        raise ModelError("\n".join(odd))
    try:
        return Card.model_validate(document.data)
    except ValidationError as error:
        raise ModelError("\n".join(_sentences(error, document))) from error


def _truths(content: Any, keys: Key = ()) -> Iterable[tuple[Key, str]]:
    """Where true or false stands for something else: to Python true is 1."""
    if isinstance(content, bool) and keys[-1] not in _TRUTHS:
        yield keys, str(content).lower()
    elif isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            if keys or key not in _PROSE:
                yield from _truths(value, (*keys, key))


def _sentences(error: ValidationError, document: Document) -> Iterable[str]:
    for problem in error.errors():
        keys = tuple(key for key in problem["loc"] if not _is_a_tag(key))
        found = f", found {problem['input']!r}" if isinstance(problem["input"], str | int | float) else ""
        yield document.sentence(keys, f"{_reason(problem)}{found}")


def _reason(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        known = _known_keys(problem["loc"])
        if key in known:
            return "unknown key here"  # it belongs to another part, or to another kind of decoding
        return f"unknown key{did_you_mean(key, known)}"
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
