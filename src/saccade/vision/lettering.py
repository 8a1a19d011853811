"""Text on pictures: which font draws it, how wide it is, how it is cut short, and what of a label can be shown at all.

Pillow carries one font, which has ASCII and little else, so that English labels look the same on every machine. Other
scripts are drawn with the font of the machine that has most of their letters; of letters that it lacks, Latin ones lose
their accents and others become question marks. An SVG picture has the text itself.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageFont

MIN_FONT_PX = 10
#: Fonts with many scripts, as Linux, macOS and Windows name their files; the first that has all letters is taken.
_MACHINE_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "Arial Unicode.ttf",
    "arial.ttf",
    "msyh.ttc",
)


@dataclass(frozen=True, slots=True)
class Lettering:
    """Text of one size.

    Attributes:
        font_px: Size of the font.
        ascent_px: From the top of a line down to its baseline.
        line_px: Height of a line.
        padding_px: What is left free around text.
    """

    font_px: int
    ascent_px: int
    line_px: int
    padding_px: int

    @classmethod
    def of_size(cls, font_px: int) -> Lettering:
        """Return text of a size in px, but never smaller than can be read."""
        size_px = max(MIN_FONT_PX, font_px)
        ascent_px, descent_px = _own_font(size_px).getmetrics()
        return cls(size_px, ascent_px, ascent_px + descent_px, max(2, round(size_px * 0.3)))

    def wide(self, text: str) -> int:
        """Return how wide a text is, in px."""
        font, drawn = drawable(text, self.font_px)
        return math.ceil(font.getlength(drawn))

    def shortened(self, text: str, room_px: int) -> str:
        """Return a text, cut off from the end with an ellipsis where it is wider than that; one letter always stays."""
        if self.wide(text) <= room_px:
            return text
        fits, too_long = 1, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.wide(_cut(text, middle)) <= room_px:
                fits = middle
            else:
                too_long = middle
        return _cut(text, fits)


def shown(label: str) -> str:
    """Return what of a label can be shown: on one line, without what moves, hides or turns other text.

    Control characters, line breaks, directional overrides, halves of surrogate pairs and code points that are no
    characters become spaces, and spaces that follow each other one.
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in label).split())


def shown_score(score: float) -> str:
    """Return a score of 0..1 with two digits; a label that is listed with 0.00 looks like a mistake."""
    return "<0.01" if 0 < score < 0.005 else f"{score:.2f}"  # noqa: PLR2004  what rounds to 0.00


@lru_cache(maxsize=4096)
def drawable(text: str, font_px: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """Return a font, and the text as that font can draw it.

    Args:
        text: As it is shown.
        font_px: Size of the font.
    """
    own = _own_font(font_px)
    if text.replace("…", "").isascii():
        return own, text
    machine = (_machine_font(name, font_px) for name in _MACHINE_FONTS)
    fonts = [own, *(font for font in machine if font is not None)]
    lacked = [_lacked_by(font, text) for font in fonts]
    # The first of those that lack the least.
    best = min(range(len(fonts)), key=lambda place: len(lacked[place]))
    return fonts[best], "".join(_plainer(letter) if letter in lacked[best] else letter for letter in text)


def _plainer(letter: str) -> str:
    """Return a letter without its accents, or a question mark where it is not one of the Latin alphabet."""
    base = unicodedata.normalize("NFKD", letter)[:1]
    return base if base.isascii() else "?"


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip() + "…"


@lru_cache(maxsize=64)
def _own_font(font_px: int) -> ImageFont.FreeTypeFont:
    # Without FreeType, Pillow would fall back to a bitmap font of a fixed size.
    font = ImageFont.load_default(size=font_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101  Pillow's wheels always have FreeType
    return font


@lru_cache(maxsize=64)
def _machine_font(name: str, font_px: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size=font_px)
    except OSError:
        return None


def _lacked_by(font: ImageFont.FreeTypeFont, text: str) -> frozenset[str]:
    """Return the letters that a font does not have: it draws them as what stands for none."""
    nothing = bytes(font.getmask("\uffff"))
    return frozenset(letter for letter in set(text) if not letter.isspace() and bytes(font.getmask(letter)) == nothing)
