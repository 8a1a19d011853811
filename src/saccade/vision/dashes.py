"""Broken lines: where along a line its dashes lie, fitted so that a pattern begins and ends well."""

from __future__ import annotations

from collections.abc import Iterator

from saccade.vision.palette import Stroke

#: Thinner lines have dashes as if they were so wide, or nobody could tell them from dots.
MIN_UNIT_PX = 1.5


def open_pattern(stroke: Stroke, length_px: float, *, line_px: float) -> tuple[float, ...]:
    """Return lengths of dash and gap by turns, fitted so that a line of this length begins and ends with a dash.

    Args:
        stroke: Which pattern.
        length_px: Of the line.
        line_px: Its width.

    Returns:
        Dash and gap by turns, in px; nothing for a whole line, and for one too short to be broken.
    """
    pattern, unit_px = stroke.pattern, max(MIN_UNIT_PX, line_px)
    if not pattern or length_px <= pattern[0] * unit_px:
        return ()
    repeats = max(1, round((length_px / unit_px - pattern[0]) / sum(pattern)))
    scale = length_px / (repeats * sum(pattern) + pattern[0])
    return tuple(part * scale for part in pattern)


def closed_pattern(stroke: Stroke, length_px: float, *, line_px: float) -> tuple[float, ...]:
    """Return lengths of dash and gap by turns, fitted so that a line of this length meets its own beginning.

    Args:
        stroke: Which pattern.
        length_px: Of the line.
        line_px: Its width.

    Returns:
        Dash and gap by turns, in px; nothing for a whole line, and for one that has no length.
    """
    pattern, unit_px = stroke.pattern, max(MIN_UNIT_PX, line_px)
    if not pattern or length_px <= 0:
        return ()
    repeats = max(1, round(length_px / unit_px / sum(pattern)))
    scale = length_px / (repeats * sum(pattern))
    return tuple(part * scale for part in pattern)


def dashes(pattern: tuple[float, ...], length_px: float) -> Iterator[tuple[float, float]]:
    """Yield where dashes begin and end along a line; one over the whole of it where there is no pattern."""
    if not pattern:
        yield 0.0, length_px
        return
    at_px = 0.0
    while at_px < length_px:
        for place, part_px in enumerate(pattern):
            if place % 2 == 0 and at_px < length_px:
                yield at_px, min(at_px + part_px, length_px)
            at_px += part_px
