"""From a file whose header was accepted to an RGB array, before the header's orientation is undone."""

from __future__ import annotations

import sys
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from saccade.errors import ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat
from saccade.vision.arrays import RgbImage, Tensor
from saccade.vision.decode import STRIP_SAMPLES, grey_to_rgb, over_white, stretch

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_BYTE_BITS = 8


def decode(data: bytes, header: Header) -> RgbImage:
    """Decode a picture.

    Grey becomes three equal channels; palettes are resolved; alpha is laid over white; samples deeper than 8 bits are
    stretched by percentile (``vision.decode.stretch``). Colour profiles are ignored.

    Args:
        data: The whole file.
        header: What ``read_header`` found in it.

    Returns:
        (H, W, 3) uint8 RGB, 0..255; the header's orientation is not undone yet.

    Raises:
        ImageUnreadable: The decoder failed, ran out of memory, or found another size than the header has.
    """
    rgb = _by_libjpeg(data) if _is_plain_jpeg(header) else None
    if rgb is None:
        rgb = _by_pillow(data, header)
    if rgb.shape != (header.height_px, header.width_px, 3):
        raise ImageUnreadable("The picture has another size than its header announces.")
    return rgb


def _is_plain_jpeg(header: Header) -> bool:
    return header.format is ImageFormat.JPEG and header.channels in {1, 3} and header.bits == _BYTE_BITS


def _by_libjpeg(data: bytes) -> RgbImage | None:
    """Decode twice as fast as Pillow and to the same pixels; None where it has doubts, so that Pillow decides."""
    import simplejpeg

    try:
        rgb: RgbImage = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except (ValueError, MemoryError, OverflowError):
        return None
    return rgb


def _by_pillow(data: bytes, header: Header) -> RgbImage:
    # Process-wide and without effect when repeated: warnings.catch_warnings would not be safe among threads.
    warnings.filterwarnings("ignore", module=r"(PIL|saccade\.images)\b")
    shown = b"".join(data[start:end] for start, end in header.spans) if header.spans else data
    try:
        return _converted(shown, header)
    except ImageUnreadable:
        raise
    except Exception as failure:
        # Fed with damaged bytes, the decoders raise a dozen unrelated types, MemoryError and struct.error among them.
        raise ImageUnreadable("The picture does not decode.") from failure


def _converted(data: bytes, header: Header) -> RgbImage:
    image = _opened(data, header)
    # Before memory is taken; whether a turned TIFF has its sides exchanged by now depends on where that is written.
    if sorted(image.size) != sorted((header.width_px, header.height_px)):
        raise ImageUnreadable("The picture has another size than its header announces.")
    low_rawmode = _low_byte_rawmode(image)
    if image.mode in _DEEP_MODES:
        return _deep_grey(image, header)
    if low_rawmode:
        return _deep_colour(image, _opened(data, header), low_rawmode)
    return _by_strips(image)


def _opened(data: bytes, header: Header) -> ImageFile:
    """Open as exactly the format that the magic bytes say."""
    if header.format is ImageFormat.JPEG:
        from PIL.JpegImagePlugin import JpegImageFile

        # Not Image.open, which would read a second picture behind the first (MPO).
        return JpegImageFile(BytesIO(data))
    from PIL import Image

    return Image.open(BytesIO(data), formats=(header.format.value,))


def _by_strips(image: Image) -> RgbImage:
    """Convert to RGB some rows at a time, so that no second whole picture is needed."""
    image.load()
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, STRIP_SAMPLES // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        rgb[top:bottom] = _strip_to_rgb(image.crop((0, top, image.width, bottom)))
    return rgb


def _strip_to_rgb(strip: Image) -> RgbImage:
    if strip.mode in _ALPHA_MODES or "transparency" in strip.info:
        straight = strip.convert("LA") if strip.mode == "La" else strip
        return over_white(np.asarray(straight.convert("RGBA")))
    if strip.mode in {"1", "L"}:
        return grey_to_rgb(np.asarray(strip.convert("L")))
    return np.asarray(strip.convert("RGB"))


def _deep_grey(image: Image, header: Header) -> RgbImage:
    """Stretch 16- and 32-bit integers and floats."""
    samples: Tensor = np.asarray(image)
    if image.mode == "I" and header.format is ImageFormat.TIFF and _is_unsigned(image):
        # Pillow keeps 32 unsigned bits in signed integers.
        samples = samples.view(np.uint32)
    grey = stretch(samples)
    return grey_to_rgb(255 - grey if header.zero_is_white else grey)


def _is_unsigned(image: Image) -> bool:
    sample_format = 339
    tags: dict[int, tuple[int, ...]] = getattr(image, "tag_v2", {})
    return 2 not in tags.get(sample_format, (1,))  # noqa: PLR2004 - two's complement


def _low_byte_rawmode(image: ImageFile) -> str:
    """Return the raw mode that reads the low bytes of 16-bit colour; empty where the picture has 8 bits.

    Pillow keeps only the high byte of 16-bit colour. Read once more in the other byte order, the same samples give
    their low byte.
    """
    if not image.tile:
        return ""
    args = image.tile[0].args
    rawmode = args[0] if isinstance(args, tuple) else args
    native = "16B" if sys.byteorder == "little" else "16L"
    stem, _, depth = str(rawmode).partition(";")
    low = {"16B": "16L", "16L": "16B", "16N": native}.get(depth, "")
    return f"{stem};{low}" if low and stem in {"RGB", "RGBA", "RGBX"} else ""


def _deep_colour(high: ImageFile, low: ImageFile, low_rawmode: str) -> RgbImage:
    """Put high and low bytes together and stretch all channels by the same two ends; alpha stays as it is."""
    low.tile = [
        tile._replace(args=(low_rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else low_rawmode)
        for tile in low.tile
    ]
    high_bytes, low_bytes = np.asarray(high), np.asarray(low)
    samples = high_bytes[:, :, :3].astype(np.uint16)
    samples <<= _BYTE_BITS
    samples |= low_bytes[:, :, :3]
    rgb = stretch(samples)
    if high.mode != "RGBA":
        return rgb
    return over_white(np.concatenate((rgb, high_bytes[:, :, 3:]), axis=2))
