"""A picture on its way to becoming a tensor: pixels, the values they stand for, and where they came from.

Rescaling and normalising a uint8 picture are functions of 256 values per channel. They are worked out on a table of
those values, and the pixels are looked up once at the end: the result has the same bits as computing every pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import ImageShapeUnsupported
from saccade.models.geometry import Geometry
from saccade.models.preprocess.plan import PadMode, Resample
from saccade.models.preprocess.sizes import Margins, Size
from saccade.vision.arrays import FloatImage, PixelMask, RgbImage

#: The largest picture that a step may make. Enlarging a 1 x 60000 px strip to a short side of 224 px would need 9 GB.
MAX_RESIZED_PIXELS = 1 << 26

_LEVELS = 256
_CHANNELS = 3

Values: TypeAlias = NDArray[np.float32] | NDArray[np.uint8]
_Scalar = TypeVar("_Scalar", np.uint8, np.float32)
Pointwise: TypeAlias = Callable[[Values], NDArray[np.float32]]


@dataclass(slots=True)
class Canvas:
    """One picture in the making.

    Attributes:
        pixels: (H, W, 3) uint8, 0..255; what the picture looks like while it is still made of bytes.
        table: (3, 256) float32, the value that each byte stands for in each channel; None: the byte itself.
        values: (3, H, W) float32; takes over from ``pixels`` and ``table`` once the picture is no longer made of bytes.
        original: (height, width) of the picture at the start, px.
        scale: Input px per original px, (y, x).
        offset: Where the original's top left corner lies in the input, (y, x), px.
        shown: What is picture and not padding: first row, first column, row and column after the last, px.
    """

    pixels: RgbImage
    table: NDArray[np.float32] | None
    values: NDArray[np.float32] | None
    original: Size
    shown: tuple[float, float, float, float]
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, image: RgbImage) -> Canvas:
        """Begin with an upright picture.

        Args:
            image: (H, W, 3) uint8, RGB, 0..255, origin top left; never written to.
        """
        height, width = image.shape[:2]
        return cls(pixels=image, table=None, values=None, original=(height, width), shown=(0, 0, height, width))

    @property
    def size(self) -> Size:
        """Height and width now, px."""
        if self.values is not None:
            return self.values.shape[1], self.values.shape[2]
        return self.pixels.shape[0], self.pixels.shape[1]

    def resize(self, size: Size, resample: Resample) -> None:
        """Scale to exactly this size with Pillow's antialiased filters, byte in, byte out.

        Args:
            size: (height, width), px.
            resample: The filter.

        Raises:
            ImageShapeUnsupported: A side would be 0, or the result would be larger than ``MAX_RESIZED_PIXELS``.
            ValueError: The picture is no longer made of bytes; no reader of packages writes such a plan.
        """
        if self.table is not None or self.values is not None:
            raise ValueError("a picture cannot be resized after it was rescaled or normalised")
        old = self.size
        if min(size) < 1 or size[0] * size[1] > MAX_RESIZED_PIXELS:
            raise ImageShapeUnsupported(
                f"A picture of {old[1]} x {old[0]} px would have to be scaled to {size[1]} x {size[0]} px."
            )
        if size != old:
            scaled = Image.fromarray(self.pixels).resize((size[1], size[0]), Image.Resampling(int(resample)))
            self.pixels = np.asarray(scaled)
        y, x = size[0] / old[0], size[1] / old[1]
        self.scale = self.scale[0] * y, self.scale[1] * x
        self.offset = self.offset[0] * y, self.offset[1] * x
        top, left, bottom, right = self.shown
        self.shown = top * y, left * x, bottom * y, right * x

    def cut(self, start: Size, size: Size) -> None:
        """Keep only the rectangle that begins at ``start``, as a view.

        Args:
            start: (top, left), px, not negative.
            size: (height, width), px; what lies beyond the picture is left out.
        """
        rows, columns = slice(start[0], start[0] + size[0]), slice(start[1], start[1] + size[1])
        if self.values is not None:
            self.values = self.values[:, rows, columns]
        else:
            self.pixels = self.pixels[rows, columns]
        self._move(-start[0], -start[1])
        height, width = self.size
        top, left, bottom, right = self.shown
        self.shown = max(0, top), max(0, left), min(height, bottom), min(width, right)

    def surround(
        self, margins: Margins, *, fill: tuple[int, ...] = (0, 0, 0), mode: PadMode = PadMode.CONSTANT
    ) -> None:
        """Add margins.

        After rescaling or normalising, ``fill`` is a value of the tensor, not a byte of the picture.

        Args:
            margins: (top, left, bottom, right), px, not negative.
            fill: One value for each channel, for constant padding.
            mode: Constant, or the border's own pixels repeated.
        """
        if not any(margins):
            return
        if self.table is not None:
            self._leave_bytes()
        top, left, bottom, right = margins
        rows, columns, colour = (top, bottom), (left, right), np.array(fill, np.float64)
        if self.values is not None:
            self.values = _padded(
                self.values, ((0, 0), rows, columns), np.array(fill, np.float64).reshape(-1, 1, 1), mode
            )
        else:
            self.pixels = _padded(self.pixels, (rows, columns, (0, 0)), colour, mode)
        self._move(top, left)

    def apply(self, pointwise: Pointwise) -> None:
        """Replace every value by a function of itself and its channel.

        Args:
            pointwise: Takes (3, ...) uint8 or float32 and returns float32 of the same shape.
        """
        if self.values is not None:
            self.values = pointwise(self.values)
        elif self.table is not None:
            self.table = pointwise(self.table)
        else:
            levels = np.arange(_LEVELS, dtype=np.uint8)
            self.table = pointwise(np.broadcast_to(levels, (_CHANNELS, _LEVELS)))

    def flip_channels(self) -> None:
        """Turn the order of the channels round, as a view."""
        if self.values is not None:
            self.values = self.values[::-1]
            return
        self.pixels = self.pixels[:, :, ::-1]
        if self.table is not None:
            self.table = self.table[::-1]

    def tensor(self) -> FloatImage:
        """Return the picture as (3, H, W) float32, contiguous, sharing no memory with the original."""
        if self.values is None:
            self._leave_bytes()
        return np.ascontiguousarray(self.values, dtype=np.float32)

    def mask(self) -> PixelMask:
        """Return (H, W) int64, 1 where there is picture and 0 where there is padding."""
        mask = np.zeros(self.size, np.int64)
        top, left, bottom, right = (round(edge) for edge in self.shown)
        mask[top:bottom, left:right] = 1
        return mask

    def geometry(self) -> Geometry:
        """Return the way back from input px to original px."""
        height, width = self.size
        return Geometry(
            original_width_px=self.original[1],
            original_height_px=self.original[0],
            input_width_px=width,
            input_height_px=height,
            scale_x=self.scale[1],
            scale_y=self.scale[0],
            offset_x=self.offset[1],
            offset_y=self.offset[0],
        )

    def _move(self, down: int, right: int) -> None:
        """Note that every pixel now lies elsewhere."""
        self.offset = self.offset[0] + down, self.offset[1] + right
        self.shown = self.shown[0] + down, self.shown[1] + right, self.shown[2] + down, self.shown[3] + right

    def _leave_bytes(self) -> None:
        """Look every byte up and go on with floats."""
        if self.table is None:
            self.values = np.array(self.pixels.transpose(2, 0, 1), dtype=np.float32, order="C")
            return
        values = np.empty((_CHANNELS, *self.size), np.float32)
        for channel in range(_CHANNELS):
            # "clip" keeps numpy from buffering the output; no byte is out of range.
            np.take(self.table[channel], self.pixels[:, :, channel], out=values[channel], mode="clip")
        self.values, self.table = values, None


def _padded(
    array: NDArray[_Scalar], widths: Sequence[tuple[int, int]], fill: NDArray[np.float64], mode: PadMode
) -> NDArray[_Scalar]:
    """Return the array with margins on each axis; ``fill`` broadcasts against it."""
    if mode is PadMode.EDGE:
        return np.pad(array, widths, mode="edge")
    lengths = zip(array.shape, widths, strict=True)
    larger = np.empty([before + length + after for length, (before, after) in lengths], array.dtype)
    larger[...] = fill
    lengths = zip(array.shape, widths, strict=True)
    larger[tuple(slice(before, before + length) for length, (before, _) in lengths)] = array
    return larger
