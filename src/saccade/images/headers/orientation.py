"""Which way up: the orientation in an EXIF block or an XMP packet, without reading anything else of either."""

from __future__ import annotations

import re
import struct

_PREFIX = b"Exif\x00\x00"
_TAG = 0x0112
# EXIF's own number of each integer type -> struct's letter.
_INTEGERS = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i"}
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
# A packet is some kilobytes; nobody hides the orientation behind a megabyte.
_XMP_MAX_BYTES = 1 << 20


def orientation_of(*, exif: bytes = b"", xmp: bytes = b"") -> int:
    """Return EXIF's 1..8; the EXIF block goes before the XMP packet, and what is missing or damaged is 1.

    Args:
        exif: A TIFF structure, with or without its ``Exif`` prefix.
        xmp: An XMP packet.
    """
    found = _in_exif(exif)
    if found is None:
        match = _XMP.search(xmp, 0, _XMP_MAX_BYTES)
        found = int(match[1]) if match else 1
    return found if found in range(1, 9) else 1


def _in_exif(block: bytes) -> int | None:
    """Return the orientation entry of the first directory; None where there is none."""
    for _ in range(2):
        block = block.removeprefix(_PREFIX)
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
    except struct.error:
        return None
    entries = block[start + 2 : start + 2 + 12 * count]
    entries = entries[: len(entries) // 12 * 12]
    for tag, kind, length, value in struct.iter_unpack(f"{order}HHI4s", entries):
        if tag == _TAG and kind in _INTEGERS:
            return int(struct.unpack_from(order + _INTEGERS[kind], value)[0]) if length == 1 else 0
    return None
