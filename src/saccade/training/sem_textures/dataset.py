"""Sets of synthetic micrographs, made once and kept as arrays in the work folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saccade.training.sem_textures.canvas import Shape, use_one_thread
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.pictures import make_picture


@dataclass(frozen=True)
class PictureSet:
    """Pictures and what they show; picture i belongs to class ``i % 10``."""

    #: (N, H, W) uint8, grey.
    images: NDArray[np.uint8]
    #: (N,) int64, place in ``LABELS``.
    targets: NDArray[np.int64]


def make_set(path: Path, *, per_label: int, first_seed: int, shape: Shape) -> PictureSet:
    """Return a set of pictures, made and written to ``path`` unless it is there already.

    Args:
        path: A .npy file of (N, H, W) uint8.
        per_label: Pictures of each label; their seeds are ``first_seed`` and the next ones.
        first_seed: Sets whose seeds do not overlap share no picture.
        shape: Rows and columns in px.
    """
    count = per_label * len(LABELS)
    targets = (np.arange(count) % len(LABELS)).astype(np.int64)
    if path.exists():
        kept = np.load(path, mmap_mode="r")
        if kept.shape == (count, *shape):
            return PictureSet(kept, targets)
    use_one_thread()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(count, *shape))
    for index in range(count):
        images[index] = make_picture(LABELS[index % len(LABELS)], first_seed + index // len(LABELS), shape=shape)
        if (index + 1) % max(count // 8, 1) == 0:
            print(f"  {path.stem}: {index + 1} of {count} pictures", flush=True)
    images.flush()
    partial.replace(path)
    return PictureSet(np.load(path, mmap_mode="r"), targets)
