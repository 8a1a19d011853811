"""A model as a service of its own, in one file and with no library: Saccade asks it over HTTP.

It keeps the contract that photo servers use: ``GET /status`` answers 200 once the model is ready, and ``POST /predict``
takes a form with the picture as ``image_file`` and answers what the model sees in it. To serve your own model, change
``NAME``, ``CLASSES``, ``init`` and ``predict``; then write a folder for Saccade that says where it runs:

    task: image-classification
    labels: [dark, bright]
    engine: remote
    remote: {url: "http://127.0.0.1:5005", protocol: microservice}

Run it:

    python examples/model_service.py 5005
"""

from __future__ import annotations

import io
import json
import sys
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, ImageStat

NAME = "brightness"
CLASSES = ["dark", "bright"]
#: More bytes than that are no picture for this model.
MAX_BYTES = 100 * 2**20
_FULL = 255.0


def init() -> None:
    """Load the model; here there is nothing to load."""


def predict(image: Image.Image) -> dict[str, float]:
    """Return a score from 0 to 1 for each class."""
    bright = ImageStat.Stat(image.convert("L")).mean[0] / _FULL
    return {"dark": 1.0 - bright, "bright": bright}


class Service(BaseHTTPRequestHandler):
    """The two routes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say whether the model is ready."""
        if self.path == "/status":
            self._answer(HTTPStatus.OK, {"status": "success", "detail": f"{NAME} is ready."})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"status": "failure", "detail": "There is nothing here."})

    def do_POST(self) -> None:
        """Say what the model sees in a picture."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_BYTES))
        if self.path != "/predict":
            self._answer(HTTPStatus.NOT_FOUND, {"status": "failure", "detail": "There is nothing here."})
            return
        try:
            image = Image.open(io.BytesIO(self._file(body)))
            result = predict(image)
        except (OSError, KeyError, ValueError) as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"status": "failure", "detail": f"This is no picture: {error}."})
            return
        self._answer(HTTPStatus.OK, {"status": "success", "result": {"classes": CLASSES, "result": result}})

    def _file(self, body: bytes) -> bytes:
        """Return the form's file ``image_file``."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
            if part.get_param("name", header="Content-Disposition") == "image_file":
                return bytes(part.get_payload(decode=True))
        raise KeyError("image_file")

    def _answer(self, status: HTTPStatus, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing for each request."""


if __name__ == "__main__":
    init()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5005
    with ThreadingHTTPServer(("127.0.0.1", port), Service) as server:
        sys.stdout.write(f"{NAME} listens on http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
