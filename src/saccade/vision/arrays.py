"""The names of the arrays that travel through Saccade, each with its shape, range and origin."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray

RgbImage: TypeAlias = Annotated[NDArray[np.uint8], "(H, W, 3) uint8, RGB, 0..255, upright, origin top left"]
FloatImage: TypeAlias = Annotated[NDArray[np.float32], "(C, H, W) float32, as the graph wants it"]
PixelMask: TypeAlias = Annotated[NDArray[np.int64], "(H, W) int64, 1 where there is picture, 0 where there is padding"]
BoxesXyxy: TypeAlias = Annotated[NDArray[np.float32], "(K, 4) float32, x1 y1 x2 y2 in px, origin top left"]
Scores: TypeAlias = Annotated[NDArray[np.float32], "(K,) float32, 0..1"]
ClassIds: TypeAlias = Annotated[NDArray[np.intp], "(K,) indices into the model's labels"]
Indices: TypeAlias = Annotated[NDArray[np.intp], "(M,) indices into another array"]
TokenIds: TypeAlias = Annotated[NDArray[np.int64], "(L, T) int64, T tokens for each of L labels"]
#: Any shape and dtype: what a graph takes or gives.
Tensor: TypeAlias = NDArray[np.generic]  # type: ignore[explicit-any]  # numpy's own default for an unnamed scalar
