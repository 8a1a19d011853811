"""A custom predictor of KServe in one file that Saccade asks over HTTP.

KServe's server keeps the rules: port 8080, ``--model_name``, ``/v1/models/{name}:predict``, ``/v2/models/{name}/infer``
and the routes that tell whether the model is ready. The class answers both protocols as Saccade reads them. To serve
your own model, change ``CLASSES``, ``load`` and ``scores_of``; then write a folder for Saccade that says where it runs:

    task: image-classification
    labels: [dark, bright]
    engine: remote
    remote: {url: "http://127.0.0.1:8080", protocol: v2, model: brightness}

Run it:

    pip install kserve pillow
    python examples/kserve_predictor.py --model_name=brightness
"""

from __future__ import annotations

import argparse
import base64
import io
import secrets
from collections.abc import Iterable, Mapping

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput
from PIL import Image, ImageStat

CLASSES = ["dark", "bright"]
_FULL = 255.0


def scores_of(image: Image.Image) -> list[float]:
    """Return a score from 0 to 1 for each class."""
    bright = ImageStat.Stat(image.convert("L")).mean[0] / _FULL
    return [1.0 - bright, bright]


class Predictor(Model):
    """Answers KServe's first protocol in its words, and the Open Inference Protocol in tensors."""

    def load(self) -> bool:
        """Load the model, which KServe unpacks to ``/mnt/models``; here there is nothing to load."""
        self.ready = True
        return self.ready

    def predict(
        self,
        payload: Mapping[str, list[Mapping[str, Mapping[str, str]]]] | InferRequest,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - KServe hands them over
    ) -> Mapping[str, object] | InferResponse:
        """Return the scores of each picture, which stands in base64 in an instance or in the input ``image``."""
        try:
            if not isinstance(payload, InferRequest):
                scores = _scores(instance["image"]["b64"] for instance in payload["instances"])
                rows = [zip(CLASSES, row, strict=True) for row in scores]
                return {"predictions": [[{"label": label, "score": score} for label, score in row] for row in rows]}
            scores = _scores(payload.get_input_by_name("image").data)
        except (OSError, LookupError, TypeError, AttributeError, ValueError) as error:
            raise InvalidInput(f"This is no picture: {error}.") from error
        shape = [len(scores), len(CLASSES)]
        labels = InferOutput("label", shape, "BYTES", CLASSES * len(scores))
        values = InferOutput("score", shape, "FP32", [score for row in scores for score in row])
        return InferResponse(payload.id or secrets.token_hex(8), self.name, [labels, values])


def _scores(texts: Iterable[str]) -> list[list[float]]:
    """Return the scores of pictures in base64."""
    return [scores_of(Image.open(io.BytesIO(base64.b64decode(text)))) for text in texts]


if __name__ == "__main__":
    arguments, _ = argparse.ArgumentParser(parents=[model_server.parser]).parse_known_args()
    predictor = Predictor(arguments.model_name)
    predictor.load()
    ModelServer().start([predictor])
