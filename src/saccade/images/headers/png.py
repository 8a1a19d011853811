"""PNG: size, sample depth, animation, orientation; only the chunks that carry pixels go on to the decoder."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from saccade.errors import ImageTooManyFrames, ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, Span, check_payload, check_size, joined, peak_bytes
from saccade.images.headers.orientation import orientation_of
from saccade.images.limits import Limits

# 50 MiB in the 8 KiB pieces of libpng are 6,400 chunks. Reading millions of empty ones costs a decoder minutes.
MAX_CHUNKS = 65_536
# Deflate makes at most 1,032 bytes of one.
_MAX_RATIO = 1032
# Bytes of text that are unpacked to look for the orientation.
_TEXT_MAX_BYTES = 1 << 20

# Colour type -> samples per pixel and the depths that go with it.
_COLOURS = {
    0: (1, frozenset({1, 2, 4, 8, 16})),
    2: (3, frozenset({8, 16})),
    3: (1, frozenset({1, 2, 4, 8})),
    4: (2, frozenset({8, 16})),
    6: (4, frozenset({8, 16})),
}
_ANCILLARY = 0x20
_XMP_KEYWORD = b"XML:com.adobe.xmp\x00"
_PROFILE_KEYWORD = b"Raw profile type exif\x00"


@dataclass(slots=True)
class _Found:
    """What the walk over the chunks has come across."""

    spans: list[Span] = field(default_factory=list)
    packed_bytes: int = 0
    exif: bytes = b""
    xmp: bytes = b""


def read(data: bytes, limits: Limits) -> Header:
    """Read a PNG's chunks without unpacking its pixels.

    Raises:
        ImageUnreadable: The first chunk is no header, or the file cannot hold what it announces.
        ImageTooManyPixels: See ``check_size``.
        ImageTooManyFrames: It is an animation of more than one frame.
    """
    length, kind, width_px, height_px, bits, colour, packing, filtering, interlace = struct.unpack_from(
        ">I4sIIBBBBB", data, 8
    )
    channels, depths = _COLOURS.get(colour, (0, frozenset()))
    if (kind, length, packing, filtering) != (b"IHDR", 13, 0, 0) or bits not in depths or interlace > 1:
        raise ImageUnreadable("The PNG header is none.")
    check_size(width_px, height_px, limits)
    found = _walk(data)
    check_payload(found.packed_bytes * _MAX_RATIO, width_px * height_px * channels * bits // 8)
    spans = joined([(0, 8), *found.spans])
    return Header(
        format=ImageFormat.PNG,
        width_px=width_px,
        height_px=height_px,
        channels=channels,
        bits=bits,
        decode_bytes=peak_bytes(width_px, height_px, channels=channels, bits=bits),
        orientation=orientation_of(exif=found.exif, xmp=found.xmp),
        spans=() if spans == ((0, len(data)),) else spans,
    )


def _walk(data: bytes) -> _Found:
    """Look at every chunk up to the last, and keep those that the picture needs."""
    found = _Found()
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return found
        length, kind = struct.unpack_from(">I4s", data, at)
        end = min(at + 12 + length, len(data))
        if not kind[0] & _ANCILLARY or kind == b"tRNS":
            found.spans.append((at, end))
            found.packed_bytes += length if kind == b"IDAT" else 0
        else:
            _note(found, kind, data[at + 8 : end - 4])
        if kind == b"IEND":
            return found
        at = end
    raise ImageUnreadable(f"The PNG has more than {MAX_CHUNKS} chunks.")


def _note(found: _Found, kind: bytes, body: bytes) -> None:
    """Take from an ancillary chunk what is needed of it: frames and orientation."""
    if kind == b"acTL" and struct.unpack_from(">I", body)[0] > 1:
        raise ImageTooManyFrames("The PNG is an animation.")
    if kind == b"eXIf":
        found.exif = found.exif or body
    elif kind == b"iTXt" and body.startswith(_XMP_KEYWORD):
        found.xmp = found.xmp or _international_text(body[len(_XMP_KEYWORD) :])
    elif kind == b"zTXt" and body.startswith(_PROFILE_KEYWORD):
        found.exif = found.exif or _hex_profile(_inflated(body[len(_PROFILE_KEYWORD) + 1 :]))
    elif kind == b"tEXt" and body.startswith(_PROFILE_KEYWORD):
        found.exif = found.exif or _hex_profile(body[len(_PROFILE_KEYWORD) :])


def _international_text(rest: bytes) -> bytes:
    """Return the text of an iTXt chunk from behind its keyword: two flags, language, translated keyword, text."""
    parts = rest[2:].split(b"\x00", 2)
    text = parts[-1][:_TEXT_MAX_BYTES]
    return _inflated(text) if rest[:1] == b"\x01" else text


def _inflated(packed: bytes) -> bytes:
    """Unpack text, but never more than is looked at."""
    try:
        return zlib.decompressobj().decompress(packed, _TEXT_MAX_BYTES)
    except zlib.error:
        return b""


def _hex_profile(text: bytes) -> bytes:
    """Return ImageMagick's EXIF block: a name and a length, each on its line, then lines of hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(text[:_TEXT_MAX_BYTES].split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
