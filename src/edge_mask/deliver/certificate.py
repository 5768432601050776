"""When a certificate begins and ends to be valid: the few bytes of DER that say so, read without a library.

Certificate ::= { tbsCertificate { [0] version?, serial, signature, issuer, validity { notBefore, notAfter } … } … }
(RFC 5280, section 4.1)
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_DAY: Final = 86_400.0
_MOST: Final = 1_000_000
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


@dataclass(frozen=True, slots=True)
class Validity:
    """The period of a certificate, in Unix seconds."""

    begins: float
    ends: float

    def days_left(self, now: float) -> int:
        """Whole days until it ends; negative afterwards."""
        return int((self.ends - now) // _DAY)

    def problem(self, now: float) -> str:
        """Why it does not hold at `now`; empty when it does."""
        if now > self.ends:
            return f"expired on {date_of(self.ends)}"
        if now < self.begins:
            return f"is not valid before {date_of(self.begins)}"
        return ""


def date_of(moment: float) -> str:
    """For a sentence: `2026-11-20 09:30 UTC`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def validity_of(path: Path) -> Validity:
    """Of the first certificate in a PEM file, the device's own. Raises OSError, or ValueError when there is none."""
    with path.open("rb") as file:
        found = _PEM.search(file.read(_MOST))
    if found is None:
        raise ValueError(f"{path} holds no certificate in PEM form")
    try:
        return _validity(base64.b64decode(found[1]))
    except (binascii.Error, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"{path} holds a damaged certificate") from error


def _validity(der: bytes) -> Validity:
    _, certificate = _element(der, _SEQUENCE)
    _, rest = _element(der[certificate.start :], _SEQUENCE)
    fields = der[certificate.start :][rest]
    if fields[0] == _VERSION:
        fields = _after(fields)
    for _ in ("serial", "signature", "issuer"):
        fields = _after(fields)
    _, inside = _element(fields, _SEQUENCE)
    times = fields[inside]
    return Validity(_time(times), _time(_after(times)))


def _element(data: bytes, *tags: int) -> tuple[int, slice]:
    """The tag of the first element, and where its content stands."""
    tag, length, start = data[0], data[1], 2
    if tags and tag not in tags:
        raise ValueError(f"found tag {tag:#x}")
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if start + length > len(data):
        raise ValueError("an element is longer than its data")
    return tag, slice(start, start + length)


def _after(data: bytes) -> bytes:
    return data[_element(data)[1].stop :]


def _time(data: bytes) -> float:
    tag, inside = _element(data, _UTC_TIME, _GENERALIZED_TIME)
    text = data[inside].decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: from 50 on they mean the last century
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
