"""A picture that is taken has exactly the pixels that a careful reader of its format would see, upright."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from saccade.errors import ImageUnreadable
from saccade.images.gate import DecodeGate
from saccade.images.headers.header import ImageFormat
from saccade.images.intake import take, taken
from saccade.images.limits import Limits
from saccade.vision.decode import over_white, stretch
from unit.images.pictures import SIZE, by_pillow, encoded, noise, png_chunk, png_of, tiff_of

LIMITS = Limits()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 95])
def test_fast_jpeg_path_equals_pillow_when_it_decodes(quality: int, subsampling: int, progressive: bool):
    """The fast decoder and Pillow agree in every pixel."""
    data = encoded(noise(), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)

    assert np.array_equal(by_pillow(data), take(data, LIMITS).rgb)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("JPEG", mode) for mode in ("L", "CMYK")),
        *(("PNG", mode) for mode in ("1", "L", "P", "RGB")),
        *(("TIFF", mode) for mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr")),
        ("WEBP", "RGB"),
        *(("BMP", mode) for mode in ("1", "L", "P", "RGB")),
        *(("GIF", mode) for mode in ("1", "L", "P")),
    ],
)
def test_opaque_picture_equals_pillow_when_it_is_taken(kind: str, mode: str):
    """Grey, palettes, CMYK and YCbCr become the RGB that Pillow makes of them."""
    data = encoded(noise().convert(mode), kind)
    picture = take(data, LIMITS)

    assert np.array_equal(by_pillow(data), picture.rgb)
    assert picture.format == kind
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.flags.c_contiguous


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"])
def test_packed_tiff_equals_pillow_when_it_is_taken(packing: str):
    """Every packing of TIFF that the decoder knows is taken."""
    data = encoded(noise(), "TIFF", compression=packing)

    assert np.array_equal(by_pillow(data), take(data, LIMITS).rgb)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_alpha_is_laid_over_white_when_a_picture_has_it(kind: str, options: dict[str, bool]):
    """What is transparent becomes white, what is half transparent half white."""
    rgba = np.asarray(noise(4))

    assert np.array_equal(over_white(rgba), take(encoded(noise(4), kind, **options), LIMITS).rgb)


def test_grey_alpha_is_laid_over_white_when_a_picture_has_it():
    """Grey with alpha is no exception."""
    grey_alpha = noise(4).convert("LA")

    assert np.array_equal(
        over_white(np.asarray(grey_alpha.convert("RGBA"))), take(encoded(grey_alpha, "PNG"), LIMITS).rgb
    )


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_is_white_when_a_picture_has_one(kind: str):
    """A palette's transparent entry is white, whatever colour stands in it."""
    palette = noise().quantize(16)
    data = encoded(palette, kind, transparency=5)
    rgb = take(data, LIMITS).rgb

    assert (rgb[np.asarray(palette) == 5] == 255).all()
    assert np.array_equal(over_white(by_pillow(data, "RGBA")), rgb)


def test_transparent_colour_is_white_when_a_png_names_one():
    """A colour key in an RGB picture counts as alpha too."""
    samples = np.zeros((2, 2, 3), np.uint8)
    samples[0, 0] = (10, 20, 30)
    key = png_chunk(b"tRNS", struct.pack(">HHH", 10, 20, 30))

    rgb = take(png_of(samples, depth=8, colour=2, extra=key), LIMITS).rgb

    assert rgb[0, 0].tolist() == [255, 255, 255]
    assert rgb[1, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_is_upright_when_it_was_stored_turned(kind: str, orientation: int):
    """All eight orientations, in every format that has them, come out as Pillow's own reading."""
    data = encoded(noise(), kind, exif=_exif(orientation))
    picture = take(data, LIMITS)

    assert np.array_equal(np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))), picture.rgb)
    assert (picture.height_px, picture.width_px) == picture.rgb.shape[:2]
    assert picture.rgb.flags.c_contiguous


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_picture_is_upright_when_only_xmp_says_how(kind: str):
    """Where EXIF is silent the XMP packet decides, as for Pillow."""
    if kind == "PNG":
        plain = encoded(noise(), "PNG")
        data = plain[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + XMP) + plain[33:]
    elif kind == "TIFF":
        data = encoded(noise(), "TIFF", tiffinfo={700: XMP})
    else:
        data = encoded(noise(), kind, xmp=XMP)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))

    assert expected.shape[:2] == SIZE[::-1]
    assert np.array_equal(expected, take(data, LIMITS).rgb)


@pytest.mark.parametrize("packed", [False, True])
def test_picture_is_upright_when_a_png_has_a_raw_profile(packed: bool):
    """The profile of older converters, EXIF as hexadecimal text, is read too."""
    block = b"Exif\x00\x00" + _exif(8).tobytes().removeprefix(b"Exif\x00\x00")
    text = b"\nexif\n%8d\n%s\n" % (len(block), block.hex().encode())
    keyword = b"Raw profile type exif\x00"
    chunk = (
        png_chunk(b"zTXt", keyword + b"\x00" + zlib.compress(text)) if packed else png_chunk(b"tEXt", keyword + text)
    )
    plain = encoded(noise(), "PNG")
    data = plain[:33] + chunk + plain[33:]

    assert np.array_equal(np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))), take(data, LIMITS).rgb)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("dtype", "sample_format", "factor"),
    [("u2", 1, 1), ("i2", 2, -1), ("i4", 2, -300), ("f4", 3, 0.01)],
)
def test_deep_tiff_is_stretched_when_it_is_taken(order: str, dtype: str, sample_format: int, factor: float):
    """16- and 32-bit integers and floats, of either byte order, are stretched and never clipped to black or white."""
    samples = (np.random.default_rng(1).integers(0, 4096, SIZE) * factor).astype(dtype)

    rgb = take(tiff_of(samples, order=order, sample_format=sample_format), LIMITS).rgb

    assert np.array_equal(stretch(samples), rgb[:, :, 0])
    assert np.array_equal(rgb[:, :, 0], rgb[:, :, 2])
    assert len(np.unique(rgb)) > 200


