"""The contract of system 3's model services: ``GET /status``, and ``POST /predict`` with the form's ``image_file``."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

from saccade.backends.remotes.dialogue import Ask, as_png
from saccade.errors import RemoteFailed
from saccade.vision.arrays import RgbImage


class Microservice:
    """One service, which is one model."""

    def __init__(self, model: str) -> None:
        """Speak to the service; the contract has no name for the model."""
        self._model = model

    @property
    def health(self) -> str:
        """Answers 503 until the model is ready."""
        return "/status"

    def is_ready(self, body: bytes) -> bool:  # noqa: ARG002 - the status says it all
        """The status alone tells."""
        return True

    @property
    def most(self) -> int:
        """The contract takes one picture."""
        return 1

    def ask(self, images: Sequence[RgbImage]) -> Ask:
        """Return a form with the picture."""
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image_file"; filename="image.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body = head.encode() + as_png(images[0]) + f"\r\n--{boundary}--\r\n".encode()
        return Ask("/predict", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def read(self, body: bytes, count: int) -> Sequence[object]:  # noqa: ARG002 - always one
        """Return labels with what the service gives each.

        Raises:
            RemoteFailed: It says itself that it failed; why stands in its own words, which are for its log.
            ValueError: It is no answer.
        """
        document = json.loads(body)
        if document["status"] == "failure":
            raise RemoteFailed(f"The remote model {self._model} says that it failed.")
        if document["status"] != "success":
            raise ValueError("neither a success nor a failure")
        values = document["result"]["result"]
        places: dict[object, int] = {}
        for place, label in enumerate(document["result"]["classes"]):
            places.setdefault(label, place)
        return [
            [
                {
                    "label": str(label),
                    "score": float(value),
                    "class_id": places.get(label, 0),
                }
                for label, value in values.items()
            ]
        ]
