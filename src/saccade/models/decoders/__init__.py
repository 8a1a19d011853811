"""From a graph's outputs to predictions: one file per family, one table of families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from saccade.models.geometry import Geometry
from saccade.models.package import Plain
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What the caller and the package ask of a decoder.

    Attributes:
        top_k: How many labels a classifier gives.
        threshold: Lowest score that is returned, the caller's or the package's; None keeps the family's own default.
        package: The package's own options (``decoder`` in saccade.yaml).
    """

    top_k: int = 5
    threshold: float | None = None
    package: Mapping[str, Plain] = field(default_factory=dict)


class Decoder(Protocol):
    """Turns the outputs for one picture into predictions, best first."""

    def __call__(
        self, outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
    ) -> list[Entry]:
        """Decode one picture.

        Args:
            outputs: The graph's outputs by name, without the batch axis.
            geometry: The way back to the original picture.
            labels: By class id.
            options: What is asked for.

        Returns:
            Predictions, best score first; boxes in px of the original, clipped to it.

        Raises:
            OutputInvalid: The outputs do not have the family's shape.
        """
        ...
