"""The inspector's child process: reads one ONNX file under hard limits, prints what it found as one line of JSON.

It is the only place where a graph that nobody has looked at yet meets the ONNX libraries. It limits itself before it
opens the file, so that a graph which is a bomb or an attack takes down this process and nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from saccade.backends.engines.inspection_rules import (
    ALLOWED_DOMAINS,
    MAX_FILE_BYTES,
    MAX_METADATA_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_NODES,
    MIN_OPSET,
    REFUSED_OPERATORS,
    Refused,
    check_sidecar,
)

if TYPE_CHECKING:
    import onnx

#: So many values may share one entry of a list of numbers: four of two bits in a byte.
_MAX_PACKED = 4


def main() -> None:
    """Inspect the file named on the command line and print ``{"facts": …}`` or ``{"refused": "why"}``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("graph", type=Path)
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--cpu-s", type=int, required=True)
    parser.add_argument("--trial", choices=("run", "skip"), required=True)
    arguments = parser.parse_args()
    _limit(memory_bytes=arguments.memory_bytes, cpu_s=arguments.cpu_s)
    try:
        answer: dict[str, object] = {"facts": inspect(arguments.graph, trial=arguments.trial == "run")}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except (MemoryError, RecursionError) as error:
        answer = {"refused": f"reading it needs more memory than it may have ({type(error).__name__})"}
    sys.stdout.write(json.dumps(answer))


