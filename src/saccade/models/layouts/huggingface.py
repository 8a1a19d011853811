"""Hugging Face folders as transformers.js and onnx-community lay them out: configs, and graphs under ``onnx/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside, read_json
from saccade.models.graph import GraphFacts
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.graphs import choose_variant, refuse_other_weights, refuse_pickle
from saccade.models.layouts.labels import labels_from_ids, numbered_labels
from saccade.models.layouts.recognise import family_of_config, function_of_config, task_of_family
from saccade.models.layouts.texts import text_plan
from saccade.models.package import Plain
from saccade.models.preprocess.plan import Plan
from saccade.models.preprocess.transformers import plan_from_config

NAME = "huggingface"
LOOKED_FOR = "Hugging Face (config.json with onnx/model.onnx)"
CONFIG = "config.json"
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
#: Keys by which a config asks its reader to run code that comes with it.
_CODE_KEYS = ("auto_map", "trust_remote_code", "custom_pipelines")


def read(candidate: Candidate) -> Draft | None:
    """Read the folder, if it has a ``config.json`` of transformers.

    Raises:
        PackageInvalid: It has no graph, no preprocessor, an unknown architecture, or asks for code of its own.
        PreprocessorUnsupported: Its preprocessor's exact rules are not known.
        GraphRefused: The graph may not be served.
    """
    folder = candidate.folder
    if not (folder / CONFIG).is_file():
        return None
    config = read_json(path_inside(folder, CONFIG))
    preprocessor = _preprocessor(folder)
    if "model_type" not in config and "architectures" not in config and preprocessor is None:
        return None
    if "pretrained_cfg" in config and preprocessor is None:
        return None
    refuse_code(config, where=CONFIG)
    graph = find_graph(candidate)
    facts = candidate.inspect(graph)
    family = candidate.given.family or family_of_config(config, facts)
    if family is None:
        raise PackageInvalid(
            f"{CONFIG}: Saccade has no decoder for model_type '{config.get('model_type')}'.",
            hint="If its outputs are those of a known family, say `family:` in a saccade.yaml.",
        )
    task = task_of_family(family)
    # A model that is told what to look for has the LABEL_0 and LABEL_1 of every config, which mean nothing.
    labels = () if task.takes_words else None if candidate.given.has_labels else _labels(config, facts)
    text, texts = text_plan(folder, config) if task.takes_words else (None, ())
    return Draft(
        layout=NAME,
        graph=graph,
        facts=facts,
        task=task,
        family=family,
        labels=labels,
        plan=None if candidate.given.preprocess is not None else _plan(preprocessor),
        decoder=_decoder(family, config, len(labels or candidate.given.labels or ())),
        files=(*(path for path in (folder / CONFIG, preprocessor) if path is not None), *texts),
        advice="Add its preprocessor_config.json, or write `preprocess` in a saccade.yaml.",
        text=text,
    )


def find_graph(candidate: Candidate) -> Path:
    """Return the graph that saccade.yaml names, or the one that runs best.

    Raises:
        PackageInvalid: There is none.
        GraphRefused: There is a pickle instead.
    """
    given = candidate.given
    if given.graph is not None:
        graph = path_inside(candidate.folder, given.graph)
        refuse_pickle(graph)
        return graph
    chosen = choose_variant(candidate.folder, given.variant)
    if chosen is None:
        refuse_other_weights(candidate.folder)
        raise PackageInvalid(
            "The folder has a config.json but no graph: neither onnx/model.onnx nor model.onnx.",
            hint="Export the model to ONNX first, or name the file with `graph:` in a saccade.yaml.",
        )
    return chosen


def refuse_code(config: Mapping[str, Plain], *, where: str) -> None:
    """Refuse a config that asks for code which comes with the model.

    Raises:
        PackageInvalid: It does; the message names the key.
    """
    waiting: list[Plain] = [dict(config)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            key = next((key for key in _CODE_KEYS if value.get(key)), None)
            if key is not None:
                raise PackageInvalid(
                    f"{where} asks for code of its own (`{key}`); Saccade never runs code that comes with a model.",
                    hint="Export the model to a graph that needs none, and remove the key.",
                )
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _preprocessor(folder: Path) -> Path | None:
    for name in PREPROCESSORS:
        if (folder / name).is_file():
            return path_inside(folder, name)
    return None


def _plan(preprocessor: Path | None) -> Plan | None:
    if preprocessor is None:
        return None
    config = read_json(preprocessor)
    refuse_code(config, where=preprocessor.name)
    return plan_from_config(config)


def _labels(config: Mapping[str, Plain], facts: GraphFacts) -> tuple[str, ...] | None:
    ids = config.get("id2label")
    if isinstance(ids, dict) and ids:
        return labels_from_ids(ids, where=f"{CONFIG}: id2label")
    count = config.get("num_labels")
    if isinstance(count, int):
        return numbered_labels(count, where=f"{CONFIG}: num_labels")
    widths = [spec.shape[-1] for spec in facts.outputs if spec.name == "logits" and spec.shape]
    width = widths[0] if widths else None
    return None if width is None else numbered_labels(width, where="The width of `logits`")


def _decoder(family: str, config: Mapping[str, Plain], labels: int) -> Mapping[str, Plain]:
    if config.get("model_type") == "owlv2":  # it is trained on pictures that are padded to a square
        return {"relative_to": "input"}
    return {"function": function_of_config(config, labels=labels)} if family == "transformers" else {}
