"""What a protocol is to the client: requests to send, and answers to read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image

from saccade.vision.arrays import RgbImage


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; ``path`` is put behind the server's URL."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialogue(Protocol):
    """One protocol, for one model."""

    @property
    def health(self) -> str:
        """Path that answers 200 while the model can be asked."""
        ...

    def is_ready(self, body: bytes) -> bool:
        """Tell whether the body of a 200 at ``health`` says that the model can be asked."""
        ...

    @property
    def most(self) -> int:
        """Pictures that one request may carry."""
        ...

    def ask(self, images: Sequence[RgbImage]) -> Ask:
        """Return the request for these pictures."""
        ...

    def read(self, body: bytes, count: int) -> Sequence[object]:
        """Return one list of predictions for each picture.

        Raises:
            RemoteFailed: The answer says that the model failed.
            ValueError: The answer is none; also as KeyError or TypeError.
        """
        ...


def as_png(image: RgbImage) -> bytes:
    """Return a picture without loss, written fast rather than small: it goes to a neighbour."""
    written = io.BytesIO()
    Image.fromarray(image).save(written, "png", compress_level=1)
    return written.getvalue()
