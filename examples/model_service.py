"""A model as a service of its own, in one file and with no library: Saccade asks it over HTTP.

It keeps the contract that photo servers use: ``GET /status`` answers 200 once the model is ready, and ``POST /predict``
takes a form with the picture as ``image_file`` and answers what the model sees in it. To serve your own model, change
``NAME``, ``CLASSES``, ``init`` and ``predict``. Run it:

    python examples/model_service.py 5005

With these in its environment it also registers itself, again every ten seconds, so that it is found whatever was
started first, and wherever it runs:

    SERVER_URL=http://127.0.0.1:8000    where Saccade is
    API_KEY=sac_...                     a key for such services, if Saccade asks who is there
    PUBLIC_URL=http://127.0.0.1:5005    where Saccade finds this service; without it, the address it listens on
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, ImageStat

NAME = "brightness"
CLASSES = ["dark", "bright"]
#: Another version is another model: change it with the weights.
VERSION = "1"
#: More bytes than that are no picture for this model.
MAX_BYTES = 100 * 2**20
_FULL = 255.0
_REGISTER_EVERY_S = 10.0


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


def tell(line: str) -> None:
    """Write a line for whoever watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def keep_registered(server_url: str, own_url: str, key: str | None) -> None:
    """Say again and again where this service is; tell when what Saccade answers to that changes."""
    said = {"name": NAME, "version": VERSION, "url": own_url, "protocol": "microservice"}
    body = json.dumps({**said, "task": "image-classification", "labels": CLASSES}).encode()
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    told = ""
    while True:
        try:
            request = urllib.request.Request(f"{server_url}/v1/models", body, headers)  # noqa: S310 - the operator's
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the operator's
                outcome = f"registered at {server_url} as {json.load(answer)['model']}"
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            outcome = f"not registered at {server_url}: {problem['detail']} {problem['hint']}"
        except OSError as error:
            outcome = f"not registered: {server_url} does not answer ({error})"
        if outcome != told:
            tell(outcome)
        told = outcome
        time.sleep(_REGISTER_EVERY_S)


def main() -> None:
    """Get ready, listen, and register if there is somewhere to."""
    init()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5005
    with ThreadingHTTPServer(("127.0.0.1", port), Service) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        tell(f"{NAME} listens on {url}")
        given = os.environ  # noqa: TID251 - this is a program of its own
        if "SERVER_URL" in given:
            where = (given["SERVER_URL"].rstrip("/"), given.get("PUBLIC_URL", url), given.get("API_KEY"))
            threading.Thread(target=keep_registered, args=where, daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
