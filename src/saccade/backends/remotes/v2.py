"""The Open Inference Protocol, version 2: ``POST /v2/models/{model}/infer`` with pictures as BYTES.

Asked of a server like ours, the output ``prediction`` has everything. Any other server must have an input ``image`` of
type BYTES that takes encoded pictures, and outputs ``label`` and ``score`` with one row for each picture; a detector's
``box`` has four numbers for each label.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from saccade.backends.remotes.dialogue import Ask, as_png
from saccade.vision.arrays import RgbImage

_PREDICTION = "prediction"
_MOST = 16
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class OpenInference:
    """One model."""

    def __init__(self, model: str) -> None:
        """Speak to the model of this name, or ``name@version``."""
        name, _, version = model.partition("@")
        self._name = name
        behind = f"/versions/{quote(version, safe='')}" if version else ""
        self._path = f"/v2/models/{quote(name, safe='')}{behind}"

    @property
    def health(self) -> str:
        """Says whether the model is ready."""
        return f"{self._path}/ready"

    def is_ready(self, body: bytes) -> bool:
        """Some servers answer with no body at all."""
        document = json.loads(body) if body.strip() else {}
        return not isinstance(document, dict) or document.get("ready", True) is True

    @property
    def most(self) -> int:
        """As many as every server takes in a body of sane size."""
        return _MOST

    def ask(self, images: Sequence[RgbImage]) -> Ask:
        """Return a request with the pictures in base64."""
        data = [base64.b64encode(as_png(image)).decode() for image in images]
        tensor = {"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}
        # KServe's server fails at a model that hands back the id of a request that has none.
        body = json.dumps({"id": secrets.token_hex(8), "inputs": [tensor]}).encode()
        return Ask(f"{self._path}/infer", body, {"Content-Type": "application/json"})

    def read(self, body: bytes, count: int) -> Sequence[object]:
        """Return what was predicted of each picture.

        Raises:
            ValueError: Another model answered, or its outputs are none that are known.
        """
        document = json.loads(body)
        if document["model_name"] != self._name:
            raise ValueError("another model answered")
        outputs = {output["name"]: output for output in document["outputs"]}
        if _PREDICTION in outputs:
            return [json.loads(text)["predictions"] for text in outputs[_PREDICTION]["data"][:count]]
        return [_entries(outputs, index, count) for index in range(count)]


def _entries(outputs: Mapping[str, Mapping[str, object]], index: int, count: int) -> list[dict[str, object]]:
    """Return the entries of one picture from outputs with one row for each picture."""
    labels = _row(outputs["label"], index, count)
    scores = _row(outputs["score"], index, count)
    entries: list[dict[str, object]] = [
        {"label": str(label), "score": score} for label, score in zip(labels, scores, strict=True)
    ]
    if "box" in outputs:
        corners = _row(outputs["box"], index, count)
        for place, entry in enumerate(entries):
            entry["box"] = dict(zip(_CORNERS, corners[4 * place : 4 * place + 4], strict=True))
    return entries


def _row(output: Mapping[str, object], index: int, count: int) -> list[object]:
    """Return one picture's part of an output, whose data may be flat or nested."""
    data = output["data"]
    if not isinstance(data, list):
        raise TypeError("the data of an output is a list")
    while data and isinstance(data[0], list):
        data = [value for row in data for value in row]
    if len(data) % count:
        raise ValueError("an output has no row for each picture")
    width = len(data) // count
    return data[index * width : (index + 1) * width]
