"""What the models feature needs from outside: an engine that opens graphs, and plug-ins that people write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from saccade.models.package import Plain
from saccade.models.prediction import Entry
from saccade.vision.arrays import RgbImage, Tensor


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape (None = free) and element type (numpy's name) of a graph's input or output."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Session(Protocol):
    """A loaded graph. Thread-safe: ``run`` may be called from several threads at once."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the graph takes."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What the graph gives, in order."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """The strings that the exporter wrote into the file."""
        ...

    @property
    def runtime(self) -> str:
        """Engine, device and precision, as answers name it: ``onnxruntime/cpu/fp32``."""
        ...

    def run(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the graph once.

        Args:
            feeds: Every input by name, batch axis first.

        Returns:
            Every output by name.

        Raises:
            GraphFailed: The engine refused the inputs or failed inside.
        """
        ...

    def close(self) -> None:
        """Give the memory back. Idempotent."""
        ...


class Engine(Protocol):
    """Opens graphs; chosen by the card's ``engine``."""

    def open(self, graph: Path) -> Session:
        """Load a graph that was checked before.

        Raises:
            GraphFailed: The engine cannot load it.
        """
        ...


class Remote(Protocol):
    """A model that runs elsewhere. Thread-safe."""

    @property
    def problem(self) -> str | None:
        """Why it does not answer at this moment; None if it does."""
        ...

    def predict(self, images: Sequence[RgbImage]) -> Sequence[object]:
        """Return one list of predictions for each picture, as mappings with the keys of the HTTP answer.

        Raises:
            ModelUnavailable: It does not answer.
            RemoteFailed: It refused, failed, or answered something else.
        """
        ...

    def close(self) -> None:
        """Ask no more. Idempotent."""
        ...


class Plugin(Protocol):
    """What a Python plug-in is: any class with these two methods, and optionally ``task`` and ``labels``."""

    def load(self) -> None:
        """Get ready; called once, before the first ``predict``, on a thread that does nothing else."""
        ...

    def predict(self, images: Sequence[RgbImage]) -> Sequence[Sequence[Entry | Mapping[str, Plain]]]:
        """Say what is in each picture: one list of predictions per picture, in the same order."""
        ...
