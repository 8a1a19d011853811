"""A plan: the steps that turn an upright RGB picture into a graph's input, as plain data.

Every layout's own preprocessing file is translated into a plan when the package is read; ``run.py`` carries it out.
The order of the steps is the order of the work. Sizes are px, origin top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias


class Resample(IntEnum):
    """Pillow's filters, by Pillow's numbers."""

    NEAREST = 0
    LANCZOS = 1
    BILINEAR = 2
    BICUBIC = 3
    BOX = 4
    HAMMING = 5


class PadMode(StrEnum):
    """What fills the padding."""

    CONSTANT = "constant"
    EDGE = "edge"


class PadPlace(StrEnum):
    """Where the padding goes."""

    END = "end"
    CENTER = "center"


class CropRounding(StrEnum):
    """Which pixel a middle crop starts at when an odd number of pixels is to spare.

    ``FLOOR`` is transformers' rule: half the spare pixels rounded down; missing ones are padded, the larger half first.
    ``EVEN`` is torchvision's and timm's: half rounded to the nearest even; missing ones are padded, the smaller half
    first.
    """

    FLOOR = "floor"
    EVEN = "even"


class Bound(StrEnum):
    """How a picture that keeps its aspect ratio meets a size.

    ``INSIDE`` fits into it and ``COVER`` fills it, each side rounded to the nearest px (timm). ``INSIDE_FLOOR`` fits
    into it, each side truncated (transformers' ``max_height`` and ``max_width``).
    """

    INSIDE = "inside"
    INSIDE_FLOOR = "inside_floor"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class Resize:
    """Warp to exactly this size."""

    height_px: int
    width_px: int
    resample: Resample


@dataclass(frozen=True, slots=True)
class ResizeShortest:
    """Scale so that the short side has this length; truncate the long one; keep it under ``longest_px`` if given.

    With ``multiple``, both sides are then cut down to a multiple of it, as YOLOS wants them.
    """

    shortest_px: int
    resample: Resample
    longest_px: int | None = None
    multiple: int | None = None


@dataclass(frozen=True, slots=True)
class ResizeKeepRatio:
    """Scale, enlarging too, until the picture just fits into the size or just covers it."""

    height_px: int
    width_px: int
    resample: Resample
    bound: Bound = Bound.INSIDE


@dataclass(frozen=True, slots=True)
class Fit:
    """Scale so that the long side has this length, enlarging too; round the short one, at least 1."""

    long_side_px: int
    resample: Resample


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Scale to fit inside the size, then pad around the centre with one grey value (Ultralytics).

    With ``multiple``, the padding ends at the next multiple of it instead of at the full size ("rectangular" mode).
    """

    height_px: int
    width_px: int
    fill: int = 114
    resample: Resample = Resample.BILINEAR
    place: PadPlace = PadPlace.CENTER
    multiple: int | None = None


@dataclass(frozen=True, slots=True)
class CenterCrop:
    """Cut the middle; where the picture is smaller, pad with ``fill``, one value for each channel."""

    height_px: int
    width_px: int
    rounding: CropRounding = CropRounding.FLOOR
    fill: tuple[int, ...] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Rescale:
    """Multiply by ``factor`` in float64, cast to float32, then add ``offset``."""

    factor: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Normalize:
    """Subtract the mean and divide by the deviation of each channel, in float32."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FlipChannels:
    """RGB becomes BGR."""


@dataclass(frozen=True, slots=True)
class Pad:
    """Pad right and bottom up to a multiple, or to a fixed size."""

    multiple: int | None = None
    height_px: int | None = None
    width_px: int | None = None
    mode: PadMode = PadMode.CONSTANT


Step: TypeAlias = (
    Resize | ResizeShortest | ResizeKeepRatio | Fit | Letterbox | CenterCrop | Rescale | Normalize | FlipChannels | Pad
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, and whether the graph also wants a mask of what is picture and what is padding."""

    steps: tuple[Step, ...]
    pixel_mask: bool = False
