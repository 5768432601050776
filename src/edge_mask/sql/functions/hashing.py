"""Hashes of texts, as lower-case hexadecimal."""

import hashlib
from collections.abc import Callable

from edge_mask.sql.functions.md2 import md2
from edge_mask.sql.functions.registry import function
from edge_mask.sql.text import to_text, utf8
from edge_mask.sql.values import UNDEFINED, Value


def _enter(name: str, digest: Callable[[bytes], str]) -> None:
    @function(name, 1)
    def body(value: Value) -> Value:
        text = to_text(value)
        return UNDEFINED if text is UNDEFINED else digest(utf8(text))


def _standard(name: str) -> Callable[[bytes], str]:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


_enter("md2", md2)
for _name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
    _enter(_name, _standard(_name))
