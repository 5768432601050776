"""Hashes of texts, as lower-case hexadecimal. The standard library no longer has MD2 (RFC 1319): it is built here."""

import hashlib
from collections.abc import Callable
from typing import Final

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.text import to_text, utf8
from edge_mask.sql.values import UNDEFINED, Value


def _pi_digits() -> list[int]:
    """Enough decimal digits of pi after the leading 3, by Machin's formula in integers."""
    places = 1000
    unit: int = pow(10, places + 10)

    def arctan_inverse(x: int) -> int:
        total = term = unit // x
        divisor, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    pi = 4 * (4 * arctan_inverse(5) - arctan_inverse(239))
    return [int(digit) for digit in str(pi)[: places - 10]]


def _table() -> bytes:
    """RFC 1319's permutation: a Fisher-Yates shuffle of 0..255 driven by the digits of pi."""
    digits = iter(_pi_digits())

    def random(below: int) -> int:
        """A number under `below`, from as many digits as it takes, without bias."""
        while True:
            if below <= 10:
                value, span = next(digits), 10
            elif below <= 100:
                value, span = 10 * next(digits) + next(digits), 100
            else:
                value, span = 100 * next(digits) + 10 * next(digits) + next(digits), 1000
            if value < below * (span // below):
                return value % below

    table = list(range(256))
    for count in range(2, 257):
        other = random(count)
        table[other], table[count - 1] = table[count - 1], table[other]
    return bytes(table)


_S: Final = _table()
_BLOCK: Final = 16


def _checksum(data: bytes) -> bytes:
    checksum, last = bytearray(_BLOCK), 0
    for start in range(0, len(data), _BLOCK):
        for index in range(_BLOCK):
            checksum[index] ^= _S[data[start + index] ^ last]
            last = checksum[index]
    return bytes(checksum)


def md2(data: bytes) -> str:
    """The MD2 hash of `data` as 32 hexadecimal digits."""
    missing = _BLOCK - len(data) % _BLOCK
    padded = data + bytes([missing]) * missing
    padded += _checksum(padded)
    state = bytearray(3 * _BLOCK)
    for start in range(0, len(padded), _BLOCK):
        block = padded[start : start + _BLOCK]
        state[_BLOCK : 2 * _BLOCK] = block
        state[2 * _BLOCK :] = bytes(a ^ b for a, b in zip(block, state[:_BLOCK], strict=True))
        carry = 0
        for turn in range(18):
            for index in range(3 * _BLOCK):
                carry = state[index] = state[index] ^ _S[carry]
            carry = (carry + turn) % 256
    return bytes(state[:_BLOCK]).hex()


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
    if len(data) > MAX_MD2:  # our own md2 is slow
        raise EvaluationError(f"md2() takes {MAX_MD2} bytes at most, this text has {len(data)}")
    return md2(data)


_enter("md2", _md2, Cost.TIME)
for _name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
    _enter(_name, _standard(_name), Cost.LITTLE)
