"""BMP: size, depth and packing, with a limit of its own for run-length coded ones."""

from __future__ import annotations

import struct

from saccade.errors import ImageFormatUnsupported, ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, check_payload, check_size, peak_bytes
from saccade.images.limits import Limits

# The run-length decoder is slow (about a microsecond a run), so that these bound it to some seconds at worst.
RLE_MAX_BYTES = 2 << 20
RLE_MAX_PIXELS = 16_000_000

_OLD_HEADER_BYTES = 12
_HEADER_BYTES = frozenset({_OLD_HEADER_BYTES, 16, 40, 52, 56, 64, 108, 124})
_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6
_DEPTHS = frozenset({1, 2, 4, 8, 16, 24, 32})


def read(data: bytes, limits: Limits) -> Header:
    """Read both headers of a BMP.

    Raises:
        ImageUnreadable: The headers make no sense, or the file cannot hold what they announce.
        ImageTooManyPixels: See ``check_size``.
        ImageFormatUnsupported: It is coded in a way that is not decoded, or run-length coded and large.
    """
    pixels_at, header_bytes = struct.unpack_from("<II", data, 10)
    if header_bytes not in _HEADER_BYTES:
        raise ImageFormatUnsupported("The bytes are no picture in a format that is decoded.")
    if header_bytes == _OLD_HEADER_BYTES:
        width_px, height_px, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = _RGB
    else:
        width_px, height_px, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    height_px = abs(height_px)
    check_size(width_px, height_px, limits)
    if bits not in _DEPTHS:
        raise ImageUnreadable("The BMP header announces no known depth.")
    if packing in {_RLE8, _RLE4}:
        _check_runs(len(data), width_px * height_px)
    elif packing in {_RGB, _BITFIELDS, _ALPHA_BITFIELDS}:
        check_payload(len(data) - min(pixels_at, len(data)), (width_px * bits + 7) // 8 * height_px)
    else:
        raise ImageFormatUnsupported("The BMP wraps another format.")
    channels = {16: 3, 24: 3, 32: 4}.get(bits, 1)
    return Header(
        format=ImageFormat.BMP,
        width_px=width_px,
        height_px=height_px,
        channels=channels,
        bits=8,
        decode_bytes=peak_bytes(width_px, height_px, channels=channels, bits=8),
    )


def _check_runs(file_bytes: int, pixels: int) -> None:
    if file_bytes > RLE_MAX_BYTES or pixels > RLE_MAX_PIXELS:
        raise ImageFormatUnsupported(
            "The BMP is run-length coded and large.", hint="Save it as PNG, or as a BMP without compression."
        )
