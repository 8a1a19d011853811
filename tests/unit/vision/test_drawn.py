"""What encoded pictures promise: each is in its format, of the same pixels or nearly, and says nothing else."""

import io

import numpy as np
import pytest
from PIL import Image

from saccade.errors import ParameterInvalid
from saccade.vision.drawn import DrawnFormat, encode

PIXELS = [DrawnFormat.PNG, DrawnFormat.JPEG, DrawnFormat.WEBP]


@pytest.fixture(scope="module")
def smooth():
    """Return a picture that a camera could have taken, with a thin saturated line on it."""
    ys, xs = np.mgrid[:80, :120]
    rgb = np.stack([xs * 2, ys * 3, 255 - xs], axis=2).astype(np.uint8)
    rgb[40, 10:110] = (213, 94, 0)
    return rgb


@pytest.mark.parametrize("drawn", PIXELS)
def test_encode_writes_the_format_when_asked(smooth, drawn):
    """The bytes are what the media type says, of the right size, and equal for equal pixels."""
    data = encode(smooth, drawn)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format.lower(), image.size, image.mode) == (drawn.value, (120, 80), "RGB")
        assert Image.MIME[image.format] == drawn.media_type
        assert not image.getexif()
    assert data == encode(smooth, drawn)


@pytest.mark.parametrize("drawn", [DrawnFormat.PNG, DrawnFormat.WEBP])
def test_encode_keeps_every_pixel_when_exact(smooth, drawn):
    """PNG and WebP are exact."""
    assert (smooth == np.asarray(Image.open(io.BytesIO(encode(smooth, drawn))))).all()


def test_encode_keeps_the_colour_of_thin_lines_when_jpeg(smooth):
    """With colours at half the resolution, a line of one pixel would lose most of its own."""
    row = np.asarray(Image.open(io.BytesIO(encode(smooth, DrawnFormat.JPEG))).convert("RGB")).astype(int)[40, 12:108]

    assert np.abs(row - (213, 94, 0)).mean() < 8


@pytest.mark.parametrize(("drawn", "side_px"), [(DrawnFormat.WEBP, 16_384), (DrawnFormat.JPEG, 65_501)])
def test_encode_says_so_when_a_format_ends(drawn, side_px):
    """A side that the format cannot hold is the caller's to change; one less is written."""
    with pytest.raises(ParameterInvalid, match="px a side"):
        encode(np.zeros((1, side_px, 3), np.uint8), drawn)
    assert encode(np.zeros((1, side_px - 1, 3), np.uint8), drawn)


def test_encode_refuses_what_has_no_pixels(smooth):
    """An SVG is written elsewhere."""
    with pytest.raises(ValueError, match="SVG"):
        encode(smooth, DrawnFormat.SVG)


def test_formats_have_names_that_files_have():
    """Suffixes and media types are the usual ones."""
    assert [".png", ".jpg", ".webp", ".svg"] == [drawn.suffix for drawn in DrawnFormat]
    assert ["image/png", "image/jpeg", "image/webp", "image/svg+xml"] == [drawn.media_type for drawn in DrawnFormat]
