"""A header is believed only as far as the file can keep what it announces."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from saccade.errors import (
    ImageEmpty,
    ImageFormatUnsupported,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageTooManyPixels,
    ImageTooManyScans,
    ImageUnreadable,
    RequestError,
)
from saccade.images.headers.magic import read_header
from saccade.images.headers.orientation import orientation_of
from saccade.images.limits import Limits
from unit.images.pictures import encoded, noise, png_chunk

LIMITS = Limits()
MAGICS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"RIFF\x00\x00\x00\x00WEBP"]
KINDS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"]


@pytest.mark.parametrize("kind", KINDS)
def test_header_is_read_when_the_file_is_whole(kind: str):
    """Format and size are read from the bytes alone, for every format."""
    header = read_header(encoded(noise(), kind), LIMITS)

    assert (header.format, header.width_px, header.height_px) == (kind, 53, 37)
    assert header.decode_bytes >= 3 * 53 * 37


@pytest.mark.parametrize("kind", KINDS)
def test_picture_is_refused_when_it_has_too_many_pixels(kind: str):
    """One pixel over the limit is too many, exactly the limit is not."""
    data = encoded(noise(), kind)

    assert read_header(data, Limits(max_pixels=53 * 37)).width_px == 53
    with pytest.raises(ImageTooManyPixels):
        read_header(data, Limits(max_pixels=53 * 37 - 1))


def test_picture_is_refused_when_it_has_too_many_bytes():
    """One byte over the limit is too many."""
    data = encoded(noise(), "PNG")

    assert read_header(data, Limits(max_bytes=len(data))).width_px == 53
    with pytest.raises(ImageTooLarge):
        read_header(data, Limits(max_bytes=len(data) - 1))


def test_nothing_is_refused_as_empty_when_there_are_no_bytes():
    """No bytes have a code of their own."""
    with pytest.raises(ImageEmpty):
        read_header(b"", LIMITS)


@pytest.mark.parametrize("data", [b"hello", b"<svg/>", b"%PDF-1.7", b"PK\x03\x04", b"BMW is no bitmap, as one can see"])
def test_file_is_refused_as_unsupported_when_it_is_no_picture(data: bytes):
    """What has none of the magic bytes is ``image_format_unsupported``."""
    with pytest.raises(ImageFormatUnsupported):
        read_header(data, LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_picture_is_refused_when_it_has_several_frames(kind: str):
    """Animations and pages are refused, in whatever format."""
    frames = [Image.new("RGB", (8, 6), (shade, 0, 0)) for shade in (10, 200, 90)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])

    with pytest.raises(ImageTooManyFrames):
        read_header(data, LIMITS)


def test_jpeg_is_refused_when_it_has_one_scan_too_many():
    """Scans are counted exactly."""
    data = encoded(noise(), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")

    assert read_header(data, Limits(max_scans=scans)).width_px == 53
    with pytest.raises(ImageTooManyScans):
        read_header(data, Limits(max_scans=scans - 1))


def test_scans_are_not_overcounted_when_they_stand_behind_the_end():
    """Bytes behind the end of the picture (a second one, say) are no scans of it."""
    data = encoded(noise(), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")

    assert read_header(data * 5, Limits(max_scans=scans)).width_px == 53


@pytest.mark.parametrize("kind", KINDS)
def test_picture_is_refused_when_it_has_no_size(kind: str):
    """A side of zero is ``image_unreadable``."""
    data = encoded(noise(), kind)
    forms = {"JPEG": ">HH", "PNG": ">II", "WEBP": "<HH", "BMP": "<ii", "GIF": "<HHB"}
    if kind == "TIFF":
        damaged = data.replace(struct.pack("<HHIH", 256, 3, 1, 53), struct.pack("<HHIH", 256, 3, 1, 0))
        damaged = damaged.replace(struct.pack("<HHII", 256, 4, 1, 53), struct.pack("<HHII", 256, 4, 1, 0))
    elif kind == "GIF":
        damaged = data.replace(struct.pack("<HH", 53, 37), bytes(4))
    else:
        sides = (37, 53) if kind == "JPEG" else (53, 37)
        damaged = data.replace(struct.pack(forms[kind], *sides), bytes(struct.calcsize(forms[kind])), 1)

    assert damaged != data
    with pytest.raises(ImageUnreadable):
        read_header(damaged, LIMITS)


@pytest.mark.parametrize(("kind", "old", "new"), [("PNG", (53, 37), (7000, 7000)), ("BMP", (53, 37), (7000, 7000))])
def test_picture_is_refused_when_the_file_is_too_short_for_its_size(kind: str, old, new):
    """A small file that announces 49 megapixels is refused before memory is taken for them."""
    form = ">II" if kind == "PNG" else "<ii"
    data = encoded(noise(), kind).replace(struct.pack(form, *old), struct.pack(form, *new), 1)

    with pytest.raises(ImageUnreadable, match="too short"):
        read_header(data, LIMITS)


def test_png_is_refused_when_it_has_too_many_chunks():
    """Empty chunks cost a decoder a microsecond each: more than 65,536 are refused unread."""
    plain = encoded(noise(), "PNG")

    assert read_header(plain[:33] + png_chunk(b"prIv", b"") * 60_000 + plain[33:], LIMITS).width_px == 53
    with pytest.raises(ImageUnreadable, match="chunks"):
        read_header(plain[:33] + png_chunk(b"prIv", b"") * 70_000 + plain[33:], LIMITS)


def test_tiff_is_refused_when_its_tags_overlap():
    """Tags that together claim more than the file would each be copied into memory."""
    body = bytes(4_000)
    tags = [(256, 4, 1, 8), (257, 4, 1, 8), *((number, 7, len(body), 8) for number in range(40_000, 40_010))]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    start = struct.pack("<I", 8 + len(body))
    data = b"II*\x00" + start + body + struct.pack("<H", len(tags)) + entries + bytes(4)

    with pytest.raises(ImageUnreadable, match="more than the file holds"):
        read_header(data, LIMITS)


def test_only_pixel_chunks_are_shown_to_the_decoder_when_a_png_has_others():
    """Text, profiles and unknown chunks are left out; what remains is a whole PNG."""
    plain = encoded(noise(), "PNG")
    data = plain[:33] + png_chunk(b"tEXt", b"a\x00b") + png_chunk(b"prIv", b"x") + plain[33:]
    spans = read_header(data, LIMITS).spans

    assert b"".join(data[start:end] for start, end in spans) == plain
    assert read_header(plain, LIMITS).spans == ()


@pytest.mark.parametrize(
    ("exif", "xmp", "expected"),
    [
        (b"", b"", 1),
        (b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00", b"", 6),
        (b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00", b"", 8),
        (b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x09\x00\x00\x00", b"", 1),
        (b"II*\x00\x08\x00\x00\x00\xff\xff\x12\x01\x03\x00\x01\x00\x00\x00\x05\x00\x00\x00", b"", 5),
        (b"II*\x00\xff\xff\xff\x7f", b"", 1),
        (b"II*\x00\x08\x00", b"<tiff:Orientation>3</tiff:Orientation>", 3),
        (b"", b'tiff:Orientation="0"', 1),
        (b"nonsense", b"", 1),
    ],
)
def test_orientation_is_read_or_one_when_the_block_is_whatever(exif: bytes, xmp: bytes, expected: int):
    """EXIF goes before XMP; damaged, missing and impossible ones mean upright."""
    assert expected == orientation_of(exif=exif, xmp=xmp)


@given(st.sampled_from(MAGICS), st.binary())
def test_header_is_read_or_refused_when_the_bytes_are_anything(magic: bytes, rest: bytes):
    """No bytes make the header readers raise anything but a refusal."""
    with contextlib.suppress(RequestError):
        assert read_header(magic + rest, LIMITS).width_px > 0
