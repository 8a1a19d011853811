"""What one writes by hand in ten minutes: FastAPI, Pillow, ONNX Runtime, one route. The yardstick."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

app = FastAPI()


def load() -> None:
    """Open the graph and read the labels."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    app.state.session = onnxruntime.InferenceSession(str(FOLDER / "onnx" / "model.onnx"), options)
    app.state.labels = json.loads((FOLDER / "config.json").read_text())["id2label"]


def classify(body: bytes) -> list[dict[str, object]]:
    """Decode, resize, normalise, run, softmax, top five."""
    image = Image.open(io.BytesIO(body)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    pixels = ((np.asarray(image, np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)[np.newaxis]
    logits = app.state.session.run(None, {"pixel_values": np.ascontiguousarray(pixels)})[0][0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argsort(-scores)[:5]
    return [{"label": app.state.labels[str(index)], "score": float(scores[index])} for index in best]


@app.post("/predict")
async def predict(request: Request) -> list[dict[str, object]]:
    """Classify the picture in the body."""
    return await run_in_threadpool(classify, await request.body())


if __name__ == "__main__":
    load()
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
