"""Functions on arrays, objects, null and Undefined."""

from typing import Final

from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.json import to_json
from edge_mask.sql.text import check_size, size_of, to_text
from edge_mask.sql.values import UNDEFINED, Value, to_int_nearest

_MAX_TRANSFORMED: Final = 128 * 1024


@function("get", 2)
def get(collection: Value, key: Value) -> Value:
    """An item of an array or a character of a text by its index from 0, or the value of an object's key."""
    kind = type(collection)
    if kind is dict:
        return collection.get(key, UNDEFINED) if type(key) is str else UNDEFINED
    if kind is not list and kind is not str:
        return UNDEFINED
    index = to_int_nearest(key)
    return collection[index] if index is not UNDEFINED and 0 <= index < len(collection) else UNDEFINED


@function("concat", 0, None, cost=Cost.SPACE)
def concat(*arguments: Value) -> Value:
    """One array of all arguments when one of them is an array, else one text when one of them is a text."""
    if len(arguments) < 2:
        return arguments[0] if arguments else UNDEFINED
    kinds = {type(argument) for argument in arguments}
    if list in kinds:
        return _joined(arguments)
    if str not in kinds:
        return UNDEFINED
    texts = [to_text(argument) for argument in arguments]
    if UNDEFINED in texts:
        return UNDEFINED
    check_size(sum(map(len, texts)))
    return "".join(texts)


def _joined(arguments: tuple[Value, ...]) -> list[Value]:
    joined: list[Value] = []
    for argument in arguments:
        if type(argument) is list:
            joined += argument
        elif argument is not UNDEFINED:
            joined.append(argument)
        check_size(len(joined))
    return joined


@function("transform", 3, since=2, cost=Cost.SPACE)
def transform(mode: Value, attributes: Value, items: Value) -> Value:
    """ "enrichArray": each object of the array with the attributes of the object added."""
    if mode != "enrichArray" or type(attributes) is not dict or type(items) is not list:
        return UNDEFINED
    if not all(type(item) is dict for item in items):
        return UNDEFINED
    check_size(len(items) * len(attributes))
    made = [{**item, **attributes} for item in items]
    if size_of(made, _MAX_TRANSFORMED) > _MAX_TRANSFORMED:  # far too much to write out and measure
        return UNDEFINED
    return made if len(to_json(made)) <= _MAX_TRANSFORMED else UNDEFINED


@function("isnull", 1)
def is_null(value: Value) -> Value:
    """Whether the value is null."""
    return value is None


@function("isundefined", 1, since=2)
def is_undefined(value: Value) -> Value:
    """Whether there is no value."""
    return value is UNDEFINED


@function("get_or_default", 1, 2)
def get_or_default(value: Value, default: Value = UNDEFINED) -> Value:
    """The first argument unless it is null or Undefined; the compiler makes Undefined of one that fails."""
    return default if value is None or value is UNDEFINED else value
