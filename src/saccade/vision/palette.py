"""Colours for labels that people with any colour vision can tell apart, and what stands out against them.

A label's text alone decides its colour, so that it is the same in every picture, run and process. There are seven
colours and many labels: where two labels of one picture share a colour, the line tells them apart, for the second is
drawn dashed, the third dotted. More colours would be told apart by some people only.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

BLACK: Rgb = (16, 16, 16)
WHITE: Rgb = (255, 255, 255)

# Okabe and Ito, "Color Universal Design", 2008: their eight colours but for black.
COLORS: tuple[Rgb, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


class Stroke(Enum):
    """How a line is drawn."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    DASH_DOT = "dash-dot"

    @property
    def pattern(self) -> tuple[float, ...]:
        """Lengths of colour and of gap by turns, in widths of the line; nothing for a whole line."""
        return _PATTERNS[self]


# Not the members' values: an empty tuple as a value is lost by the Enum of Python 3.11.2.
_PATTERNS = {
    Stroke.SOLID: (),
    Stroke.DASHED: (5.0, 3.0),
    Stroke.DOTTED: (1.5, 1.5),
    Stroke.DASH_DOT: (7.0, 2.0, 1.5, 2.0),
}


@dataclass(frozen=True, slots=True)
class Paint:
    """How a label is drawn.

    Attributes:
        fill: Its colour.
        contrast: The one of black and white that text on the colour is easier to read in; also shows in gaps.
        stroke: How its lines are drawn.
    """

    fill: Rgb
    contrast: Rgb
    stroke: Stroke = Stroke.SOLID


def paints_for(labels: Iterable[str]) -> dict[str, Paint]:
    """Give each label a colour, and a stroke that tells it from labels of the same colour.

    The colour depends on the label's text and on nothing else. The stroke depends on the other labels of the picture
    too: of those with one colour the first in the alphabet has whole lines. Colour and stroke are distinct up to four
    labels of one colour; of more than that, only the text tells.

    Args:
        labels: The labels of one picture, in any order, repeated or not.

    Returns:
        A paint per label, the same for the same set of labels.
    """
    strokes = tuple(Stroke)
    met: defaultdict[Rgb, int] = defaultdict(int)
    paints: dict[str, Paint] = {}
    for label in sorted(set(labels)):
        color = color_of(label)
        paints[label] = Paint(color, contrast_to(color), strokes[met[color] % len(strokes)])
        met[color] += 1
    return paints


def color_of(label: str) -> Rgb:
    """Return the colour of a label: the same in every picture, run and process."""
    # A label may hold halves of surrogate pairs, which UTF-8 does not know.
    return COLORS[zlib.crc32(label.encode(errors="surrogatepass")) % len(COLORS)]


def contrast_to(color: Rgb) -> Rgb:
    """Return black or white, whichever is easier to read on a colour."""
    return max((BLACK, WHITE), key=lambda text: contrast_ratio(text, color))


def contrast_ratio(first: Rgb, second: Rgb) -> float:
    """Return how well two colours can be told apart by lightness alone: 1 (not at all) to 21 (black on white).

    Source:
        WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    # sRGB's curve is straight near black.
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
