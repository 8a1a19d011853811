"""A model that does what a picture tells it to, pictures that tell it, and what tests of workers need to use them."""

from __future__ import annotations

import collections
import io
import time
from pathlib import Path

import httpx2
from PIL import Image

SOURCE = '''
"""A plug-in that does what the first pixel of a picture says, and writes down each time it is asked."""
import os, signal, time

class Fickle:
    task = "image-classification"
    labels = ("seen",)

    def load(self):
        pass

    def predict(self, images):
        return [self._one(image) for image in images]

    def _one(self, image):
        kind, high, low = (int(value) for value in image[0, 0])
        if kind > 4:  # what it is shown when it is loaded
            return []
        with open(os.environ["FICKLE_LOG"], "a") as log:
            log.write(f"{high * 256 + low} {os.getpid()}\\n")
        if kind == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if kind in (2, 3):
            time.sleep({2: 0.1, 3: 3600.0}[kind])
        if kind == 4:
            raise ValueError("no")
        return [{"label": "seen", "score": 1.0}]
'''

FINE, POISON, SLOW, HANGING, FAILING = range(5)


def picture(kind: int, number: int) -> bytes:
    """Return a PNG whose first pixel says what is to be done, and which picture it is."""
    image = Image.new("RGB", (16, 16), (9, 9, 9))
    image.putpixel((0, 0), (kind, number // 256, number % 256))
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


class Place:
    """A home with the fickle model, shared by a server and workers, and the notes that the model takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.touch()
        models = folder / "models"
        models.mkdir()
        (models / "fickle.py").write_text(SOURCE)
        self.settings = {
            "SACCADE_HOME": str(folder / "saccade"),
            "SACCADE_MODELS": str(models),
            "SACCADE_WORKER_LEASE_S": "2",
            "SACCADE_CACHE_BYTES": "0",
            "FICKLE_LOG": str(self.notes),
        }

    def seen(self) -> collections.Counter[int]:
        """Return how often the model was shown each picture."""
        return collections.Counter(int(line.split()[0]) for line in self.notes.read_text().splitlines())

    def processes(self) -> set[int]:
        """Return the processes in which the model was asked."""
        return {int(line.split()[1]) for line in self.notes.read_text().splitlines()}


def submit(url: str, kinds: list[int], *, model: str = "fickle", first: int = 0, **fields: str) -> str:
    """Submit one job and return its id; the pictures are numbered from ``first``."""
    pictures = [
        ("images", (f"{number}.png", picture(kind, number), "image/png")) for number, kind in enumerate(kinds, first)
    ]
    answer = httpx2.post(f"{url}/v1/jobs", files=pictures, data={"models": model, **fields}, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def job_of(url: str, job_id: str) -> dict:
    """Return a job; a server that is starting again is waited for."""
    deadline = time.monotonic() + 30.0
    while True:
        try:
            answer = httpx2.get(f"{url}/v1/jobs/{job_id}", timeout=20)
            if answer.status_code == 200:
                return answer.json()
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, "the server does not come back"
        time.sleep(0.05)


def await_end(url: str, job_id: str, timeout_s: float = 60.0) -> dict:
    """Return a job once it has ended."""
    deadline = time.monotonic() + timeout_s
    while (job := job_of(url, job_id))["state"] == "running":
        assert time.monotonic() < deadline, f"the job does not end: {job['counts']}"
        time.sleep(0.1)
    return job


def items_of(url: str, job_id: str) -> list[dict]:
    """Return all items that have ended, in their order."""
    answer = httpx2.get(f"{url}/v1/jobs/{job_id}/results", params={"limit": "1000"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]
