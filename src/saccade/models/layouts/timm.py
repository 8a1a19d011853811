"""timm folders: a ``config.json`` with ``architecture`` and ``pretrained_cfg``, and an exported graph."""

from __future__ import annotations

from collections.abc import Mapping

from saccade.models.documents import path_inside, read_json
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.huggingface import CONFIG, find_graph, refuse_code
from saccade.models.layouts.labels import labels_from_ids, labels_from_list, numbered_labels
from saccade.models.layouts.shapes import input_size_px
from saccade.models.package import Plain
from saccade.models.prediction import Task
from saccade.models.preprocess.timm import plan_from_pretrained_cfg

NAME = "timm"
LOOKED_FOR = "timm (config.json with architecture and pretrained_cfg)"


def read(candidate: Candidate) -> Draft | None:
    """Read the folder, if its ``config.json`` is one of timm's.

    Raises:
        PackageInvalid: It has no graph, or a value is wrong.
        PreprocessorUnsupported: Its way to crop is not known.
        GraphRefused: The graph may not be served.
    """
    if not (candidate.folder / CONFIG).is_file():
        return None
    config = read_json(path_inside(candidate.folder, CONFIG))
    pretrained = config.get("pretrained_cfg")
    if not isinstance(pretrained, dict) or "architecture" not in config:
        return None
    refuse_code(config, where=CONFIG)
    graph = find_graph(candidate)
    facts = candidate.inspect(graph)
    license_name = pretrained.get("license")
    plan = None
    if candidate.given.preprocess is None:
        plan = plan_from_pretrained_cfg(pretrained, graph_size_px=input_size_px(facts))
    return Draft(
        layout=NAME,
        graph=graph,
        facts=facts,
        task=Task.IMAGE_CLASSIFICATION,
        family="transformers",
        labels=None if candidate.given.has_labels else _labels(config, pretrained),
        plan=plan,
        decoder={"function": "softmax"},
        license=license_name if isinstance(license_name, str) else None,
        files=(candidate.folder / CONFIG,),
    )


def _labels(config: Mapping[str, Plain], pretrained: Mapping[str, Plain]) -> tuple[str, ...] | None:
    """Timm keeps names as a list, as a mapping, or not at all; where only a count is left, labels are numbered."""
    for source in (config, pretrained):
        names = source.get("label_names")
        if isinstance(names, list) and names:
            return labels_from_list(names, where=f"{CONFIG}: label_names")
        ids = source.get("id2label")
        if isinstance(ids, dict) and ids:
            return labels_from_ids(ids, where=f"{CONFIG}: id2label")
    count = config.get("num_classes")
    if isinstance(count, int) and not isinstance(count, bool):
        return numbered_labels(count, where=f"{CONFIG}: num_classes")
    return None
