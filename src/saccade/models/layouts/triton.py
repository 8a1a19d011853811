"""Triton's model folders: ``config.pbtxt`` and ``<number>/model.onnx``."""

from __future__ import annotations

from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside, read_text
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.graphs import refuse_pickle
from saccade.models.layouts.labels import read_labels
from saccade.models.layouts.pbtxt import Message, parse_pbtxt
from saccade.models.layouts.recognise import family_of_graph, function_of_graph, task_of_family

NAME = "triton"
LOOKED_FOR = "Triton (config.pbtxt with 1/model.onnx)"
CONFIG = "config.pbtxt"
_PLATFORMS = frozenset({"onnxruntime_onnx", "onnxruntime"})


def read(candidate: Candidate) -> Draft | None:
    """Read the folder, if it has a ``config.pbtxt``; the highest version is taken.

    Raises:
        PackageInvalid: It is for another runtime, or its files are missing.
        GraphRefused: The graph may not be served.
    """
    folder = candidate.folder
    version = own_version(folder)
    if version is None:
        return None
    config = parse_pbtxt(read_text(path_inside(folder, CONFIG)), where=CONFIG)
    platform = _word(config, "platform") or _word(config, "backend")
    if platform is not None and platform not in _PLATFORMS:
        raise PackageInvalid(f"{CONFIG}: the platform is '{platform}'; Saccade runs onnxruntime_onnx.")
    file_name = _word(config, "default_model_filename") or "model.onnx"
    refuse_pickle(Path(file_name))
    graph = path_inside(folder, candidate.given.graph or f"{version}/{file_name}")
    refuse_pickle(graph)
    facts = candidate.inspect(graph)
    family = candidate.given.family or family_of_graph(facts)
    labels_file = _labels_file(folder, config)
    return Draft(
        layout=NAME,
        graph=graph,
        facts=facts,
        family=family,
        task=None if family is None else task_of_family(family),
        labels=None if candidate.given.has_labels else read_labels(labels_file, facts),
        version=version,
        decoder={"function": function_of_graph(facts)} if family == "transformers" else {},
        files=tuple(path for path in (folder / CONFIG, labels_file) if path is not None),
        advice=f"{CONFIG} does not say how a picture becomes a tensor: write `preprocess` in a saccade.yaml beside it.",
    )


def own_version(folder: Path) -> str | None:
    """Return the highest version that the folder holds; None where it is none of Triton's.

    Raises:
        PackageInvalid: It is one, but holds no version.
    """
    if not (folder / CONFIG).is_file():
        return None
    versions = [path.name for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not versions:
        raise PackageInvalid(f"There is a {CONFIG}, but no numbered folder with a graph beside it.")
    return max(versions, key=int)


def _labels_file(folder: Path, config: Message) -> Path | None:
    for output in config.get("output", []):
        name = None if isinstance(output, str) else _word(output, "label_filename")
        if name is not None:
            return path_inside(folder, name)
    return None


def _word(message: Message, name: str) -> str | None:
    value = message.get(name, [None])[0]
    return value if isinstance(value, str) and value else None
