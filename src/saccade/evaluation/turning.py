"""Boxes of a picture as it is stored, brought to the picture as it is seen: the same turn that EXIF asks for."""

from __future__ import annotations

from saccade.models.prediction import Box

#: From here on EXIF's orientations exchange width and height.
_ACROSS = 5


def upright_size(width_px: int, height_px: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the upright picture.

    Args:
        width_px: As stored.
        height_px: As stored.
        orientation: EXIF's 1..8.
    """
    return (height_px, width_px) if orientation >= _ACROSS else (width_px, height_px)


def upright_box(box: Box, *, width_px: int, height_px: int, orientation: int) -> Box:
    """Return where a box lies after the picture was turned upright.

    Args:
        box: In px of the picture as stored, origin top left.
        width_px: Of the picture as stored.
        height_px: The same.
        orientation: EXIF's 1..8; anything else means 1.

    Returns:
        The same place in px of the upright picture.
    """
    x, y = (box.x_min, box.x_max), (box.y_min, box.y_max)
    from_right, from_bottom = (
        (width_px - box.x_max, width_px - box.x_min),
        (height_px - box.y_max, height_px - box.y_min),
    )
    across, down = {
        2: (from_right, y),
        3: (from_right, from_bottom),
        4: (x, from_bottom),
        5: (y, x),
        6: (from_bottom, x),
        7: (from_bottom, from_right),
        8: (y, from_right),
    }.get(orientation, (x, y))
    return Box(across[0], down[0], across[1], down[1])
