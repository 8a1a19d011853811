"""The ``onnxruntime`` engine: runs ONNX graphs on the CPU. The only file that knows ONNX Runtime's session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import numpy as np

from saccade.backends.words import first_line
from saccade.errors import GraphFailed
from saccade.models.ports import TensorSpec
from saccade.vision.arrays import Tensor

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
_PRECISIONS = {"float32": "fp32", "float16": "fp16", "float64": "fp64", "uint8": "uint8", "int8": "int8"}


class _Node(Protocol):
    name: str
    shape: list[int | str | None]
    type: str


class _Meta(Protocol):
    custom_metadata_map: dict[str, str]


class _Native(Protocol):
    def get_inputs(self) -> list[_Node]: ...
    def get_outputs(self) -> list[_Node]: ...
    def get_modelmeta(self) -> _Meta: ...
    def run(self, names: list[str], feeds: Mapping[str, Tensor]) -> list[object]: ...


def silent_onnxruntime() -> ModuleType:
    """Import ONNX Runtime with its telemetry off.

    Its wheels keep a database of events below ~/.cache and send it to the vendor; only this variable, set before the
    import, stops both. A server that promises to need no network must not call home.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # noqa: TID251 - another library's setting, not one of ours
    import onnxruntime

    return cast("ModuleType", onnxruntime)


class OnnxEngine:
    """Opens ONNX files, with a fixed number of threads for each run."""

    def __init__(self, *, threads: int = 1) -> None:
        """Choose the threads of one run; ONNX Runtime would take the machine's cores, not those of the process."""
        self._threads = threads

    def open(self, graph: Path) -> OnnxSession:
        """Load a graph.

        Raises:
            GraphFailed: ONNX Runtime refuses the file.
        """
        onnxruntime = silent_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Without it a run's peak stays with the process: batches of odd shapes would add up.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            native = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise GraphFailed(f"ONNX Runtime cannot load {graph.name}: {first_line(error)}") from error
        return OnnxSession(cast("_Native", native))


class OnnxSession:
    """A graph in ONNX Runtime. ``run`` is thread-safe."""

    def __init__(self, native: _Native) -> None:
        """Wrap a native session."""
        self._native: _Native | None = native
        self._inputs = tuple(_spec(node) for node in native.get_inputs())
        self._outputs = tuple(_spec(node) for node in native.get_outputs())
        self._names = [spec.name for spec in self._outputs]
        self._metadata = dict(native.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the graph takes."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What the graph gives, in order."""
        return self._outputs

    @property
    def metadata(self) -> Mapping[str, str]:
        """The exporter's own words."""
        return self._metadata

    @property
    def runtime(self) -> str:
        """Engine, device and the precision of the first input."""
        return f"onnxruntime/cpu/{_PRECISIONS.get(self._inputs[0].dtype, 'fp32') if self._inputs else 'fp32'}"

    def run(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the graph once.

        Raises:
            GraphFailed: The graph was closed, or ONNX Runtime failed inside.
        """
        native = self._native
        if native is None:
            raise GraphFailed("The graph was closed.")
        try:
            values = native.run(self._names, feeds)
        except Exception as error:
            raise GraphFailed(f"The graph failed: {first_line(error)}") from error
        return {name: np.asarray(value) for name, value in zip(self._names, values, strict=True)}

    def close(self) -> None:
        """Drop the session; its memory goes with the last run under way."""
        self._native = None


def _spec(node: _Node) -> TensorSpec:
    """Translate ONNX Runtime's description of an input or output; symbolic sizes are free."""
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in node.shape)
    return TensorSpec(node.name, shape, _DTYPES.get(node.type, "float32"))
