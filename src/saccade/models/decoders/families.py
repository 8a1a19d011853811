"""The table of families: which decoder reads which graph, and what the graph must give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from saccade.errors import PackageInvalid
from saccade.models.decoders import (
    Decoder,
    circles,
    detr,
    nms_in_graph,
    rf_detr,
    rt_detr,
    rt_detr_original,
    torchvision,
    transformers,
    yolo,
    yolo_end2end,
    zero_shot,
)
from saccade.models.package import Plain
from saccade.models.prediction import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Models whose outputs are read in one way.

    Attributes:
        name: As ``family`` in saccade.yaml says it.
        task: What these models do.
        decode: From the outputs for one picture to predictions.
        batchable: Whether several pictures may share one run. Where not, the graph runs on one picture and its outputs
            go to ``decode`` as they are: their first axis may not be a batch.
        outputs: What the graph must give for one picture, in words.
        options: What may stand under ``decoder`` in saccade.yaml.
    """

    name: str
    task: Task
    decode: Decoder
    batchable: bool = True
    outputs: str
    options: frozenset[str] = frozenset()


_ALL = (
    Family(
        name="transformers",
        task=Task.IMAGE_CLASSIFICATION,
        decode=transformers.decode_transformers,
        outputs=transformers.EXPECTED,
        options=frozenset({"function"}),
    ),
    Family(
        name="detr",
        task=Task.OBJECT_DETECTION,
        decode=detr.decode_detr,
        outputs=detr.EXPECTED,
        options=frozenset({"relative_to"}),
    ),
    Family(
        name="rt-detr",
        task=Task.OBJECT_DETECTION,
        decode=rt_detr.decode_rt_detr,
        outputs=rt_detr.EXPECTED,
        options=frozenset({"max_detections", "relative_to"}),
    ),
    Family(
        name="rt-detr-original",
        task=Task.OBJECT_DETECTION,
        decode=rt_detr_original.decode_rt_detr_original,
        outputs=rt_detr_original.EXPECTED,
    ),
    Family(
        name="rf-detr",
        task=Task.OBJECT_DETECTION,
        decode=rf_detr.decode_rf_detr,
        outputs=rf_detr.EXPECTED,
        options=frozenset({"max_detections", "relative_to"}),
    ),
    Family(
        name="yolo",
        task=Task.OBJECT_DETECTION,
        decode=yolo.decode_yolo,
        outputs=yolo.EXPECTED,
        options=frozenset({"max_detections", "max_iou"}),
    ),
    Family(
        name="yolo-end2end",
        task=Task.OBJECT_DETECTION,
        decode=yolo_end2end.decode_yolo_end2end,
        outputs=yolo_end2end.EXPECTED,
    ),
    Family(
        name="torchvision-detection",
        task=Task.OBJECT_DETECTION,
        decode=torchvision.decode_torchvision,
        batchable=False,
        outputs=torchvision.EXPECTED,
    ),
    Family(
        name="nms-in-graph",
        task=Task.OBJECT_DETECTION,
        decode=nms_in_graph.decode_nms_in_graph,
        batchable=False,
        outputs=nms_in_graph.EXPECTED,
        options=frozenset({"box_layout", "box_unit", "relative_to"}),
    ),
    Family(
        name="peaks",
        task=Task.OBJECT_DETECTION,
        decode=circles.decode_peaks,
        outputs=circles.EXPECTED,
        options=frozenset({"max_containment", "max_iou", "nested_area", "nested_count"}),
    ),
    Family(
        name=zero_shot.FAMILY,
        task=Task.ZERO_SHOT_OBJECT_DETECTION,
        decode=zero_shot.decode_zero_shot,
        outputs=zero_shot.EXPECTED,
        options=frozenset({"relative_to"}),
    ),
)

#: Every family by its name.
FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})


def family_named(name: str) -> Family:
    """Return a family.

    Raises:
        PackageInvalid: There is none of this name.
    """
    if name not in FAMILIES:
        raise PackageInvalid(f"There is no family {name!r}; the families are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def require_known_options(family: Family, package: Mapping[str, Plain]) -> None:
    """Refuse options that the family's decoder would never look at, such as misspelt ones.

    Raises:
        PackageInvalid: There is such an option; the message names it and those that exist.
    """
    unknown = sorted(package.keys() - family.options)
    if unknown:
        raise PackageInvalid(
            f"The decoder of family {family.name} has no option {', '.join(unknown)};"
            f" it has: {', '.join(sorted(family.options)) or 'none'}."
        )