def _limit(*, memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def inspect(path: Path, *, trial: bool) -> dict[str, object]:
    """Check one graph and return its facts as plain data.

    Raises:
        Refused: It does something that a served graph may not do.
    """
    model = _load(path)
    nodes, graphs = _unfold([*model.graph.node, *(node for function in model.functions for node in function.node)])
    opset = _check_operators(model, nodes)
    tensors = list(_tensors(model, [model.graph, *graphs], nodes))
    external = sorted({name for tensor in tensors if (name := _check_tensor(tensor, path.parent)) is not None})
    _check_structure(path)
    if trial:
        from saccade.backends.engines.inspection_trial import try_graph

        try_graph(path)
    held = {tensor.name for tensor in model.graph.initializer}
    return {
        "inputs": [_value(value) for value in model.graph.input if value.name not in held],
        "outputs": [_value(value) for value in model.graph.output],
        "metadata": _metadata(model),
        "opset": opset,
        "parameters": sum(_count(tensor.dims) for tensor in tensors),
        "nodes": len(nodes),
        "operators": sorted({node.op_type for node in nodes}),
        "endings": _endings(model.graph),
        "external": external,
    }


def _endings(graph: onnx.GraphProto) -> list[str]:
    makers = {name: node.op_type for node in graph.node for name in node.output}
    return [str(makers.get(value.name, "")) for value in graph.output]


def _load(path: Path) -> onnx.ModelProto:
    import onnx

    size_bytes = path.stat().st_size
    if size_bytes > MAX_FILE_BYTES:
        raise Refused(f"it has {size_bytes} bytes; an ONNX file has less than 2 GiB")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("it is no ONNX file: it cannot be parsed") from error
    if model.training_info:
        raise Refused("it holds instructions for training")
    if not model.HasField("graph") or not model.graph.node:
        raise Refused("it is no ONNX file: there is no graph in it")
    return model


def _unfold(nodes: Iterable[onnx.NodeProto]) -> tuple[list[onnx.NodeProto], list[onnx.GraphProto]]:
    """Return these operators with all that are nested in them, and the graphs they are nested in; without recursion."""
    found: list[onnx.NodeProto] = []
    graphs: list[onnx.GraphProto] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        found.append(node)
        for attribute in node.attribute:
            nested = [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
            graphs.extend(nested)
            waiting.extend(inner for graph in nested for inner in graph.node)
    return found, graphs


def _check_operators(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> int:
    import onnx

    if len(nodes) > MAX_NODES:
        raise Refused(f"it has {len(nodes)} operators; at most {MAX_NODES} are read")
    functions = {(function.domain, function.name) for function in model.functions}
    for domain, name in [*((node.domain, node.op_type) for node in nodes), *functions]:
        if domain not in ALLOWED_DOMAINS:
            raise Refused(
                f"the operator '{name[:100]}' comes from the domain '{domain[:100]}', which is not a known one"
            )
        if name in REFUSED_OPERATORS:
            raise Refused(f"the operator '{name}' reaches outside the graph")
    _check_recursion(model)
    opset = max((item.version for item in model.opset_import if item.domain in {"", "ai.onnx"}), default=0)
    newest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= opset <= newest:
        raise Refused(f"its operator set is version {opset}; {MIN_OPSET} to {newest} are read")
    return int(opset)


def _check_recursion(model: onnx.ModelProto) -> None:
    """Refuse functions that call one another in a circle: whoever inlines them never ends."""
    calls = {
        (function.domain, function.name): {(node.domain, node.op_type) for node in _unfold(function.node)[0]}
        for function in model.functions
    }
    while leaves := [key for key, called in calls.items() if not called & calls.keys()]:
        for key in leaves:
            del calls[key]
    if calls:
        raise Refused(f"its function '{next(iter(calls))[1][:100]}' calls itself")


def _tensors(
    model: onnx.ModelProto, graphs: list[onnx.GraphProto], nodes: list[onnx.NodeProto]
) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that is stored in the file, wherever one can hide."""
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    attributes = [attribute for node in nodes for attribute in node.attribute]
    attributes += [attribute for function in model.functions for attribute in function.attribute_proto]
    for attribute in attributes:
        yield from [attribute.t] if attribute.HasField("t") else []
        yield from attribute.tensors
        for sparse in [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []:
            yield from (sparse.values, sparse.indices)
        for sparse in attribute.sparse_tensors:
            yield from (sparse.values, sparse.indices)


def _check_tensor(tensor: onnx.TensorProto, folder: Path) -> str | None:
    """Check where a tensor's values lie and that they are as many as it claims.

    Returns:
        The name of the file beside the graph that holds them; None where they are inside.
    """
    import onnx

    if any(size < 0 for size in tensor.dims):
        raise Refused(f"the tensor '{tensor.name[:100]}' claims a negative size")
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        return _check_external(tensor, folder)
    if tensor.HasField("raw_data"):
        is_true = len(tensor.raw_data) == _claimed_bytes(tensor)
    else:
        is_true = _count(tensor.dims) <= _MAX_PACKED * _held(tensor)
    if not is_true:
        raise Refused(f"the tensor '{tensor.name[:100]}' claims {_count(tensor.dims)} values and does not hold them")
    return None


def _held(tensor: onnx.TensorProto) -> int:
    fields = (tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data, tensor.uint64_data)
    return sum(len(field) for field in fields) + len(tensor.string_data)


def _check_external(tensor: onnx.TensorProto, folder: Path) -> str:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    unknown = entries.keys() - {"location", "offset", "length", "checksum"}
    if unknown:
        raise Refused(
            f"the tensor '{tensor.name[:100]}' has the unknown key '{min(unknown)[:100]}' in its external data"
        )
    location = str(entries.get("location", ""))
    fault = check_sidecar(folder, location)
    if fault is not None:
        raise Refused(fault)
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or _claimed_bytes(tensor))
    except ValueError as error:
        raise Refused(f"the external data of '{tensor.name[:100]}' has no number as offset or length") from error
    inside = 0 <= offset <= offset + length <= (folder / location).stat().st_size
    if not inside or length != _claimed_bytes(tensor):
        raise Refused(f"the external data of '{tensor.name[:100]}' is not inside '{location}'")
    return location


def _claimed_bytes(tensor: onnx.TensorProto) -> int:
    import onnx

    bits = {
        onnx.TensorProto.UINT4: 4,
        onnx.TensorProto.INT4: 4,
        onnx.TensorProto.FLOAT4E2M1: 4,
        getattr(onnx.TensorProto, "UINT2", -1): 2,
        getattr(onnx.TensorProto, "INT2", -1): 2,
    }.get(tensor.data_type)
    if bits is None:
        try:
            bits = 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        except (KeyError, TypeError) as error:
            raise Refused(f"the tensor '{tensor.name[:100]}' has the unknown type {tensor.data_type}") from error
    return (_count(tensor.dims) * bits + 7) // 8


def _check_structure(path: Path) -> None:
    import onnx

    try:
        onnx.checker.check_model(str(path))
    except MemoryError:
        raise
    except Exception as error:
        raise Refused(f"it is not a valid ONNX graph: {' '.join(str(error).split())[:300]}") from error


def _metadata(model: onnx.ModelProto) -> Mapping[str, str]:
    metadata = {item.key: item.value for item in model.metadata_props}
    if sum(len(key) + len(value) for key, value in metadata.items()) > MAX_METADATA_BYTES:
        raise Refused(f"its metadata is larger than {MAX_METADATA_BYTES // 1024**2} MiB")
    return metadata


def _value(value: onnx.ValueInfoProto) -> dict[str, object]:
    import onnx

    if len(value.name) > MAX_NAME_CHARACTERS:
        raise Refused("the name of an input or output is absurdly long")
    if not value.type.HasField("tensor_type"):
        return {"name": value.name, "shape": [], "dtype": "other"}
    tensor = value.type.tensor_type
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except (KeyError, TypeError):
        dtype = "other"
    shape = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim]
    return {"name": value.name, "shape": cast("list[int | None]", shape), "dtype": dtype}


def _count(dims: object) -> int:
    count = 1
    for size in cast("list[int]", dims):
        count *= size
    return count


if __name__ == "__main__":
    main()
