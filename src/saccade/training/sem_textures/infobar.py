"""The strip of text below a micrograph: voltage, magnification, working distance, scale bar."""

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from saccade.training.sem_textures.draws import between, chance, log_between, pick, whole

_DETECTORS = ("SE2", "InLens", "ETD", "TLD", "SEI", "LEI", "SE(M)", "BSE", "MIX")
_SCALES = ("100 nm", "200 nm", "500 nm", "1 um", "2 um", "5 um", "10 um", "20 um", "50 um", "100 um", "200 um")
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def with_info_bar(image: NDArray[np.uint8], *, rng: Generator) -> NDArray[np.uint8]:
    """Return the picture with a strip of instrument text over its lower edge.

    Three manners occur: a ruled strip of cells, a light or dark strip with two lines of
    text, and white text with a row of ticks straight on the picture.

    Args:
        image: (H, W) uint8, grey.
        rng: The picture's own generator.
    """
    sheet = Image.fromarray(image)
    manner = whole(rng, 0, 2)
    if manner == 0:
        _ruled_strip(sheet, rng=rng)
    elif manner == 1:
        _two_lines(sheet, rng=rng)
    else:
        _text_on_picture(sheet, rng=rng)
    return np.asarray(sheet, dtype=np.uint8)


@cache
def _font(size_px: int) -> _Font:
    """Return Pillow's own font at a size, which is the same on every machine."""
    return ImageFont.load_default(size_px)


def _facts(rng: Generator) -> list[str]:
    """Return the readings in a random order: voltage, magnification, distance, detector, date."""
    voltage = pick(rng, (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0))
    magnification = log_between(rng, 50, 300_000)
    shown = f"{magnification / 1000:.2f} K X" if chance(rng, 0.5) else f"{magnification:,.0f} x"
    facts = [
        f"{pick(rng, ('HV', 'EHT'))} {pick(rng, ('', '= '))}{voltage:.2f} kV",
        f"{pick(rng, ('mag', 'Mag'))} {pick(rng, ('', '= '))}{shown}",
        f"WD {pick(rng, ('', '= '))}{between(rng, 1.5, 15.0):.1f} mm",
        f"{pick(rng, ('det', 'Signal A ='))} {pick(rng, _DETECTORS)}",
        f"{whole(rng, 1, 28)}.{whole(rng, 1, 12)}.20{whole(rng, 8, 24):02d}",
    ]
    order = rng.permutation(len(facts))
    return [facts[int(index)] for index in order[: whole(rng, 3, 5)]]


def _scale_bar(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], *, ink: int, rng: Generator) -> None:
    """Draw a bar with end ticks and its length inside ``box`` (left, top, right, bottom in px)."""
    left, top, right, bottom = box
    length = (right - left) * between(rng, 0.35, 0.9)
    line = top + (bottom - top) * 0.75
    start = left + (right - left - length) / 2.0
    draw.line((start, line, start + length, line), fill=ink, width=max(round((bottom - top) / 14), 1))
    for end in (start, start + length):
        draw.line((end, line - (bottom - top) * 0.15, end, line + (bottom - top) * 0.15), fill=ink, width=1)
    size = max(round((bottom - top) * 0.45), 6)
    draw.text((start + length / 4, top), pick(rng, _SCALES), fill=ink, font=_font(size))


def _ruled_strip(sheet: Image.Image, *, rng: Generator) -> None:
    """Draw a dark strip with a reading per cell, its name above its value."""
    width, height = sheet.size
    tall = round(height * between(rng, 0.05, 0.085))
    draw = ImageDraw.Draw(sheet)
    top = height - tall
    paper, ink = (0, 255) if chance(rng, 0.8) else (235, 10)
    draw.rectangle((0, top, width, height), fill=paper)
    facts = _facts(rng)
    share = width * between(rng, 0.6, 0.75)
    font = _font(max(round(tall * 0.36), 6))
    for index, fact in enumerate(facts):
        left = share * index / len(facts)
        name, _, value = fact.partition(" ")
        draw.text((left + 3, top + 1), name, fill=ink, font=font)
        draw.text((left + 3, top + tall * 0.48), value, fill=ink, font=font)
        draw.line((left + share / len(facts), top, left + share / len(facts), height), fill=ink, width=1)
    _scale_bar(draw, (share + 4, top + 1, width - 4, height - 1), ink=ink, rng=rng)
    draw.line((0, top, width, top), fill=ink, width=1)


def _two_lines(sheet: Image.Image, *, rng: Generator) -> None:
    """Draw a plain strip: a scale bar at one end, two lines of readings beside it."""
    width, height = sheet.size
    tall = round(height * between(rng, 0.06, 0.125))
    top = height - tall
    draw = ImageDraw.Draw(sheet)
    paper, ink = pick(rng, ((255, 0), (225, 20), (0, 255), (0, 255), (30, 240)))
    inset = round(width * between(rng, 0.0, 0.04)) if chance(rng, 0.25) else 0
    draw.rectangle((inset, top - inset // 2, width - inset, height - inset // 2), fill=paper)
    top -= inset // 2
    _scale_bar(draw, (inset + 3, top + 1, width * 0.25, top + tall - 1), ink=ink, rng=rng)
    font = _font(max(round(tall * between(rng, 0.27, 0.36)), 6))
    for index, fact in enumerate(_facts(rng)):
        left = width * 0.28 + (index // 2) * (width - inset) * 0.24
        draw.text((left, top + tall * (0.06 if index % 2 == 0 else 0.5)), fact, fill=ink, font=font)


def _text_on_picture(sheet: Image.Image, *, rng: Generator) -> None:
    """Draw one line of white text and a row of ticks straight on the picture or on a black ground."""
    width, height = sheet.size
    size = max(round(height * between(rng, 0.028, 0.042)), 6)
    draw = ImageDraw.Draw(sheet)
    top = height - round(size * 1.5)
    if chance(rng, 0.5):
        draw.rectangle((0, top - 2, width, height), fill=0)
    draw.text((4, top), "  ".join(_facts(rng)[:3]), fill=255, font=_font(size))
    left = width * between(rng, 0.7, 0.8)
    for tick in range(11):
        place = left + (width * 0.95 - left) * tick / 10
        tall = size * (0.9 if tick % 5 == 0 else 0.5)
        draw.line((place, top, place, top + tall * 0.6), fill=255, width=1)
    draw.text(
        (left + (width - left) * 0.2, top + size * 0.5), pick(rng, _SCALES), fill=255, font=_font(max(size * 3 // 4, 6))
    )
