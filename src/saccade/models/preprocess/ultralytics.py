"""The plan of an Ultralytics export, from the metadata that the exporter writes into the ONNX file.

Sizes, margins and grey value are Ultralytics'; the filter is Pillow's antialiased bilinear one instead of OpenCV's,
so pixels differ a little where a picture is scaled down.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from saccade.errors import PackageInvalid
from saccade.models.preprocess.plan import (
    CenterCrop,
    CropRounding,
    Letterbox,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeShortest,
    Step,
)
from saccade.models.preprocess.sizes import Size

_DEFAULT_STRIDE_PX = 32
_MAX_LITERAL_CHARS = 10_000


def letterbox_plan(size_px: Size, *, multiple_px: int | None = None) -> Plan:
    """Return the plan of a detector: letterbox with grey 114, values 0..1.

    Args:
        size_px: (height, width) of the box, px.
        multiple_px: Pad only up to a multiple of this, px; None pads to the full box.

    Returns:
        The plan.
    """
    return Plan((Letterbox(*size_px, multiple=multiple_px), Rescale(1 / 255)))


def plan_from_metadata(metadata: Mapping[str, str], *, graph_size_px: Size | None = None) -> Plan:
    """Translate an export's metadata.

    A graph with free height and width (exported as ``dynamic``) gets the smallest padding that its stride allows, as
    Ultralytics' own predictor does; a fixed graph gets the full box. Classifiers are resized and cropped instead.

    Args:
        metadata: The strings of the ONNX file; their values are Python literals.
        graph_size_px: (height, width) that the graph wants, px; it wins over ``imgsz``. None: ``imgsz`` holds.

    Returns:
        The plan.

    Raises:
        PackageInvalid: ``imgsz`` or ``stride`` is missing or unreadable.
    """
    size = graph_size_px or _image_size(metadata)
    if metadata.get("task") == "classify":
        return Plan((*_classifier_steps(size), Rescale(1 / 255)))
    return letterbox_plan(size, multiple_px=None if graph_size_px or not _is_dynamic(metadata) else _stride(metadata))


def _classifier_steps(size: Size) -> tuple[Step, ...]:
    crop = CenterCrop(*size, rounding=CropRounding.EVEN)
    if size[0] == size[1]:
        return ResizeShortest(size[0], Resample.BILINEAR), crop
    return Resize(*size, Resample.BILINEAR), crop


def _literal(metadata: Mapping[str, str], key: str) -> object:
    """Read a Python literal; the exporter writes ``str()`` of a value, which is not JSON."""
    if key not in metadata:
        raise PackageInvalid(f"The ONNX file's metadata has no {key}.")
    try:
        return ast.literal_eval(metadata[key][:_MAX_LITERAL_CHARS])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise PackageInvalid(f"The ONNX file's metadata has an unreadable {key}.") from None


def _image_size(metadata: Mapping[str, str]) -> Size:
    written = _literal(metadata, "imgsz")
    lengths = written if isinstance(written, list | tuple) else [written, written]
    match lengths:
        case [int(height), int(width)] if height > 0 and width > 0:
            return height, width
    raise PackageInvalid(f"The ONNX file's metadata has imgsz {written!r}; allowed: [height, width].")


def _stride(metadata: Mapping[str, str]) -> int:
    written = _literal(metadata, "stride") if "stride" in metadata else _DEFAULT_STRIDE_PX
    if isinstance(written, bool) or not isinstance(written, int) or written < 1:
        raise PackageInvalid(f"The ONNX file's metadata has stride {written!r}; allowed: a whole number from 1.")
    return written


def _is_dynamic(metadata: Mapping[str, str]) -> bool:
    arguments = _literal(metadata, "args") if "args" in metadata else {}
    return isinstance(arguments, dict) and arguments.get("dynamic") is True
