"""Family ``peaks``: round things, found as peaks of a heat map inside the graph, each with a box and a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import from_input, label_of
from saccade.models.decoders.options import count, fraction, threshold_of
from saccade.models.decoders.outputs import Part, find_parts, floats, mismatch
from saccade.models.decoders.peaks import MAX_CONTAINMENT, MAX_IOU, NESTED_AREA, NESTED_COUNT, Peaks, keep_peaks
from saccade.models.geometry import Geometry
from saccade.models.prediction import Box, Detection, Entry, Point
from saccade.vision.arrays import Tensor
from saccade.vision.boxes import have_area

EXPECTED = "scores [K], boxes [K, 4] (x1 y1 x2 y2) and circles [K, 3] (cx cy r), all in px of the input"


def decode_peaks(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the peaks that no better peak covers, each with its own centre and radius.

    A box is cut off at the edges of the picture and a circle is not: the centre of a coin that is half outside stays
    where it is. Where the picture was warped, the radius is scaled by the mean of both axes.

    Args:
        outputs: ``scores`` (K,) in 0..1, ``boxes`` (K, 4) and ``circles`` (K, 3) in px of the input.
        geometry: The way back to the original picture.
        labels: The first one names what is found; every find has class id 0.
        options: Threshold 0.5 unless caller or package say otherwise; package: ``max_iou`` (default 0.55) and
            ``max_containment`` (default 0.85), above which the worse of two boxes goes, and ``nested_area`` (default
            0.06), the share of the larger area below which a contained box stays if the larger holds at least
            ``nested_count`` (default 3) of those, surely found.

    Returns:
        Detections, best score first; equal scores in the graph's order.

    Raises:
        OutputInvalid: The outputs do not have this shape, or a radius is not positive.
        PackageInvalid: An option is wrong.
    """
    peaks = keep_peaks(
        _peaks_of(outputs),
        threshold=threshold_of(options, default=0.5),
        max_iou=fraction(options.package, "max_iou", default=MAX_IOU),
        max_containment=fraction(options.package, "max_containment", default=MAX_CONTAINMENT),
        nested_area=fraction(options.package, "nested_area", default=NESTED_AREA),
        nested_count=count(options.package, "nested_count", default=NESTED_COUNT),
    )
    mapped = from_input(peaks.boxes, geometry)
    seen = have_area(mapped)
    rows = zip(mapped[seen].tolist(), peaks.scores[seen].tolist(), peaks.circles[seen].tolist(), strict=True)
    label = label_of(0, labels)
    return [_round_thing(label, score, Box(*corners), circle, geometry) for corners, score, circle in rows]


def _peaks_of(outputs: Mapping[str, Tensor]) -> Peaks:
    parts = [
        Part(names=("scores",), shape=(None,)),
        Part(names=("boxes",), shape=(None, 4)),
        Part(names=("circles",), shape=(None, 3)),
    ]
    scores, boxes, circles = find_parts(outputs, parts, family="peaks", expected=EXPECTED)
    if not len(scores) == len(boxes) == len(circles):
        raise mismatch(outputs, family="peaks", expected=EXPECTED)
    return Peaks(floats(scores, name="scores"), floats(boxes, name="boxes"), floats(circles, name="circles"))


def _round_thing(label: str, score: float, box: Box, circle: list[float], geometry: Geometry) -> Detection:
    center_x, center_y, radius = circle
    if radius <= 0:
        raise OutputInvalid(f"The graph found a circle with the radius {radius}.")
    centroid = Point(
        (center_x - geometry.offset_x) / geometry.scale_x, (center_y - geometry.offset_y) / geometry.scale_y
    )
    radius_px = radius / ((geometry.scale_x + geometry.scale_y) / 2)
    return Detection(label=label, score=score, class_id=0, box=box, centroid=centroid, radius_px=radius_px)
