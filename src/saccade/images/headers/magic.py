"""Which format the first bytes say it is, and that format's header."""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias, cast

from saccade.errors import ImageEmpty, ImageFormatUnsupported, ImageTooLarge, ImageUnreadable
from saccade.images.headers.header import Header
from saccade.images.limits import Limits

Reader: TypeAlias = Callable[[bytes, Limits], Header]

#: First bytes → module beside this one; it is imported with the first picture of its format.
_READERS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"\xff\xd8\xff",), "jpeg"),
    ((b"\x89PNG\r\n\x1a\n",), "png"),
    ((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), "tiff"),
    ((b"GIF87a", b"GIF89a"), "gif"),
    ((b"BM",), "bmp"),
)


def read_header(data: bytes, limits: Limits) -> Header:
    """Read what a file says about itself; no pixel is decoded and nothing is unpacked but a little text.

    Args:
        data: The whole file.
        limits: What it may cost.

    Raises:
        ImageEmpty: There are no bytes.
        ImageTooLarge: There are more bytes than the limit.
        ImageFormatUnsupported: The magic bytes are those of no format that is decoded.
        ImageUnreadable: The header is cut short, contradicts itself or cannot be true.
        ImageTooManyPixels: It announces more pixels than the limit.
        ImageTooManyFrames: It has several frames or pages (of a GIF the first is taken).
        ImageTooManyScans: It is a JPEG with more scans than the limit.
    """
    if not data:
        raise ImageEmpty("The picture has no bytes.")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"The picture has {len(data)} bytes; the limit is {limits.max_bytes}.")
    reader = _reader(data)
    try:
        return reader(data, limits)
    except (struct.error, IndexError, OverflowError):
        raise ImageUnreadable("The header is cut short.") from None


def _reader(data: bytes) -> Reader:
    module = import_module(f"saccade.images.headers.{format_of(data)}")
    return cast("Reader", module.read)


def format_of(data: bytes) -> str:
    """Return which format the first bytes say it is.

    Raises:
        ImageFormatUnsupported: They are those of no format that is decoded.
    """
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    for magics, module in _READERS:
        if data.startswith(magics):
            return module
    raise ImageFormatUnsupported("The bytes are no picture in a format that is decoded.")
