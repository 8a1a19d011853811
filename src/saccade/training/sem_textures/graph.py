"""The exported graph, opened on one thread as the server opens it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from saccade.training.sem_textures.augment import as_pixel_values


@dataclass(frozen=True)
class Graph:
    """An exported graph, opened on one thread."""

    session: onnxruntime.InferenceSession

    @classmethod
    def opened(cls, path: Path) -> "Graph":
        """Return the graph in a file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return cls(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))

    def logits(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the answers for (N, S, S) uint8 grey squares, (N, 10) float32."""
        answers = self.session.run(["logits"], {"pixel_values": as_pixel_values(squares)})
        return np.asarray(answers[0], dtype=np.float32)
