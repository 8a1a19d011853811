"""Small files that make a careless decoder spend gigabytes or minutes, each made from its format's rules alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIDE_PX = 13_000  # 169 Mpx: just under what Pillow refuses on its own

EOB14 = 0xE0  # "the next 16384..32767 blocks have no more coefficients in this band"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width_px: int, height_px: int, *, packed: bytes, extra: bytes = b"", depth: int = 1, colour: int = 0) -> bytes:
    """Return a PNG with the given packed rows and, before them, the given chunks."""
    head = struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + extra + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    )


def zeros_packed(count: int) -> bytes:
    """Return that many zero bytes, deflated."""
    packer = zlib.compressobj(1)
    piece = bytes(1 << 20)
    parts = [packer.compress(piece[: min(len(piece), count - done)]) for done in range(0, count, len(piece))]
    return b"".join(parts) + packer.flush()


def black_png(side_px: int) -> bytes:
    """Return a true, complete one-bit PNG of that size."""
    return png(side_px, side_px, packed=zeros_packed(side_px * (1 + (side_px + 7) // 8)))


def text_bomb_png(kind: bytes, *, count: int, unpacked_bytes: int) -> bytes:
    """Return a 1 x 1 PNG whose text or profile chunks unpack to that many bytes each."""
    packed = zeros_packed(unpacked_bytes)
    body = {
        b"zTXt": b"k\x00\x00" + packed,
        b"iCCP": b"k\x00\x00" + packed,
        b"iTXt": b"k\x00\x01\x00\x00\x00" + packed,
    }[kind]
    return png(1, 1, packed=zlib.compress(b"\x00\x00"), extra=png_chunk(kind, body) * count)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """Return one JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg_head(width_px: int, height_px: int, *, frame: int, between: bytes = b"") -> bytes:
    """Return a grey JPEG up to its first scan; both Huffman tables have the one code 0."""
    one_code = bytes([1] + [0] * 15)
    return (
        b"\xff\xd8"
        + between
        + jpeg_segment(0xDB, b"\x00" + bytes([1] * 64))
        + jpeg_segment(frame, struct.pack(">BHHB", 8, height_px, width_px, 1) + b"\x01\x11\x00")
        + jpeg_segment(0xC4, b"\x00" + one_code + b"\x00")
        + jpeg_segment(0xC4, b"\x10" + one_code + (bytes([EOB14]) if frame == 0xC2 else b"\x00"))
    )


def tiny_jpeg(width_px: int, height_px: int, *, between: bytes = b"") -> bytes:
    """Return a baseline JPEG that holds one block, whatever it announces."""
    scan = jpeg_segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x3f"
    return jpeg_head(width_px, height_px, frame=0xC0, between=between) + scan + b"\xff\xd9"


def many_scan_jpeg(side_px: int, scans: int) -> bytes:
    """Return a progressive JPEG with that many scans that change nothing, each a pass over the whole picture."""
    blocks = (side_px // 8) ** 2
    first = jpeg_segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes((blocks + 7) // 8)
    bits = ""
    while blocks > 0:
        run = max(1 << 14, min(blocks, (1 << 15) - 1))
        bits += "0" + format(run - (1 << 14), "014b")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    runs = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")
    scan = jpeg_segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + runs
    return jpeg_head(side_px, side_px, frame=0xC2) + first + scan * scans + b"\xff\xd9"


def gif(width_px: int, height_px: int, *, extensions: bytes = b"", frames: int = 1) -> bytes:
    """Return a GIF with a large screen and frames of one pixel."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    screen = b"GIF89a" + struct.pack("<HHBBB", width_px, height_px, 0x80, 0, 0) + b"\x00\x00\x00\xff\x00\x00"
    return screen + extensions + frame * frames + b"\x3b"


def bmp(width_px: int, height_px: int, *, bits: int = 8, packing: int = 0, body: bytes = b"") -> bytes:
    """Return a BMP with a grey palette of two and the given body."""
    head = struct.pack("<IiiHHIIiiII", 40, width_px, height_px, 1, bits, packing, len(body), 1, 1, 2, 2)
    start = 14 + len(head) + 8
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + bytes(4) + b"\xff" * 4 + body


def tiff(tags: list[tuple[int, int, int, int]], *, body: bytes = b"", next_at: int = 0) -> bytes:
    """Return a little-endian TIFF: tags as (number, type, count, value or offset), the body from byte 8 on."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (
        b"II*\x00"
        + struct.pack("<I", 8 + len(body))
        + body
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", next_at)
    )


def tiff_tags(width_px: int, height_px: int, body_bytes: int, *, packing: int = 1) -> list[tuple[int, int, int, int]]:
    """Return the tags of a one-bit, one-strip TIFF whose strip starts at byte 8."""
    return [
        (256, 4, 1, width_px),
        (257, 4, 1, height_px),
        (258, 3, 1, 1),
        (259, 3, 1, packing),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height_px),
        (279, 4, 1, body_bytes),
    ]


