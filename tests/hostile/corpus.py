"""A reproducible corpus of over a thousand hostile files: mutants of valid pictures, bombs, polyglots, wrong types.

``hostile_files()`` yields the same files, byte for byte, on every run with the same decoder library.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hostile import bombs

SEED = 20_240_607
FLIPPED = 26
CUTS = 14


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file and what is wrong with it."""

    name: str
    data: bytes


def valid_files() -> Iterator[HostileFile]:
    """Yield small valid pictures in every format and the packings that matter."""
    pixels = np.random.default_rng(SEED).integers(0, 256, (18, 24, 4), np.uint8)
    pixels[6:12] = 128
    rgba = Image.fromarray(pixels)
    rgb, grey = rgba.convert("RGB"), rgba.convert("L")
    deep = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 16)
    exif = Image.Exif()
    exif[0x0112] = 6
    plan: list[tuple[str, Image.Image, str, dict[str, object]]] = [
        ("jpeg", rgb, "JPEG", {}),
        ("jpeg-progressive", rgb, "JPEG", {"progressive": True}),
        ("jpeg-grey", grey, "JPEG", {}),
        ("jpeg-cmyk", rgb.convert("CMYK"), "JPEG", {}),
        ("jpeg-exif", rgb, "JPEG", {"exif": exif}),
        ("png", rgb, "PNG", {}),
        ("png-alpha", rgba, "PNG", {"exif": exif}),
        ("png-palette", rgb.quantize(16), "PNG", {"transparency": 3}),
        ("png-deep", deep, "PNG", {}),
        ("png-bit", grey.convert("1"), "PNG", {}),
        ("webp", rgb, "WEBP", {}),
        ("webp-lossless", rgba, "WEBP", {"lossless": True, "exif": exif}),
        ("webp-alpha", rgba, "WEBP", {}),
        ("tiff", rgb, "TIFF", {}),
        ("tiff-deflate", rgb, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tiff-lzw", grey, "TIFF", {"compression": "tiff_lzw"}),
        ("tiff-deep", deep, "TIFF", {"exif": exif}),
        ("tiff-float", grey.convert("F"), "TIFF", {}),
        ("tiff-jpeg", rgb, "TIFF", {"compression": "jpeg"}),
        ("tiff-fax", grey.convert("1"), "TIFF", {"compression": "group4"}),
        ("bmp", rgb, "BMP", {}),
        ("bmp-palette", rgb.quantize(16), "BMP", {}),
        ("gif", rgb.quantize(16), "GIF", {}),
        ("gif-transparent", rgb.quantize(16), "GIF", {"transparency": 2, "interlace": 1}),
    ]
    for name, image, kind, options in plan:
        written = io.BytesIO()
        image.save(written, kind, **options)
        yield HostileFile(name, written.getvalue())


def hostile_files() -> Iterator[HostileFile]:
    """Yield the whole corpus."""
    for valid in valid_files():
        yield from mutants(valid)
    yield from bomb_files()
    yield from polyglots()
    yield from wrong_types()


def bomb_files() -> Iterator[HostileFile]:
    """Yield every bomb."""
    for name, data in (*bombs.explosive(), *bombs.defused()):
        yield HostileFile(f"bomb-{name}", data)


def mutants(valid: HostileFile) -> Iterator[HostileFile]:
    """Yield a picture cut short, with bits flipped, with lies in its head, and with pieces swapped, doubled or lost."""
    draw = random.Random(f"{SEED}{valid.name}")
    data = valid.data
    for cut in sorted({1, 2, 4, 8, 16, len(data) - 1, len(data) - 2, *draw.sample(range(3, len(data)), CUTS)}):
        yield HostileFile(f"{valid.name}-cut-{cut}", data[:cut])
    for number in range(FLIPPED):
        damaged = bytearray(data)
        # Half of them in the head, where sizes and counts stand.
        reach = min(len(data), 256) if number % 2 else len(data)
        for _ in range(1 + number // 4):
            damaged[draw.randrange(reach)] ^= 1 << draw.randrange(8)
        yield HostileFile(f"{valid.name}-flip-{number}", bytes(damaged))
    yield from _lies(valid, draw)
    yield from _shuffled(valid, draw)


def _lies(valid: HostileFile, draw: random.Random) -> Iterator[HostileFile]:
    """Write extreme numbers over every place in the head that holds the width or the height."""
    data = valid.data
    for side in (24, 18, 23, 17):
        for form in (">H", "<H", ">I", "<I"):
            at = data.find(struct.pack(form, side), 4, 400)
            if at < 0:
                continue
            extreme = draw.choice((0, 1, 0x7FFF, 0xFFFF) if form.endswith("H") else (0, 0x10000, 2**31 - 1, 2**32 - 1))
            size = struct.calcsize(form)
            lie = data[:at] + struct.pack(form, extreme) + data[at + size :]
            yield HostileFile(f"{valid.name}-lie-{side}-{form}-{extreme}", lie)


def _shuffled(valid: HostileFile, draw: random.Random) -> Iterator[HostileFile]:
    data = valid.data
    for number in range(6):
        first, second, third = sorted(draw.sample(range(8, len(data)), 3))
        yield HostileFile(f"{valid.name}-swap-{number}", data[:first] + data[second:third] + data[first:second])
        yield HostileFile(f"{valid.name}-lose-{number}", data[:first] + data[second:])
        yield HostileFile(f"{valid.name}-double-{number}", data[:second] + data[first:])
    yield HostileFile(f"{valid.name}-tail", data + draw.randbytes(2_000))
    yield HostileFile(f"{valid.name}-head", draw.randbytes(16) + data)


def polyglots() -> Iterator[HostileFile]:
    """Yield files that are a picture and something else at once."""
    pictures = {file.name: file.data for file in valid_files()}
    script = b"<html><script>alert(1)</script></html>"
    yield HostileFile("polyglot-jpeg-zip", pictures["jpeg"] + _zip())
    yield HostileFile("polyglot-jpeg-html", pictures["jpeg"] + script)
    comment = bombs.jpeg_segment(0xFE, script)
    yield HostileFile("polyglot-jpeg-html-inside", pictures["jpeg"][:2] + comment + pictures["jpeg"][2:])
    yield HostileFile("polyglot-png-html", pictures["png"] + script)
    yield HostileFile(
        "polyglot-png-php", pictures["png"][:33] + bombs.png_chunk(b"tEXt", b"a\x00<?php") + pictures["png"][33:]
    )
    yield HostileFile("polyglot-gif-js", b"GIF89a=1;/*" + pictures["gif"][11:] + b"*/alert(1)")
    yield HostileFile("polyglot-bmp-js", b"BM=1;/*" + pictures["bmp"][7:] + b"*/alert(1)")
    yield HostileFile("polyglot-gif-twice", pictures["gif"] + pictures["gif"])
    yield HostileFile("polyglot-jpeg-twice", pictures["jpeg"] + pictures["jpeg"])
    yield HostileFile("polyglot-tiff-pdf", pictures["tiff"] + b"%PDF-1.7\n%%EOF")
    yield HostileFile("polyglot-webp-zip", pictures["webp"] + _zip())
    yield HostileFile("polyglot-zip-jpeg", _zip() + pictures["jpeg"])
    yield HostileFile("polyglot-html-png", script + pictures["png"])


def wrong_types() -> Iterator[HostileFile]:
    """Yield what is no picture that is served, under any name."""
    yield HostileFile("empty", b"")
    yield HostileFile("one-byte", b"\xff")
    yield HostileFile("zeros", bytes(10_000))
    yield HostileFile("text", b"The quick brown fox jumps over the lazy dog.\n" * 20)
    yield HostileFile("text-bm", b"BMW builds cars; this is no bitmap. " * 20)
    yield HostileFile("json", b'{"image_base64": "AAAA"}')
    yield HostileFile("html", b"<!doctype html><title>x</title>")
    yield HostileFile("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')
    yield HostileFile("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    yield HostileFile("pdf", b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF")
    yield HostileFile("zip", _zip())
    yield HostileFile("gzip", b"\x1f\x8b\x08\x00" + bytes(6) + zlib.compress(bytes(100_000))[2:])
    yield HostileFile(
        "pickle", b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."
    )
    yield HostileFile("elf", b"\x7fELF\x02\x01\x01" + bytes(57))
    yield from _other_pictures()
    yield from _random_bytes()


def _other_pictures() -> Iterator[HostileFile]:
    yield HostileFile("jpeg2000", b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40))
    yield HostileFile("jpeg2000-stream", b"\xff\x4f\xff\x51" + bytes(40))
    yield HostileFile("avif", b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf" + bytes(40))
    yield HostileFile("heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40))
    yield HostileFile("jpeg-xl", b"\xff\x0a" + bytes(40))
    yield HostileFile("ico", b"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00" + bytes(60))
    yield HostileFile("psd", b"8BPS\x00\x01" + bytes(6) + b"\x00\x03" + b"\x7f\xff\xff\xff" * 2 + b"\x00\x08\x00\x03")
    yield HostileFile(
        "fits", b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(2800)
    )
    yield HostileFile("pcx", b"\x0a\x05\x01\x08" + bytes(124))
    yield HostileFile("ppm", b"P6\n65535 65535\n255\n")
    yield HostileFile("tga", bytes(2) + b"\x02" + bytes(9) + b"\xff\xff\xff\xff\x18\x20")
    yield HostileFile("wave", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28))
    yield HostileFile("mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(40))


def _random_bytes() -> Iterator[HostileFile]:
    draw = random.Random(SEED)
    for number in range(20):
        yield HostileFile(f"random-{number}", draw.randbytes(draw.randrange(1, 20_000)))
    magics = (
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"II*\x00",
        b"MM\x00*",
        b"RIFF\x00\x10\x00\x00WEBP",
    )
    for magic in magics:
        name = magic[:4].hex()
        yield HostileFile(f"magic-alone-{name}", magic)
        for number in range(10):
            yield HostileFile(f"magic-random-{name}-{number}", magic + draw.randbytes(draw.randrange(1, 4_000)))


def _zip() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), b"a")
    return written.getvalue()
