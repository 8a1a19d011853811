"""A picture as a file, and the formats that drawn pictures have.

Pillow is imported where something is written, for the command line offers the formats before anything is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from saccade.errors import ParameterInvalid

if TYPE_CHECKING:
    from saccade.vision.arrays import RgbImage

_JPEG_QUALITY = 95
#: How much of the time that could be spent on making a file smaller is spent, of 9 and of 100.
_PNG_EFFORT = 3
_WEBP_EFFORT = 20
#: Longest side that a format can hold.
_MOST_SIDE_PX = {"jpeg": 65_500, "webp": 16_383}


class DrawnFormat(StrEnum):
    """What a drawn picture is written as."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    SVG = "svg"

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return _MEDIA_TYPES[self]

    @property
    def suffix(self) -> str:
        """What the name of such a file ends in."""
        return ".jpg" if self is DrawnFormat.JPEG else f".{self.value}"


_MEDIA_TYPES: Mapping[DrawnFormat, str] = {
    DrawnFormat.PNG: "image/png",
    DrawnFormat.JPEG: "image/jpeg",
    DrawnFormat.WEBP: "image/webp",
    DrawnFormat.SVG: "image/svg+xml",
}


def check_size(drawn: DrawnFormat, *, width_px: int, height_px: int) -> None:
    """Return if a format can hold a picture of this size; asked before it is decoded and drawn, which takes seconds.

    Raises:
        ParameterInvalid: It cannot.
    """
    most_px = _MOST_SIDE_PX.get(drawn.value)
    if most_px is not None and max(height_px, width_px) > most_px:
        raise ParameterInvalid(
            f"The picture is {width_px} x {height_px} px, and {drawn.value} ends at {most_px} px a side.",
            hint="Take png or svg.",
        )


def encode(rgb: RgbImage, drawn: DrawnFormat) -> bytes:
    """Write a picture as a file: of pixels only, without names, places or times.

    PNG and WebP are exact, WebP a quarter smaller: its other kind keeps colours at half the resolution, which leaves
    thin lines half of theirs. JPEG keeps colours as fine as lightness, and is about half as large.

    Args:
        rgb: (H, W, 3) uint8, RGB, 0..255, upright, origin top left.
        drawn: One that is made of pixels.

    Returns:
        The file; equal pixels give equal bytes.

    Raises:
        ParameterInvalid: The format cannot hold a picture of this size.
        ValueError: The format is not made of pixels.
    """
    from PIL import Image

    height_px, width_px = rgb.shape[:2]
    check_size(drawn, width_px=width_px, height_px=height_px)
    stream = io.BytesIO()
    picture = Image.fromarray(rgb)
    match drawn:
        case DrawnFormat.PNG:
            picture.save(stream, "PNG", compress_level=_PNG_EFFORT)
        case DrawnFormat.JPEG:
            picture.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4", optimize=True)
        case DrawnFormat.WEBP:
            picture.save(stream, "WEBP", lossless=True, quality=_WEBP_EFFORT, method=1)
        case DrawnFormat.SVG:
            raise ValueError("An SVG is not made of pixels.")
    return stream.getvalue()
