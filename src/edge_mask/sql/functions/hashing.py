"""Hashes of texts, as lower-case hexadecimal."""

import hashlib
from collections.abc import Callable
from typing import Final

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.functions.md2 import md2
from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.text import to_text, utf8
from edge_mask.sql.values import UNDEFINED, Value

MAX_MD2: Final = 16_384
"""Bytes."""


def _enter(name: str, digest: Callable[[bytes], str], cost: Cost) -> None:
    @function(name, 1, cost=cost)
    def body(value: Value) -> Value:
        text = to_text(value)
        return UNDEFINED if text is UNDEFINED else digest(utf8(text))


def _standard(name: str) -> Callable[[bytes], str]:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _md2(data: bytes) -> str:
    if len(data) > MAX_MD2:  # no library has it any more, and ours is slow
        raise EvaluationError(f"md2() takes {MAX_MD2} bytes at most, this text has {len(data)}")
    return md2(data)


_enter("md2", _md2, Cost.TIME)
for _name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
    _enter(_name, _standard(_name), Cost.LITTLE)
