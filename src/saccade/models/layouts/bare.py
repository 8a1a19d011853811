"""A lone ``.onnx`` file: exports of Ultralytics, which say all in their metadata, and bare graphs, which say little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside
from saccade.models.graph import GraphFacts
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.graphs import choose_variant, refuse_pickle
from saccade.models.layouts.labels import LABEL_FILES, labels_from_metadata, parse_literal, read_labels
from saccade.models.layouts.recognise import family_of_graph, function_of_graph, task_of_family
from saccade.models.layouts.shapes import image_input, input_size_px
from saccade.models.prediction import Task
from saccade.models.preprocess.torchvision import classification_plan
from saccade.models.preprocess.ultralytics import plan_from_metadata

ULTRALYTICS = "ultralytics"
ULTRALYTICS_LOOKED_FOR = "Ultralytics (an .onnx file with task, names and stride in its metadata)"
NAME = "bare"
LOOKED_FOR = "a single .onnx file with labels.txt or labels.json beside it"
_ULTRALYTICS_KEYS = ("task", "names", "stride", "imgsz")
_ULTRALYTICS_TASKS = {"detect": Task.OBJECT_DETECTION, "classify": Task.IMAGE_CLASSIFICATION}
#: torchvision's own ratio: the short side becomes 256 px where 224 px are cut out.
_SIDE_PX, _RESIZE_RATIO = 224, 256 / 224


def read_ultralytics(candidate: Candidate) -> Draft | None:
    """Read a graph that Ultralytics exported.

    Raises:
        PackageInvalid: Its task is none that Saccade serves, or its metadata is damaged.
        GraphRefused: The graph may not be served.
    """
    graph = _lone_graph(candidate)
    if graph is None:
        return None
    facts = candidate.inspect(graph)
    if not all(key in facts.metadata for key in _ULTRALYTICS_KEYS):
        return None
    kind = facts.metadata["task"]
    if kind not in _ULTRALYTICS_TASKS:
        raise PackageInvalid(
            f"'{graph.name}' is an Ultralytics export for '{kind}'; served are: {', '.join(_ULTRALYTICS_TASKS)}."
        )
    task = _ULTRALYTICS_TASKS[kind]
    has_plan = candidate.given.preprocess is not None
    family = _family_of_export(facts) if task is Task.OBJECT_DETECTION else "transformers"
    return Draft(
        layout=ULTRALYTICS,
        graph=graph,
        facts=facts,
        task=task,
        family=family,
        labels=None if candidate.given.has_labels else labels_from_metadata({"names": facts.metadata["names"]}),
        plan=None if has_plan else plan_from_metadata(facts.metadata, graph_size_px=input_size_px(facts)),
        decoder={"function": function_of_graph(facts)} if family == "transformers" else {},
        description=facts.metadata.get("description", ""),
        license=facts.metadata.get("license"),
    )


def read(candidate: Candidate) -> Draft | None:
    """Read a graph with labels beside it or in its metadata.

    A classifier whose file does not say how pictures are prepared gets torchvision's preset; its description says so.

    Raises:
        PackageInvalid: There are several graphs, or a labels file is damaged.
        GraphRefused: The graph may not be served.
    """
    graph = _lone_graph(candidate)
    if graph is None:
        return None
    facts = candidate.inspect(graph)
    given = candidate.given
    family = given.family or family_of_graph(facts)
    labels_file = None if given.has_labels else _labels_file(candidate, graph)
    draft = Draft(
        layout=NAME,
        graph=graph,
        facts=facts,
        family=family,
        task=None if family is None else task_of_family(family),
        labels=None if given.has_labels else read_labels(labels_file, facts),
        decoder={"function": function_of_graph(facts)} if family == "transformers" else {},
        license=facts.metadata.get("license"),
        files=() if labels_file is None else (labels_file,),
    )
    return draft if given.preprocess is not None else _with_preset(draft)


def _with_preset(draft: Draft) -> Draft:
    size_px = input_size_px(draft.facts) or (_SIDE_PX, _SIDE_PX)
    if draft.family != "transformers" or size_px[0] != size_px[1] or image_input(draft.facts) is None:
        return draft
    side_px = size_px[0]
    resize_px = round(side_px * _RESIZE_RATIO)
    return replace(
        draft,
        plan=classification_plan(resize_px=resize_px, crop_px=side_px),
        description=(
            "The file does not say how pictures are prepared; torchvision's preset is assumed: "
            f"short side {resize_px} px, middle {side_px} px, ImageNet mean and deviation. "
            "If that is wrong, write `preprocess` in a saccade.yaml."
        ),
    )


def _lone_graph(candidate: Candidate) -> Path | None:
    """Return the one graph that is meant.

    Raises:
        PackageInvalid: There are several and none is called model.onnx.
    """
    if candidate.only is not None:
        return candidate.only
    given = candidate.given
    if given.graph is not None:
        graph = path_inside(candidate.folder, given.graph)
        refuse_pickle(graph)
        return graph
    usual = choose_variant(candidate.folder, given.variant)
    if usual is not None:
        return usual
    graphs = sorted(path.name for path in candidate.folder.glob("*.onnx"))
    if len(graphs) > 1:
        raise PackageInvalid(
            f"There are several graphs: {', '.join(graphs[:10])}.", hint="Say which with `graph:` in a saccade.yaml."
        )
    return path_inside(candidate.folder, graphs[0]) if graphs else None


def _labels_file(candidate: Candidate, graph: Path) -> Path | None:
    """Return the labels file: of a lone file in a folder of packages, only the one that bears its name."""
    names = [f"{graph.stem}.{name}" for name in LABEL_FILES]
    if candidate.only is None:
        names += [*LABEL_FILES, *(f"{graph.parent.name}/{name}" for name in LABEL_FILES)]
    found = next((name for name in names if (candidate.folder / name).is_file()), None)
    return None if found is None else path_inside(candidate.folder, found)


def _family_of_export(facts: GraphFacts) -> str:
    """Tell graphs that suppress overlaps themselves from others: the exporter's word first, then the shape."""
    arguments = parse_literal(facts.metadata.get("args", "{}"))
    says_nms = isinstance(arguments, dict) and arguments.get("nms") is True
    if says_nms or facts.metadata.get("end2end", "").lower() == "true":
        return "yolo-end2end"
    return "yolo-end2end" if family_of_graph(facts) == "yolo-end2end" else "yolo"
