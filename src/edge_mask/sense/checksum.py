"""Check sums at the end of ASCII lines, in hex digits."""

import re
from functools import reduce
from operator import xor
from typing import Final, Literal

Checksum = Literal["nmea", "xor", "sum8", "crc16-modbus"]

_DIGITS: Final[dict[str, int]] = {"nmea": 2, "xor": 2, "sum8": 2, "crc16-modbus": 4}
_POLYNOMIAL: Final = 0xA001
"""0x8005 the other way round, as Modbus counts the bits (MODBUS over Serial Line V1.02, 6.2.2)."""


def proven(line: bytes, kind: Checksum) -> bytes | None:
    """The line without its check sum; None when that is missing or wrong.

    nmea: XOR of what stands between `$` (or `!`) and `*` (NMEA 0183). The others: over all bytes before the digits; a
    `*` right before them is not counted.
    """
    found = re.fullmatch(rb"(.*?)(\*?)([0-9A-Fa-f]{%d})[ \t]*" % _DIGITS[kind], line, re.DOTALL)
    if found is None:
        return None
    text, star, digits = found.groups()
    if kind == "nmea" and (not star or not text.startswith((b"$", b"!"))):
        return None
    counted = text[1:] if kind == "nmea" else text
    return text if _sum_of(counted, kind) == int(digits, 16) else None


def _sum_of(text: bytes, kind: Checksum) -> int:
    match kind:
        case "nmea" | "xor":
            return reduce(xor, text, 0)
        case "sum8":
            return sum(text) & 0xFF
        case "crc16-modbus":
            return _crc16(text)


def _crc16(text: bytes) -> int:
    crc = 0xFFFF
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
    return crc
