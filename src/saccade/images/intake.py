"""The one way in for a picture's bytes: check, decode, turn upright."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from saccade.caller import Caller
from saccade.images.decode import decode
from saccade.images.gate import DecodeGate, Share
from saccade.images.headers.header import Header, ImageFormat
from saccade.images.headers.magic import read_header
from saccade.images.limits import Limits
from saccade.vision.arrays import RgbImage
from saccade.vision.decode import upright


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was let in.

    Attributes:
        id: SHA-256 of the bytes as they were sent, in hexadecimal.
        rgb: (H, W, 3) uint8 RGB, 0..255, upright, origin top left.
        width_px: Of the upright picture.
        height_px: Of the upright picture.
        format: What the bytes were.
    """

    id: str
    rgb: RgbImage
    width_px: int
    height_px: int
    format: ImageFormat


def take(data: bytes, limits: Limits) -> Picture:
    """Turn bytes of unknown origin into an upright RGB picture, or refuse them.

    Args:
        data: The file, as it was sent.
        limits: What a picture may cost.

    Returns:
        The picture; equal bytes give equal pixels.

    Raises:
        ImageEmpty: There are no bytes.
        ImageTooLarge: There are more bytes than the limit.
        ImageFormatUnsupported: The bytes are in no format that is decoded.
        ImageUnreadable: They are damaged, cut short, or contradict themselves.
        ImageTooManyPixels: The header announces more pixels than the limit.
        ImageTooManyFrames: There are several frames or pages (of a GIF the first is taken).
        ImageTooManyScans: It is a JPEG with more scans than the limit.
    """
    return _decoded(data, read_header(data, limits))


@contextmanager
def taken(
    data: bytes,
    limits: Limits,
    gate: DecodeGate,
    *,
    caller: Caller | None = None,
    max_wait_s: float | None = None,
) -> Iterator[tuple[Picture, Share]]:
    """Take a picture in within a memory budget, and hold its share of it until the block ends.

    Whoever keeps the picture must stay in the block; what was made of it may leave. Whoever has done the work that
    needs a CPU tells the share, and lets the next one decode.

    Args:
        data: The file, as it was sent.
        limits: What a picture may cost.
        gate: Bounds the memory of all pictures together.
        caller: Who waits for the picture; it is not decoded when they have left.
        max_wait_s: How long they wait for room at most; None for as long as it takes.

    Raises:
        RequestError: As ``take``.
        QueueFull: No room came in time.
        CallerLeft: The caller left before there was room.
    """
    header = read_header(data, limits)
    with gate.hold(header.decode_bytes, caller=caller, max_wait_s=max_wait_s) as share:
        yield _decoded(data, header), share


def _decoded(data: bytes, header: Header) -> Picture:
    rgb = upright(decode(data, header), header.orientation)
    height_px, width_px = rgb.shape[:2]
    return Picture(hashlib.sha256(data).hexdigest(), rgb, width_px, height_px, header.format)
