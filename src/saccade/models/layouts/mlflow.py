"""MLflow's model folders: an ``MLmodel`` file with the ``onnx`` flavour."""

from __future__ import annotations

from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside, read_yaml
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.graphs import refuse_pickle
from saccade.models.layouts.labels import LABEL_FILES, read_labels
from saccade.models.layouts.recognise import family_of_graph, function_of_graph, task_of_family
from saccade.models.package import Plain

NAME = "mlflow"
LOOKED_FOR = "MLflow (MLmodel with flavors.onnx)"
CONFIG = "MLmodel"


def read(candidate: Candidate) -> Draft | None:
    """Read the folder, if it has an ``MLmodel`` file. Its other flavours are never loaded.

    Raises:
        PackageInvalid: It has no onnx flavour.
        GraphRefused: The graph may not be served, or is a pickle.
    """
    folder = candidate.folder
    if not (folder / CONFIG).is_file():
        return None
    flavours = read_yaml(path_inside(folder, CONFIG)).get("flavors")
    data = candidate.given.graph or _data(flavours)
    refuse_pickle(Path(data))
    graph = path_inside(folder, data)
    facts = candidate.inspect(graph)
    family = candidate.given.family or family_of_graph(facts)
    labels_file = next((folder / name for name in LABEL_FILES if (folder / name).is_file()), None)
    return Draft(
        layout=NAME,
        graph=graph,
        facts=facts,
        family=family,
        task=None if family is None else task_of_family(family),
        labels=None if candidate.given.has_labels else read_labels(labels_file, facts),
        decoder={"function": function_of_graph(facts)} if family == "transformers" else {},
        files=tuple(path for path in (folder / CONFIG, labels_file) if path is not None),
        advice=f"{CONFIG} does not say how a picture becomes a tensor: write `preprocess` in a saccade.yaml beside it.",
    )


def _data(flavours: Plain) -> str:
    known = flavours if isinstance(flavours, dict) else {}
    onnx = known.get("onnx")
    data = onnx.get("data") if isinstance(onnx, dict) else None
    if isinstance(data, str) and data:
        return data
    for flavour in known.values():
        for value in flavour.values() if isinstance(flavour, dict) else ():
            refuse_pickle(Path(str(value)))
    raise PackageInvalid(
        f"{CONFIG} has the flavours {', '.join(known) or 'none'}; Saccade serves `onnx`.",
        hint="Log the model with mlflow.onnx.log_model.",
    )