def test_unsigned_32_bit_tiff_keeps_its_order_when_values_pass_two_billion():
    """Values beyond 31 bits are bright, not negative."""
    samples = np.linspace(0, 2**32 - 1, SIZE[0] * SIZE[1]).astype(np.uint32).reshape(SIZE)

    assert np.array_equal(stretch(samples), take(tiff_of(samples), LIMITS).rgb[:, :, 1])


def test_deep_tiff_is_inverted_when_zero_means_white():
    """The TIFF's own word on black and white is kept."""
    samples = np.random.default_rng(2).integers(0, 4096, SIZE).astype(np.uint16)

    assert np.array_equal(255 - stretch(samples), take(tiff_of(samples, photometric=0), LIMITS).rgb[:, :, 0])


@pytest.mark.parametrize("high", [4095, 65_535])
def test_deep_colour_png_keeps_its_low_bytes_when_it_is_taken(high: int):
    """12 bits of colour in a 16-bit file come out as a picture and not as nearly black."""
    samples = np.random.default_rng(3).integers(0, high + 1, (*SIZE, 3)).astype(">u2")

    assert np.array_equal(stretch(samples), take(png_of(samples, depth=16, colour=2), LIMITS).rgb)


def test_deep_colour_png_is_laid_over_white_when_it_has_alpha():
    """16-bit colour is stretched first and then laid over white."""
    samples = np.random.default_rng(4).integers(0, 65_536, (*SIZE, 4)).astype(">u2")
    expected = over_white(np.dstack((stretch(samples[:, :, :3]), (samples[:, :, 3] >> 8).astype(np.uint8))))

    assert np.array_equal(expected, take(png_of(samples, depth=16, colour=6), LIMITS).rgb)


def test_first_frame_is_taken_when_a_gif_has_several():
    """Of a GIF the first frame is the picture."""
    frames = [Image.new("L", (8, 6), shade) for shade in (10, 200, 90)]

    assert (take(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), LIMITS).rgb == 10).all()


@pytest.mark.parametrize("kind", ["RGB", "CMYK"])
def test_jpeg_is_refused_when_it_is_cut_anywhere(kind: str):
    """A JPEG cut short is unreadable on the fast path (RGB) and on Pillow's (CMYK), never half a picture."""
    data = encoded(noise().convert(kind), "JPEG")
    start = data.index(b"\xff\xda")

    for cut in range(start, len(data) - 2, 41):
        with pytest.raises(ImageUnreadable):
            take(data[:cut], LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_picture_is_refused_when_its_second_half_is_missing(kind: str):
    """No format gives half a picture."""
    data = encoded(noise(), kind)
    with pytest.raises(ImageUnreadable):
        take(data[: len(data) // 2], LIMITS)


def test_picture_is_refused_when_memory_is_out(monkeypatch: pytest.MonkeyPatch):
    """A decoder that runs out of memory refuses the picture instead of ending the process."""

    def exhausted(*_args: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.Image.core.new", exhausted)
    with pytest.raises(ImageUnreadable):
        take(encoded(noise(), "PNG"), LIMITS)


def test_decoder_warnings_stay_inside_when_a_picture_provokes_them():
    """A damaged tag makes the decoder warn; nobody outside sees it, even where warnings are errors."""
    data = encoded(noise(1), "TIFF", dpi=(72, 72))
    data = data.replace(struct.pack("<HHI", 282, 5, 1), struct.pack("<HHI", 282, 5, 2))
    with pytest.warns(UserWarning, match="too many entries"):
        Image.open(io.BytesIO(data)).load()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        take(data, LIMITS)

    assert caught == []


def test_pillow_keeps_its_own_limit_when_pictures_were_taken():
    """The process-wide limit of Pillow is nobody's to lift."""
    before = Image.MAX_IMAGE_PIXELS
    take(encoded(noise(), "PNG"), LIMITS)

    assert before == Image.MAX_IMAGE_PIXELS
    assert before is not None


def test_picture_carries_the_digest_of_its_bytes_when_it_is_taken():
    """The id is the SHA-256 of what was sent, and the picture knows its format and size."""
    data = encoded(noise(), "WEBP")
    picture = take(data, LIMITS)

    assert picture.id == hashlib.sha256(data).hexdigest()
    assert (picture.width_px, picture.height_px, picture.format) == (53, 37, ImageFormat.WEBP)


def test_gate_is_held_as_long_as_the_picture_is_there():
    """A picture holds its share of the budget inside the block and gives it back after, also when it is refused."""
    gate = DecodeGate(1_000_000)
    data = encoded(noise(), "PNG")
    with taken(data, LIMITS, gate) as (picture, _):
        assert gate.held_bytes >= picture.rgb.nbytes
    with pytest.raises(ImageUnreadable), taken(data[:-300], LIMITS, gate):
        pytest.fail("a damaged picture was taken")

    assert gate.held_bytes == 0
