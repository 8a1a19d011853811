"""The package around the graph: configuration, reference pictures, manifest and card."""

import json
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from saccade.training.sem_textures.graph import Graph
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.measuring import top_predictions
from saccade.training.sem_textures.pictures import make_picture
from saccade.training.sem_textures.recipe import INPUT_PX, NORMAL_DEVIATION, NORMAL_MEAN, SAMPLE_SEED

GRAPH_FILE = Path("onnx") / "model.onnx"
_REFERENCES = (("Nanowires", 0), ("Porous_Sponge", 0))
_REFERENCE_SHAPE = (384, 512)
_REFERENCE_MAX_BYTES = 60_000
_SAMPLE_SHAPE = (480, 640)
_SAMPLE_MAX_BYTES = 90_000
_SAMPLE_OFFSETS: dict[str, int] = {
    "Biological": 4,
    "Fibres": 0,
    "Films_Coated_Surface": 5,
    "MEMS_devices_and_electrodes": 0,
    "Nanowires": 1,
    "Particles": 5,
    "Patterned_surface": 1,
    "Porous_Sponge": 5,
    "Powder": 5,
    "Tips": 0,
}
"""Which seed after ``SAMPLE_SEED`` to show of each label, chosen by eye for looking typical."""
_DESCRIPTION = (
    "Sorts grey scanning electron micrographs into the ten NFFA-EUROPE categories. "
    "Trained on synthetic pictures only; accuracy on real micrographs is not measured."
)


def write_configuration(folder: Path) -> None:
    """Write ``config.json`` and ``preprocessor_config.json``."""
    config = {
        "architectures": ["SaccadeTexturesForImageClassification"],
        "model_type": "saccade-textures",
        "id2label": {str(place): label for place, label in enumerate(LABELS)},
        "label2id": {label: place for place, label in enumerate(LABELS)},
        "num_labels": len(LABELS),
        "problem_type": "single_label_classification",
        "image_size": INPUT_PX,
        "num_channels": 3,
    }
    preprocessor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": INPUT_PX, "width": INPUT_PX},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": True,
        "image_mean": [NORMAL_MEAN] * 3,
        "image_std": [NORMAL_DEVIATION] * 3,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config.json", config), ("preprocessor_config.json", preprocessor)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_jpeg(path: Path, image: NDArray[np.uint8], *, max_bytes: int) -> None:
    """Write a grey picture as JPEG, at the best quality that keeps the file within a size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in range(92, 20, -4):
        Image.fromarray(image).save(path, "JPEG", quality=quality)
        if path.stat().st_size <= max_bytes:
            return


def write_manifest(folder: Path) -> None:
    """Write the reference pictures and ``saccade.yaml`` with what the exported graph says about them."""
    graph = Graph.opened(folder / GRAPH_FILE)
    references = []
    for label, offset in _REFERENCES:
        name = f"references/{label.lower()}.jpg"
        picture = make_picture(label, SAMPLE_SEED + offset, shape=_REFERENCE_SHAPE)
        write_jpeg(folder / name, picture, max_bytes=_REFERENCE_MAX_BYTES)
        references.append({"image": name, "predictions": top_predictions(graph, folder / name)})
    manifest = {
        "name": "sem-textures",
        "version": "1",
        "task": "image-classification",
        "family": "transformers",
        "license": "Apache-2.0",
        "description": _DESCRIPTION,
        "tags": ["microscopy", "sem", "nffa-europe", "synthetic-training", "demo"],
        "references": references,
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
    (folder / "saccade.yaml").write_text(text, encoding="utf-8")


def write_samples(folder: Path) -> None:
    """Write one picture a category for demonstrations, as ``<Label>.jpg``; none was trained on."""
    for label in LABELS:
        picture = make_picture(label, SAMPLE_SEED + _SAMPLE_OFFSETS[label], shape=_SAMPLE_SHAPE)
        write_jpeg(folder / f"{label}.jpg", picture, max_bytes=_SAMPLE_MAX_BYTES)
