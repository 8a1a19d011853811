"""KServe's first protocol: ``POST /v1/models/{model}:predict`` with instances in base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from saccade.backends.remotes.dialogue import Ask, as_png
from saccade.vision.arrays import RgbImage


class KServeV1:
    """One model."""

    def __init__(self, model: str) -> None:
        """Speak to the model of this name."""
        self._path = f"/v1/models/{quote(model, safe='')}"

    @property
    def health(self) -> str:
        """Says whether the model is ready."""
        return self._path

    def is_ready(self, body: bytes) -> bool:
        """Some servers write ``true``, some ``"True"``, some nothing."""
        document = json.loads(body)
        said = document.get("ready", True) if isinstance(document, dict) else True
        return said is True or str(said).lower() == "true"

    @property
    def most(self) -> int:
        """Servers are known that look at the first instance alone."""
        return 1

    def ask(self, images: Sequence[RgbImage]) -> Ask:
        """Return a request with the picture as the only instance."""
        data = base64.b64encode(as_png(images[0])).decode()
        body = json.dumps({"instances": [{"image": {"b64": data}}]}).encode()
        return Ask(f"{self._path}:predict", body, {"Content-Type": "application/json"})

    def read(self, body: bytes, count: int) -> Sequence[object]:  # noqa: ARG002 - always one
        """Return what was predicted: a list of objects or labels, by itself or as the list of the one instance."""
        predictions = json.loads(body)["predictions"]
        if len(predictions) == 1 and isinstance(predictions[0], list):
            predictions = predictions[0]
        elif len(predictions) == 1 and isinstance(predictions[0], dict) and "label" not in predictions[0]:
            predictions = [{"label": label, "score": score} for label, score in predictions[0].items()]
        return [[_entry(entry) for entry in predictions]]


def _entry(entry: Mapping[str, object]) -> dict[str, object]:
    """Return an entry with our keys."""
    said: dict[str, object] = {"label": entry["label"], "score": entry["score"]}
    if "class_id" in entry:
        said["class_id"] = entry["class_id"]
    box = entry.get("bounding_box", entry.get("box"))
    if box is None:
        return said
    said["box"] = box
    if "centroid" in entry:
        said["centroid"] = entry["centroid"]
    radius = entry.get("radius", entry.get("radius_px"))
    if isinstance(radius, Mapping):
        radius = radius["radius"]
    if radius is not None:
        said["radius_px"] = radius
    return said
