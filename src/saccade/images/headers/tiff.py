"""TIFF and BigTIFF: the one directory, with every count and offset checked against the file before it is believed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from saccade.errors import ImageTooManyFrames, ImageUnreadable
from saccade.images.headers.header import Header, ImageFormat, check_payload, check_size, peak_bytes
from saccade.images.headers.orientation import orientation_of
from saccade.images.limits import Limits

# A directory of a microscope has some hundred entries; a picture of 65,535 rows in three planes has 196,605 strips.
MAX_ENTRIES = 4096
MAX_CHUNKS = 200_000
# A tile may be larger than the picture it covers, but not by much.
_TILE_SLACK_PX = 1 << 22

# Type number -> bytes of one value and, where it is an unsigned integer, struct's letter.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNSIGNED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS = 273, 274, 277, 322, 323, 324
_XMP = 700
_UNCOMPRESSED, _WHITE_IS_ZERO = 1, 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: its type, how many values, and where they stand."""

    kind: int
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """The entries of a directory and what is needed to read them."""

    data: bytes
    order: str
    entries: dict[int, _Entry]

    def number(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        entry = self.entries.get(tag)
        if entry is None or not entry.count or entry.kind not in _UNSIGNED:
            return default
        return int(struct.unpack_from(self.order + _UNSIGNED[entry.kind], self.data, entry.at)[0])

    def count(self, tag: int) -> int:
        """Return how many values a tag has."""
        entry = self.entries.get(tag)
        return entry.count if entry else 0

    def content(self, tag: int) -> bytes:
        """Return a tag's values as they stand."""
        entry = self.entries.get(tag)
        return self.data[entry.at : entry.at + entry.count * _SIZES[entry.kind]] if entry else b""


def read(data: bytes, limits: Limits) -> Header:
    """Read the first directory of a TIFF.

    Raises:
        ImageUnreadable: An offset, a count or a size cannot be true.
        ImageTooManyPixels: See ``check_size``.
        ImageTooManyFrames: There is a second page.
    """
    directory, next_at, at = _directory(data)
    width_px, height_px = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    check_size(width_px, height_px, limits)
    _check_pages(data, next_at, at)
    channels, bits = directory.number(_CHANNELS, 1), directory.number(_BITS, 1)
    _check_chunks(directory, width_px * height_px)
    if directory.number(_COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED:
        # Some cameras' files keep half the samples of colour, hence only one channel is counted on.
        check_payload(len(data), width_px * height_px * bits // 8)
    written = directory.number(_ORIENTATION, 0)
    if written not in range(1, 9):
        written = orientation_of(xmp=directory.content(_XMP))
    # Pillow turns a TIFF upright while it loads it, so that the size is the upright one and nothing is left to turn.
    is_turned = written in range(5, 9)
    return Header(
        format=ImageFormat.TIFF,
        width_px=height_px if is_turned else width_px,
        height_px=width_px if is_turned else height_px,
        channels=channels,
        bits=bits,
        decode_bytes=peak_bytes(width_px, height_px, channels=channels, bits=bits),
        zero_is_white=directory.number(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO,
    )


def _directory(data: bytes) -> tuple[_Directory, int, int]:
    """Return the first directory, where the next one is (0: nowhere), and where this one is."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in {b"+\x00", b"\x00+"}
    count_form, entry_form, offset_form = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    inline_bytes = struct.calcsize(order + offset_form)
    (at,) = struct.unpack_from(order + offset_form, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + count_form, data, at)
    if not 0 < count <= MAX_ENTRIES:
        raise ImageUnreadable("The TIFF's directory has no sensible number of entries.")
    first_at = at + struct.calcsize(order + count_form)
    head_bytes = struct.calcsize(order + entry_form)
    entries: dict[int, _Entry] = {}
    claimed_bytes = 0
    for entry_at in range(first_at, first_at + count * (head_bytes + inline_bytes), head_bytes + inline_bytes):
        tag, kind, values = struct.unpack_from(order + entry_form, data, entry_at)
        value_bytes = values * _SIZES.get(kind, 0)
        value_at = entry_at + head_bytes
        if value_bytes > inline_bytes:
            (value_at,) = struct.unpack_from(order + offset_form, data, value_at)
            claimed_bytes += value_bytes
        if value_bytes and tag not in entries:
            entries[tag] = _Entry(kind, values, value_at)
    _check_claims(data, claimed_bytes, entries)
    (next_at,) = struct.unpack_from(order + offset_form, data, first_at + count * (head_bytes + inline_bytes))
    return _Directory(data, order, entries), next_at, at


def _check_claims(data: bytes, claimed_bytes: int, entries: dict[int, _Entry]) -> None:
    """Refuse tags that, taken together, hold more than the file: each is read into memory, so overlap multiplies."""
    longest = max((entry.at + entry.count * _SIZES[entry.kind] for entry in entries.values()), default=0)
    if claimed_bytes > len(data) or longest > len(data):
        raise ImageUnreadable("The TIFF's tags announce more than the file holds.")


def _check_pages(data: bytes, next_at: int, at: int) -> None:
    if next_at == at or next_at >= len(data):
        raise ImageUnreadable("The TIFF's directories lead back to themselves or out of the file.")
    if next_at:
        raise ImageTooManyFrames("The TIFF has more than one page.")


def _check_chunks(directory: _Directory, pixels: int) -> None:
    """Refuse numbers of strips, and sizes of tiles, that no picture of this size has."""
    if max(directory.count(_STRIP_OFFSETS), directory.count(_TILE_OFFSETS)) > MAX_CHUNKS:
        raise ImageUnreadable(f"The TIFF is cut into more than {MAX_CHUNKS} pieces.")
    tile_px = directory.number(_TILE_WIDTH, 0) * directory.number(_TILE_HEIGHT, 0)
    if tile_px > 4 * pixels + _TILE_SLACK_PX:
        raise ImageUnreadable("The TIFF's tiles are far larger than its picture.")
