"""WebP: size, animation and orientation of all three kinds (lossy, lossless, extended)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from saccade.errors import ImageTooManyFrames, ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, check_size
from saccade.images.headers.orientation import orientation_of
from saccade.images.limits import Limits

MAX_CHUNKS = 10_000
# Two RGBA canvases, the frame, the decoder's copy, and the result.
_BYTES_PER_PIXEL = 24
_ALPHA_FLAG = 0x10


@dataclass(slots=True)
class _Found:
    """What the walk over the chunks has come across."""

    canvas: tuple[int, int] | None = None
    picture: tuple[int, int] | None = None
    frames: int = 0
    alpha: bool = False
    exif: bytes = b""
    xmp: bytes = b""


def read(data: bytes, limits: Limits) -> Header:
    """Read a WebP's chunks without unpacking its pixels.

    Raises:
        ImageUnreadable: No picture is in it, or canvas and picture differ in size.
        ImageTooManyPixels: See ``check_size``.
        ImageTooManyFrames: It is an animation of more than one frame.
    """
    found = _Found()
    for kind, start, end in _chunks(data):
        _note(found, kind, data, start, end)
    size = found.canvas or found.picture
    if size is None:
        raise ImageUnreadable("The WebP has no picture in it.")
    check_size(*size, limits)
    if found.frames > 1:
        raise ImageTooManyFrames("The WebP is an animation.")
    if found.frames == 0 and found.picture != size:
        raise ImageUnreadable("The WebP announces one size and holds another.")
    return Header(
        format=ImageFormat.WEBP,
        width_px=size[0],
        height_px=size[1],
        channels=4 if found.alpha else 3,
        bits=8,
        decode_bytes=size[0] * size[1] * _BYTES_PER_PIXEL,
        orientation=orientation_of(exif=found.exif, xmp=found.xmp),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the body of each chunk."""
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        yield kind, at + 8, min(end, len(data))
        at = end + (length & 1)
    raise ImageUnreadable(f"The WebP has more than {MAX_CHUNKS} chunks.")


def _note(found: _Found, kind: bytes, data: bytes, start: int, end: int) -> None:
    if kind == b"VP8X" and found.canvas is None:
        found.alpha = bool(data[start] & _ALPHA_FLAG)
        width, width_high, height, height_high = struct.unpack_from("<HBHB", data, start + 4)
        found.canvas = (1 + width + (width_high << 16), 1 + height + (height_high << 16))
    elif kind in {b"VP8 ", b"VP8L"} and found.picture is None:
        found.picture = _lossy_size(data, start) if kind == b"VP8 " else _lossless_size(data, start)
    elif kind == b"ANMF":
        found.frames += 1
    elif kind == b"EXIF":
        found.exif = found.exif or data[start:end]
    elif kind == b"XMP ":
        found.xmp = found.xmp or data[start:end]


def _lossy_size(data: bytes, start: int) -> tuple[int, int]:
    if data[start + 3 : start + 6] != b"\x9d\x01\x2a":
        raise ImageUnreadable("The WebP does not start with a key frame.")
    width, height = struct.unpack_from("<HH", data, start + 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless_size(data: bytes, start: int) -> tuple[int, int]:
    signature, packed = struct.unpack_from("<BI", data, start)
    if signature != 0x2F:  # noqa: PLR2004 - the format's signature byte
        raise ImageUnreadable("The WebP's lossless data has no signature.")
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
