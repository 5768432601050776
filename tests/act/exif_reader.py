"""Reads the Exif segment of a JPEG, from the standard and not from what writes it."""

import struct
from typing import Any

NAMES = {
    0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x011A: "XResolution", 0x011B: "YResolution",
    0x0128: "ResolutionUnit", 0x0132: "DateTime", 0x0213: "YCbCrPositioning", 0x8769: "Exif", 0x8825: "GPSInfo",
    0x9000: "ExifVersion", 0x9003: "DateTimeOriginal", 0x9004: "DateTimeDigitized", 0x9010: "OffsetTime",
    0x9011: "OffsetTimeOriginal", 0x9012: "OffsetTimeDigitized", 0x9101: "ComponentsConfiguration",
    0x9286: "UserComment", 0x9290: "SubSecTime", 0x9291: "SubSecTimeOriginal", 0x9292: "SubSecTimeDigitized",
    0xA000: "FlashpixVersion", 0xA001: "ColorSpace", 0xA002: "PixelXDimension", 0xA003: "PixelYDimension",
}  # fmt: skip
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}


def read_exif(jpeg: bytes) -> dict[str, Any]:
    """The fields of both directories by name; texts without their NUL."""
    assert jpeg[:4] == b"\xff\xd8\xff\xe1", "Exif comes first"
    length = int.from_bytes(jpeg[4:6], "big")
    assert jpeg[6:12] == b"Exif\0\0"
    tiff = jpeg[12 : 4 + length]
    assert jpeg[4 + length] == 0xFF, "the next segment follows at once"
    order = {b"II*\0": "<", b"MM\0*": ">"}[tiff[:4]]
    fields = _directory(tiff, order, struct.unpack(order + "I", tiff[4:8])[0])
    return {**fields, **_directory(tiff, order, fields.pop("Exif"))}


def _directory(tiff: bytes, order: str, at: int) -> dict[str, Any]:
    (count,) = struct.unpack(order + "H", tiff[at : at + 2])
    fields: dict[str, Any] = {}
    before = -1
    for number in range(count):
        entry = tiff[at + 2 + 12 * number :][:12]
        tag, kind, values = struct.unpack(order + "HHI", entry[:8])
        assert tag > before, "entries are in the order of their numbers"
        before = tag
        size = SIZES[kind] * values
        place = 8 if size <= 4 else struct.unpack(order + "I", entry[8:])[0]
        data = (entry if size <= 4 else tiff)[place : place + size]
        assert len(data) == size, "nothing points behind the end"
        fields[NAMES[tag]] = _value(kind, data, order)
    assert tiff[at + 2 + 12 * count :][:4] == bytes(4), "no further directory"
    return fields


def _value(kind: int, data: bytes, order: str) -> Any:
    if kind == 2:
        assert data.endswith(b"\0")
        return data[:-1].decode("ascii")
    if kind in (3, 4):
        return struct.unpack(order + {3: "H", 4: "I"}[kind], data)[0]
    return data
