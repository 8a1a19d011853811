"""GIF: the screen's size and where its first frame is; comments and later frames' extensions stay unread."""

from __future__ import annotations

import struct

from saccade.errors import ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, Span, check_size, joined, peak_bytes
from saccade.images.limits import Limits

# Comments, profiles and XMP before the first frame; reading millions of empty blocks costs a decoder minutes.
MAX_EXTENSION_BYTES = 1 << 20

_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL = 0xF9


def read(data: bytes, limits: Limits) -> Header:
    """Read a GIF up to its first frame.

    Raises:
        ImageUnreadable: No frame follows the screen.
        ImageTooManyPixels: The screen, or the frame where it is larger, has too many.
    """
    screen_width_px, screen_height_px, flags = struct.unpack_from("<HHB", data, 6)
    palette_end = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    frame_at, control = _first_frame(data, palette_end)
    left, top, width_px, height_px = struct.unpack_from("<HHHH", data, frame_at + 1)
    if not width_px or not height_px:
        raise ImageUnreadable("The GIF's first frame has no size.")
    width_px, height_px = max(screen_width_px, left + width_px), max(screen_height_px, top + height_px)
    check_size(width_px, height_px, limits)
    return Header(
        format=ImageFormat.GIF,
        width_px=width_px,
        height_px=height_px,
        channels=1,
        bits=8,
        decode_bytes=peak_bytes(width_px, height_px, channels=4, bits=8),
        spans=joined([(0, palette_end), *control, (frame_at, len(data))]),
    )


def _first_frame(data: bytes, at: int) -> tuple[int, list[Span]]:
    """Return where the first frame starts, and the graphic control extension that goes with it."""
    control: list[Span] = []
    last = at + MAX_EXTENSION_BYTES
    while at < min(last, len(data) - 1):
        if data[at] == _IMAGE:
            return at, control
        if data[at] == _EXTENSION:
            end = _end_of_blocks(data, at + 2)
            if data[at + 1] == _GRAPHIC_CONTROL:
                control = [(at, end)]
            at = end
        else:
            # Stray bytes between blocks are skipped, as the decoder does.
            at += 1
    raise ImageUnreadable("The GIF has no frame where one should be.")


def _end_of_blocks(data: bytes, at: int) -> int:
    """Return the position behind a chain of length-prefixed blocks."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