def black_tiff(side_px: int) -> bytes:
    """Return a true one-bit TIFF of that size, PackBits: two bytes for 128."""
    row_bytes = (side_px + 7) // 8
    row = b"\x81\x00" * (row_bytes // 128) + (bytes((257 - row_bytes % 128, 0)) if row_bytes % 128 > 1 else b"")
    row += b"\x00\x00" if row_bytes % 128 == 1 else b""
    body = row * side_px
    return tiff(tiff_tags(side_px, side_px, len(body), packing=32773), body=body)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP of the given chunks."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) & 1) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def lossless_head(width_px: int, height_px: int) -> bytes:
    """Return the first bytes of a lossless WebP picture."""
    return b"\x2f" + struct.pack("<I", (width_px - 1) | (height_px - 1) << 14) + bytes(16)


def canvas(width_px: int, height_px: int, flags: int = 0) -> tuple[bytes, bytes]:
    """Return the VP8X chunk of an extended WebP."""
    return b"VP8X", bytes((flags, 0, 0, 0)) + struct.pack("<I", width_px - 1)[:3] + struct.pack("<I", height_px - 1)[:3]


def explosive() -> Iterator[tuple[str, bytes]]:
    """Yield the bombs that go off in a plain ``Image.open(...).load()``: over 64 MB or over half a second each."""
    yield "png-169-megapixels", black_png(SIDE_PX)
    yield "png-million-empty-chunks", png(1, 1, packed=b"", extra=png_chunk(b"abCd", b"") * 1_000_000)
    yield "jpeg-3000-scans", many_scan_jpeg(4096, 3000)
    yield "jpeg-169-megapixels-in-200-bytes", tiny_jpeg(SIDE_PX, SIDE_PX)
    yield "jpeg-million-comments", tiny_jpeg(8, 8, between=jpeg_segment(0xFE, b"") * 1_000_000)
    yield "gif-millions-of-empty-blocks", gif(1, 1, extensions=b"\x21\xfe\x00" * 4_000_000)
    yield "bmp-run-length-line-ends", bmp(SIDE_PX, SIDE_PX, packing=1, body=b"\x01\x00\x00\x00" * SIDE_PX)
    yield "tiff-169-megapixels", black_tiff(SIDE_PX)


def defused() -> Iterator[tuple[str, bytes]]:
    """Yield bombs that some decoder somewhere fell for, and that the decoder of today may already refuse."""
    yield "png-65535-squared", png(65_535, 65_535, packed=zlib.compress(bytes(100)))
    yield "png-longest-side", png(1, 2**31 - 1, packed=zlib.compress(bytes(100)))
    yield "png-49-megapixels-in-80-bytes", png(7_000, 7_000, packed=zlib.compress(bytes(100)), depth=16, colour=6)
    yield "png-rows-unpack-to-100-megabytes", png(8, 8, packed=zeros_packed(100_000_000))
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        name = kind.decode().lower()
        yield f"png-{name}-100-megabytes", text_bomb_png(kind, count=1, unpacked_bytes=100_000_000)
        yield f"png-{name}-60-times-a-megabyte", text_bomb_png(kind, count=60, unpacked_bytes=1_000_000)
    frames = png_chunk(b"acTL", struct.pack(">II", 100_000, 0))
    yield "png-animation", png(1, 1, packed=zlib.compress(b"\x00\x00"), extra=frames)
    yield "jpeg-101-scans", many_scan_jpeg(64, 100)
    yield "jpeg-largest-sides", tiny_jpeg(65_500, 65_500)
    yield (
        "jpeg-progressive-49-megapixels-in-200-bytes",
        many_scan_jpeg(8, 1).replace(struct.pack(">HH", 8, 8), struct.pack(">HH", 7_000, 7_000), 1),
    )
    yield "jpeg-megabytes-of-fill", tiny_jpeg(8, 8, between=b"\xff" * 4_000_000)
    yield (
        "jpeg-table-between-every-scan",
        jpeg_head(8, 8, frame=0xC2)
        + (jpeg_segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + jpeg_segment(0xC4, b"") * 500) * 101,
    )
    yield from _defused_gifs_and_webps()
    yield from _defused_tiffs()
    yield from _defused_bmps()


def _defused_gifs_and_webps() -> Iterator[tuple[str, bytes]]:
    yield "gif-170-megapixels-in-40-bytes", gif(65_535, 2_600)
    yield "gif-10000-frames", gif(1, 1, frames=10_000)
    yield "gif-megabytes-of-comments", gif(1, 1, extensions=b"\x21\xfe" + (b"\xff" + bytes(255)) * 8_000 + b"\x00")
    yield "webp-largest-lossless", webp((b"VP8L", lossless_head(16_383, 16_383)))
    yield "webp-largest-lossy", webp((b"VP8 ", b"\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(16)))
    yield "webp-largest-canvas", webp(canvas(1 << 24, 1 << 24), (b"VP8L", lossless_head(1, 1)))
    yield "webp-canvas-lies", webp(canvas(7_000, 7_000), (b"VP8L", lossless_head(1, 1)))
    yield "webp-picture-lies", webp(canvas(1, 1), (b"VP8L", lossless_head(16_383, 16_383)))
    yield "webp-49-megapixels-in-50-bytes", webp((b"VP8L", lossless_head(7_000, 7_000)))
    frame = (b"ANMF", bytes(16) + b"VP8L" + struct.pack("<I", 21) + lossless_head(1, 1) + b"\x00")
    yield "webp-5000-frames", webp(canvas(1, 1, 2), (b"ANIM", bytes(6)), *[frame] * 5_000)
    yield "webp-million-empty-chunks", webp(canvas(1, 1)) + b"ABCD\x00\x00\x00\x00" * 1_000_000


def _defused_bmps() -> Iterator[tuple[str, bytes]]:
    yield "bmp-run-length-169-megapixels", bmp(SIDE_PX, SIDE_PX, packing=1, body=b"\x00\x01")
    yield "bmp-header-lies", bmp(7_000, 7_000, bits=32)
    yield "bmp-negative-height", bmp(7_000, -(2**31), bits=32)
    yield "bmp-negative-width", bmp(-7_000, 7_000)
    yield "bmp-run-length-megabytes", bmp(4_000, 4_000, packing=1, body=b"\x01\x00" * 2_000_000)
    yield "bmp-wraps-a-jpeg", bmp(8, 8, packing=4, body=tiny_jpeg(65_500, 65_500))


def _defused_tiffs() -> Iterator[tuple[str, bytes]]:
    one = tiff_tags(8, 8, 8)
    yield "tiff-directory-loop", tiff(one, body=bytes(8), next_at=16)
    second = struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 8)
    yield (
        "tiff-two-pages",
        tiff(one, body=bytes(8), next_at=16 + 2 + 12 * len(one) + 4) + second + struct.pack("<I", 16),
    )
    yield "tiff-next-page-outside", tiff(one, body=bytes(8), next_at=2**31)
    yield (
        "tiff-overlapping-tags",
        tiff([*one, *((number, 7, 4_000_000, 0) for number in range(40_000, 42_000))]) + bytes(4_000_000),
    )
    yield "tiff-65245-tags", tiff([*one, *((number, 3, 1, 0) for number in range(300, 65_536))])
    yield "tiff-billions-of-values", tiff([*one[:5], (273, 4, 2**32 - 1, 8), *one[6:]])
    yield "tiff-million-strips", tiff([*one[:5], (273, 4, 1_000_000, 8), *one[6:]], body=bytes(4_000_000))
    tiles = [(322, 4, 1, 1 << 30), (323, 4, 1, 1 << 30), (324, 4, 1, 8), (325, 4, 1, 8)]
    yield "tiff-gigapixel-tile", tiff([*one[:5], *tiles], body=bytes(8))
    yield "tiff-49-megapixels-in-200-bytes", tiff(tiff_tags(7_000, 7_000, 8), body=bytes(8))
    yield "tiff-packed-49-megapixels-in-200-bytes", tiff(tiff_tags(7_000, 7_000, 8, packing=5), body=bytes(8))
    yield "tiff-65535-channels", tiff([*one[:6], (277, 3, 1, 65_535), *one[7:]], body=bytes(8))
    yield "tiff-directory-outside", b"II*\x00\xff\xff\xff\x7f"
    yield "bigtiff-directory-far-outside", b"II+\x00\x08\x00\x00\x00" + b"\xff" * 8
