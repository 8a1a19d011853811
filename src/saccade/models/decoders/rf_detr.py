"""Family ``rf-detr``: Roboflow's RF-DETR, a sigmoid head over class ids with gaps (COCO's 91 slots for 80 classes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import require_labels
from saccade.models.decoders.detr import query_parts
from saccade.models.decoders.options import count
from saccade.models.decoders.rt_detr import decode_sigmoid_queries
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor

EXPECTED = "dets [Q, 4] (cx cy w h in 0..1) and labels [Q, C] (logits; C = 91 for COCO)"


def decode_rf_detr(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the best (query, class) pairs.

    The head has one slot more than there are classes, which stands for nothing; where the package names exactly the
    others, the last slot is left out. Ids in a gap of the package's labels are named ``class 12``.

    Args:
        outputs: ``dets`` (Q, 4), cx cy w h in 0..1, and ``labels`` (Q, C), logits in spite of the name.
        geometry: The way back to the original picture.
        labels: By class id; at least C - 1, or none at all.
        options: Threshold 0.5 unless caller or package say otherwise; package: ``max_detections`` (default Q),
            ``relative_to``.

    Returns:
        Detections, best score first; equal scores by query, then by class id.

    Raises:
        OutputInvalid: The outputs do not have this shape.
        PackageInvalid: An option is wrong.
    """
    logits, boxes = query_parts(
        outputs, family="rf-detr", expected=EXPECTED, logits=("labels", "logits"), boxes=("dets", "boxes")
    )
    if labels and len(labels) == logits.shape[1] - 1:
        logits = logits[:, :-1]
    require_labels(logits.shape[1], labels)
    limit = count(options.package, "max_detections", default=len(logits))
    return decode_sigmoid_queries(logits, boxes, limit=limit, geometry=geometry, labels=labels, options=options)
