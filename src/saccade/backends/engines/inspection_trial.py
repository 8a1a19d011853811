"""The trial run inside the inspector's child: does the graph load and run at all, within the child's limits?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from saccade.backends.engines.inspection_rules import Refused
from saccade.backends.words import first_line
from saccade.vision.arrays import Tensor

if TYPE_CHECKING:
    import onnxruntime as ort

#: Sides in px tried for free height and width, the likeliest first.
_SIDES_PX = (224, 640, 64, 256, 512, 384)
_CHANNELS = 3
_IMAGE_RANK = 4
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class _Input(Protocol):
    """What ONNX Runtime says of an input."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> list[int | str | None]: ...

    @property
    def type(self) -> str: ...


def try_graph(path: Path) -> None:
    """Load the graph and run it once on a black picture.

    Where height and width are free, several sides are tried. A graph that runs at none of them is still let through,
    for it may want a side that nobody can guess; one that asks for more memory than there is is not.

    Raises:
        Refused: It does not load, takes what no picture is, or cannot run.
    """
    session = _session(path)
    inputs = cast("Sequence[_Input]", session.get_inputs())
    is_free = any(not isinstance(size, int) for item in inputs for size in item.shape)
    for side_px in _SIDES_PX if is_free else _SIDES_PX[:1]:
        fault = _run(session, {item.name: _black(item, side_px=side_px) for item in inputs})
        if fault is None:
            return
        if not is_free or "alloc" in fault.lower():
            raise Refused(f"it does not run: {fault}")


def _session(path: Path) -> ort.InferenceSession:
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refused(f"ONNX Runtime does not load it: {first_line(error)}") from error


def _run(session: ort.InferenceSession, feeds: Mapping[str, Tensor]) -> str | None:
    """Run once; return what went wrong, None if nothing."""
    try:
        session.run(None, dict(feeds))
    except Exception as error:  # noqa: BLE001 - the runtime's errors have no family but Exception
        return first_line(error)
    return None


def _black(item: _Input, *, side_px: int) -> Tensor:
    """Return zeros (ones where the type is whole numbers: sizes and masks) in the shape that the input takes."""
    dtype = _DTYPES.get(item.type)
    if dtype is None:
        raise Refused(f"its input '{item.name[:100]}' takes {item.type}, which no picture is")
    guesses: dict[int, int] = {}
    if len(item.shape) >= _IMAGE_RANK - 1:
        last = len(item.shape)
        guesses = {last - 1: side_px, last - 2: side_px}
        if len(item.shape) == _IMAGE_RANK:
            guesses[1] = _CHANNELS
    shape = [size if isinstance(size, int) else guesses.get(axis, 1) for axis, size in enumerate(item.shape)]
    try:
        return np.ones(shape, dtype) if np.issubdtype(dtype, np.signedinteger) else np.zeros(shape, dtype)
    except (MemoryError, ValueError) as error:
        raise Refused(f"its input '{item.name[:100]}' has a shape that does not fit in memory") from error
