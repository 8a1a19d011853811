"""What every format's header comes down to, and the checks that all formats share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from saccade.errors import ImageTooManyPixels, ImageUnreadable
from saccade.images.limits import Limits

Span = tuple[int, int]


class ImageFormat(StrEnum):
    """The formats that are decoded; the values are the decoder's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    TIFF = "TIFF"
    BMP = "BMP"
    GIF = "GIF"


@dataclass(frozen=True, slots=True)
class Header:
    """A file's own account of itself, within the limits.

    Attributes:
        format: By magic bytes, never by name or Content-Type.
        width_px: As the decoder gives it, before ``orientation`` is undone.
        height_px: The same.
        channels: Samples per pixel.
        bits: Bits per sample.
        decode_bytes: Memory that decoding needs at its peak, roughly and rather too much.
        orientation: EXIF's 1..8, what is left to undo after the decoder.
        spans: Start and end of the parts that carry pixels; empty means the whole file. The rest (comments, profiles,
            text) is never shown to a decoder, so that a bomb in it cannot go off.
        zero_is_white: Samples deeper than 8 bits run from white to black.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    channels: int
    bits: int
    decode_bytes: int
    orientation: int = 1
    spans: tuple[Span, ...] = ()
    zero_is_white: bool = False


def check_size(width_px: int, height_px: int, limits: Limits) -> None:
    """Refuse a size that is nothing, or more than the limit.

    Raises:
        ImageUnreadable: A side is zero.
        ImageTooManyPixels: Width times height is over the limit.
    """
    if width_px < 1 or height_px < 1:
        raise ImageUnreadable("The header announces a picture of no size.")
    if width_px * height_px > limits.max_pixels:
        raise ImageTooManyPixels(
            f"The header announces {width_px} x {height_px} pixels; the limit is {limits.max_pixels} in all."
        )


def check_payload(payload_bytes: int, least_bytes: int) -> None:
    """Refuse a file that is too short for the size it announces, before memory is taken for that size.

    Raises:
        ImageUnreadable: ``payload_bytes`` is less than the fewest bytes that could hold the picture.
    """
    if payload_bytes < least_bytes:
        raise ImageUnreadable("The file is far too short for the size in its header.")


def joined(spans: list[Span]) -> tuple[Span, ...]:
    """Return the spans in order, with neighbours that touch made one."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def peak_bytes(width_px: int, height_px: int, *, channels: int, bits: int) -> int:
    """Return roughly what decoding to RGB takes: the decoder's own picture, the result and what lies between.

    Measured at 49 Mpx: 4 bytes per pixel of grey, 7 of RGB, 8 of RGBA, 16 of floats, 23 of 16-bit colour.
    """
    deep = bits > 8  # noqa: PLR2004 - deeper than a byte
    if deep and channels > 2:  # noqa: PLR2004 - colour, which is decoded twice
        per_pixel = 24
    elif deep:
        per_pixel = 18
    else:
        per_pixel = 8 + (4 if channels > 3 else 0)  # noqa: PLR2004 - alpha or CMYK
    return width_px * height_px * per_pixel
