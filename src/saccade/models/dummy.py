"""The built-in model that needs no weights: it says how bright a picture is. For trying things out, and for tests."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.models.prediction import Classification
from saccade.vision.arrays import RgbImage


class Dummy:
    """Calls a picture dark or bright by its mean."""

    task = "image-classification"
    labels = ("dark", "bright")
    version = "1"
    license = "Apache-2.0"
    description = "Says whether a picture is dark or bright, from the mean of its pixels. Needs no weights."

    def load(self) -> None:
        """Need nothing."""

    def predict(self, images: Sequence[RgbImage]) -> list[list[Classification]]:
        """Return both labels for each picture, scored by the mean of all pixels over 255.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.
        """
        answers = []
        for image in images:
            bright = float(image.mean()) / 255.0
            answers.append([Classification("dark", 1.0 - bright, 0), Classification("bright", bright, 1)])
        return answers
