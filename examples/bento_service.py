"""A BentoML service in one file that Saccade asks over HTTP.

BentoML serves ``POST /predict`` by itself, since that is the route of a method whose argument ``image_file`` is a
file; ``GET /status``, which the contract ``microservice`` asks for besides, is an application of one route beside it.
To serve your own model, change ``CLASSES``, ``__init__`` and ``predict``; then write a folder for Saccade that says
where it runs:

    task: image-classification
    labels: [dark, bright]
    engine: remote
    remote: {url: "http://127.0.0.1:3000", protocol: microservice}

Run it:

    pip install "bentoml>=1.4" pillow
    bentoml serve examples/bento_service.py:Brightness --host 127.0.0.1 --port 3000
"""

from __future__ import annotations

from pathlib import Path

import bentoml
from bentoml.exceptions import InvalidArgument
from PIL import Image, ImageStat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CLASSES = ["dark", "bright"]
_FULL = 255.0


async def status(_: Request) -> JSONResponse:
    """Say that the model is ready: BentoML answers nobody before the service is made."""
    return JSONResponse({"status": "success", "detail": "The model is ready."})


@bentoml.service(name="brightness", traffic={"timeout": 30})
@bentoml.asgi_app(Starlette(routes=[Route("/status", status)]))
class Brightness:
    """Tells bright pictures from dark ones."""

    def __init__(self) -> None:
        """Load the model; here there is nothing to load."""

    @bentoml.api(route="/predict")
    def predict(self, image_file: Path) -> dict[str, object]:
        """Return a score from 0 to 1 for each class."""
        try:
            bright = ImageStat.Stat(Image.open(image_file).convert("L")).mean[0] / _FULL
        except OSError as error:
            raise InvalidArgument("This is no picture.") from error
        scores = {"dark": 1.0 - bright, "bright": bright}
        return {"status": "success", "result": {"classes": CLASSES, "result": scores}}
