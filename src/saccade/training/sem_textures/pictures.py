"""One synthetic micrograph: a scene of a category, photographed, with or without its info bar."""

import numpy as np
from numpy.typing import NDArray

from saccade.training.sem_textures.canvas import Shape
from saccade.training.sem_textures.draws import chance
from saccade.training.sem_textures.infobar import with_info_bar
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.microscope import photograph
from saccade.training.sem_textures.scenes import SCENES

INFO_BAR_SHARE = 0.65
"""How many of the pictures carry an info bar; archives keep it on most."""


def make_picture(label: str, seed: int, *, shape: Shape) -> NDArray[np.uint8]:
    """Return the synthetic micrograph of a category that belongs to a seed.

    The same label, seed and shape give the same picture; another shape gives another one.

    Args:
        label: One of ``LABELS``.
        seed: Whole number >= 0.
        shape: Rows and columns in px, best about 3:4.

    Returns:
        (H, W) uint8, grey, 0 black.
    """
    rng = np.random.default_rng([LABELS.index(label), seed])
    image = photograph(SCENES[label](rng, shape), rng=rng)
    return with_info_bar(image, rng=rng) if chance(rng, INFO_BAR_SHARE) else image
