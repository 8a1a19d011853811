"""Colours for labels that people with any colour vision can tell apart, and what stands out against them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

BLACK: Rgb = (16, 16, 16)
WHITE: Rgb = (255, 255, 255)

# Okabe and Ito, "Color Universal Design", 2008: their eight colours but for black.
_SEVEN: tuple[Rgb, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


@dataclass(frozen=True, slots=True)
class Paint:
    """A label's colour, and the one of black and white that text on it is easier to read in."""

    fill: Rgb
    contrast: Rgb


def paints_for(labels: Iterable[str]) -> dict[str, Paint]:
    """Give each label a colour.

    A label's own text decides, so that it has the same colour in every picture; only where two labels of one picture
    want the same colour does the later in the alphabet take the next free one. From the eighth label on colours repeat.

    Args:
        labels: The labels of one picture, in any order, repeated or not.

    Returns:
        A paint per label, the same for the same set of labels.
    """
    taken: set[int] = set()
    paints: dict[str, Paint] = {}
    for label in sorted(set(labels)):
        wanted = zlib.crc32(label.encode()) % len(_SEVEN)
        turns = ((wanted + step) % len(_SEVEN) for step in range(len(_SEVEN)))
        index = next((turn for turn in turns if turn not in taken), wanted)
        taken.add(index)
        paints[label] = Paint(_SEVEN[index], contrast_to(_SEVEN[index]))
    return paints


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
