"""Small pictures for the tests of the images feature, written by Pillow or byte by byte."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIZE = (37, 53)


def noise(channels: int = 3) -> Image.Image:
    """Return a 53 x 37 picture of noise."""
    shape = SIZE if channels == 1 else (*SIZE, channels)
    return Image.fromarray(np.random.default_rng(channels).integers(0, 256, shape, np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the picture as a file."""
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def by_pillow(data: bytes, mode: str = "RGB") -> np.ndarray:
    """Return what Pillow alone makes of a file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(samples: np.ndarray, *, depth: int, colour: int, extra: bytes = b"") -> bytes:
    """Return a PNG of big-endian samples, unfiltered."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\x00" + row.tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + extra + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff_of(samples: np.ndarray, *, order: str = "<", sample_format: int = 1, photometric: int = 1) -> bytes:
    """Return an uncompressed one-strip TIFF of grey samples of the given byte order."""
    height, width = samples.shape
    body = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    tags = [
        *((256, width), (257, height), (258, 8 * samples.dtype.itemsize), (259, 1), (262, photometric), (273, 8)),
        *((277, 1), (278, height), (279, len(body)), (339, sample_format)),
    ]
    entries = b"".join(struct.pack(f"{order}HHII", number, 4, 1, value) for number, value in tags)
    magic = b"II*\x00" if order == "<" else b"MM\x00*"
    start = struct.pack(f"{order}I", 8 + len(body))
    return magic + start + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
