"""How large a picture becomes: the rounding rules of each ecosystem, as arithmetic on heights and widths.

Everything here is (height, width) in px. Rounding to nearest is Python's: a half goes to the even neighbour.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from saccade.models.preprocess.plan import Bound, Fit, Letterbox, PadPlace, ResizeKeepRatio, ResizeShortest

Size: TypeAlias = tuple[int, int]
#: Pixels to add (top, left, bottom, right).
Margins: TypeAlias = tuple[int, int, int, int]


def shortest_size(step: ResizeShortest, size: Size) -> Size:
    """Return the size at which the short side has ``shortest_px``.

    Where the long side would pass ``longest_px``, the short side is the rounded, the long side the truncated image of
    the same unrounded scale, so the long side may end up one px short of the limit (DETR).
    A picture whose short side already has its length is left alone, except with ``multiple``, where a tall one is
    scaled all the same (YOLOS).

    Args:
        step: The rule and its lengths, px.
        size: (height, width) of the picture, px.

    Returns:
        (height, width), px; a side may be 0 for a picture that is extremely narrow.
    """
    height, width = size
    short, long = min(size), max(size)
    exact: float = step.shortest_px
    if step.longest_px is not None and float(long) / float(short) * step.shortest_px > step.longest_px:
        exact = step.longest_px * float(short) / float(long)
    new_short = round(exact)
    tall = width < height
    if new_short == short and not (tall and step.multiple is not None):
        scaled = size
    else:
        new_long = int(exact * long / short)
        scaled = (new_long, new_short) if tall else (new_short, new_long)
    if step.multiple is None:
        return scaled
    return scaled[0] - scaled[0] % step.multiple, scaled[1] - scaled[1] % step.multiple


def keep_ratio_size(step: ResizeKeepRatio, size: Size) -> Size:
    """Return the size at which the picture just fits into the step's size or just covers it.

    Args:
        step: The bound and its size, px.
        size: (height, width) of the picture, px.

    Returns:
        (height, width), px; a side may be 0 for a picture that is extremely narrow.
    """
    height, width = size
    if step.bound is Bound.INSIDE_FLOOR:
        scale = min(step.height_px / height, step.width_px / width)
        return int(height * scale), int(width * scale)
    ratios = height / step.height_px, width / step.width_px
    ratio = max(ratios) if step.bound is Bound.INSIDE else min(ratios)
    return round(height / ratio), round(width / ratio)


def fit_size(step: Fit, size: Size) -> Size:
    """Return the size at which the long side has ``long_side_px`` and the short one its share, rounded, at least 1.

    Args:
        step: The long side, px.
        size: (height, width) of the picture, px.

    Returns:
        (height, width), px.
    """
    long = max(size)
    return max(1, round(size[0] * step.long_side_px / long)), max(1, round(size[1] * step.long_side_px / long))


def letterbox_size(step: Letterbox, size: Size) -> tuple[Size, Margins]:
    """Return the size of the picture inside a letterbox and the margins around it.

    Args:
        step: The box, px, and how it is padded.
        size: (height, width) of the picture, px.

    Returns:
        (height, width) of the scaled picture, px, and the (top, left, bottom, right) margins, px. An odd margin has
        its larger half at the bottom or right.
    """
    scale = min(step.height_px / size[0], step.width_px / size[1])
    inner = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    spare = step.height_px - inner[0], step.width_px - inner[1]
    if step.multiple is not None:
        spare = spare[0] % step.multiple, spare[1] % step.multiple
    if step.place is PadPlace.END:
        return inner, (0, 0, *spare)
    # A tenth either way decides halves: down for the leading margin, up for the trailing one.
    half = spare[0] / 2, spare[1] / 2
    leading = round(half[0] - 0.1), round(half[1] - 0.1)
    return inner, (*leading, round(half[0] + 0.1), round(half[1] + 0.1))


def crop_start_floor(have_px: int, want_px: int) -> int:
    """Return where a middle crop starts on one axis by transformers' rule; negative is that much leading padding."""
    if want_px <= have_px:
        return (have_px - want_px) // 2
    return -math.ceil((want_px - have_px) / 2)


def crop_start_even(have_px: int, want_px: int) -> int:
    """Return where a middle crop starts on one axis by torchvision's rule; negative is that much leading padding."""
    if want_px <= have_px:
        return round((have_px - want_px) / 2)
    return -((want_px - have_px) // 2)
