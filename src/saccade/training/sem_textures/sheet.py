"""The contact sheet: a row of pictures per category, to look at."""

from pathlib import Path

import numpy as np
from PIL import Image

from saccade.training.sem_textures.canvas import Shape
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.pictures import make_picture


def write_sheet(path: Path, *, columns: int = 8, first_seed: int = 0, shape: Shape = (192, 256)) -> None:
    """Write a PNG with a row of pictures for each category, in the order of ``LABELS``."""
    rows = [
        np.concatenate([make_picture(label, first_seed + index, shape=shape) for index in range(columns)], axis=1)
        for label in LABELS
    ]
    Image.fromarray(np.concatenate(rows, axis=0)).save(path)
