"""JPEG: frame size, orientation and the number of scans."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from saccade.errors import ImageTooManyScans, ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, Span, check_payload, check_size, joined
from saccade.images.headers.orientation import orientation_of
from saccade.images.limits import Limits

# Real files have tens of segments. Reading millions of empty ones costs a decoder minutes.
MAX_SEGMENTS = 10_000

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP1 = 0xE1
# Without a length: TEM, the restarts, SOI, EOI.
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Frame types with Huffman codes -> fewest bits of a block: one DC and one AC code, or one DC code.
_LEAST_BITS = {0xC0: 2, 0xC1: 2, 0xC2: 1}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Kept for the decoder: JFIF and Adobe's say how the colours are coded; the others and comments say nothing of pixels.
_DROPPED = (frozenset(range(0xE1, 0xF0)) - {0xEE}) | {0xFE}
# A marker may be preceded by any number of FF.
_FILL = re.compile(rb"\xff+")
# In entropy-coded data FF 00 is a byte and FF D0..D7 a restart; anything else after FF is a marker.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def read(data: bytes, limits: Limits) -> Header:
    """Read a JPEG up to its first scan, then count the scans.

    Raises:
        ImageUnreadable: There is no frame or no scan, or the segments make no sense.
        ImageTooManyPixels: See ``check_size``.
        ImageTooManyScans: More than the limit.
    """
    frame: tuple[int, Span] | None = None
    exif = xmp = b""
    spans: list[Span] = [(0, 2)]
    scan_at = 0
    for marker, start, body, end in _segments(data):
        if marker == _SOS:
            scan_at = start
            break
        if marker in _FRAMES:
            if frame is not None:
                raise ImageUnreadable("The JPEG announces its size twice.")
            frame = (marker, (body, end))
        elif marker == _APP1:
            exif = exif or _payload(data, body, end, b"Exif\x00\x00")
            xmp = xmp or _payload(data, body, end, b"http://ns.adobe.com/xap/1.0/\x00")
        if marker not in _DROPPED:
            spans.append((start, end))
    if frame is None or not scan_at:
        raise ImageUnreadable("The JPEG has no picture in it.")
    check_scans(data, scan_at, limits)
    spans.append((scan_at, len(data)))
    return _header(data, frame, joined(spans), orientation_of(exif=exif, xmp=xmp), limits)


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield marker, start, start of body and end of each segment up to the first scan or the end."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        fill = _FILL.search(data, at)
        if fill is None or fill.end() >= len(data):
            return
        start, code_at = fill.span()
        marker = data[code_at]
        if marker == _EOI:
            return
        if marker in _BARE or marker == 0:
            at = code_at + 1
            continue
        (length,) = struct.unpack_from(">H", data, code_at + 1)
        if length < 2:  # noqa: PLR2004 - the length counts itself
            raise ImageUnreadable("A JPEG segment has no length.")
        at = code_at + 1 + length
        yield marker, start, code_at + 3, at
        if marker == _SOS:
            return
    raise ImageUnreadable(f"The JPEG has more than {MAX_SEGMENTS} segments before its picture.")


def _payload(data: bytes, body: int, end: int, prefix: bytes) -> bytes:
    return data[body + len(prefix) : end] if data.startswith(prefix, body) else b""


def _header(data: bytes, frame: tuple[int, Span], spans: tuple[Span, ...], orientation: int, limits: Limits) -> Header:
    kind, (body, _) = frame
    bits, height_px, width_px, channels = struct.unpack_from(">BHHB", data, body)
    check_size(width_px, height_px, limits)
    blocks = -(-width_px // 8) * -(-height_px // 8)
    check_payload(len(data) - spans[-1][0], blocks * _LEAST_BITS.get(kind, 0) // 8)
    pixels = width_px * height_px
    # A progressive picture is held as 16-bit coefficients until its last scan.
    coefficients = 2 * pixels * channels if kind in _PROGRESSIVE else 0
    return Header(
        format=ImageFormat.JPEG,
        width_px=width_px,
        height_px=height_px,
        channels=channels,
        bits=bits,
        decode_bytes=pixels * (11 if channels > 3 else 7) + coefficients,  # noqa: PLR2004 - CMYK passes through twice
        orientation=orientation,
        spans=() if spans == ((0, len(data)),) else spans,
    )


def check_scans(data: bytes, scan_at: int, limits: Limits) -> None:
    """Refuse a JPEG with more scans than the limit.

    The bytes FF DA stand at the head of every scan, so that their count, which takes one fast pass, is never too low.
    It may be too high (a thumbnail in a profile): only then the segments are walked.

    Raises:
        ImageTooManyScans: More than the limit.
        ImageUnreadable: There are so many segments between the scans that reading them would be an attack.
    """
    if data.count(b"\xff\xda", scan_at) <= limits.max_scans:
        return
    scans = 0
    at = scan_at
    for _ in range(MAX_SEGMENTS):
        match = _MARKER.search(data, at)
        marker = match[1][0] if match else _EOI
        if match is None or marker == _EOI:
            return
        scans += marker == _SOS
        if scans > limits.max_scans:
            raise ImageTooManyScans(f"The JPEG has more than {limits.max_scans} scans.")
        at = match.end()
        if marker not in _BARE and at + 2 <= len(data):
            at += max(2, struct.unpack_from(">H", data, at)[0])
    raise ImageUnreadable(f"The JPEG has more than {MAX_SEGMENTS} segments between its scans.")
