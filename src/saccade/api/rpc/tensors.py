"""Inference messages of gRPC, and the body and the answer of ``POST …/infer`` that mean the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from saccade.api.faces.oip_requests import BINARY_DATA, BINARY_DATA_OUTPUT, BINARY_DATA_SIZE, HEADER_LENGTH
from saccade.api.faces.oip_tensors import BYTES, FP32, INT64, pack
from saccade.api.rpc import inference_pb2 as pb
from saccade.api.rpc.calls import Reply
from saccade.errors import ParameterInvalid


def body_of(message: pb.ModelInferRequest) -> tuple[bytes, int]:
    """Return the body of the request that a message means, and the length of its JSON.

    Raises:
        ParameterInvalid: Raw contents do not stand beside the inputs one by one.
    """
    raw: Sequence[bytes] = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise ParameterInvalid(f"{len(message.inputs)} inputs have {len(raw)} raw contents.")
    inputs: list[dict[str, object]] = []
    pieces: list[bytes] = []
    for place, given in enumerate(message.inputs):
        piece = raw[place] if raw else pack(BYTES, list(given.contents.bytes_contents))
        pieces.append(piece)
        parameters = {**_parameters(given.parameters), BINARY_DATA_SIZE: len(piece)}
        inputs.append(
            {
                "name": given.name,
                "datatype": given.datatype,
                "shape": list(given.shape),
                "parameters": parameters,
            }
        )
    is_raw = bool(raw)
    outputs = [
        {"name": wanted.name, "parameters": {**_parameters(wanted.parameters), BINARY_DATA: is_raw}}
        for wanted in message.outputs
    ]
    document: dict[str, object] = {
        "parameters": {**_parameters(message.parameters), BINARY_DATA_OUTPUT: is_raw},
        "inputs": inputs,
    }
    if message.id:
        document["id"] = message.id
    if outputs:
        document["outputs"] = outputs
    head = json.dumps(document).encode()
    return b"".join([head, *pieces]), len(head)


def response_of(reply: Reply) -> pb.ModelInferResponse:
    """Return an answer of ``…/infer`` as a message: raw where its outputs came as bytes, else in typed contents."""
    length = int(reply.headers.get(HEADER_LENGTH.lower(), len(reply.body)))
    document = cast("Mapping[str, object]", json.loads(reply.body[:length]))
    response = pb.ModelInferResponse(
        model_name=str(document["model_name"]),
        model_version=str(document["model_version"]),
        id=str(document.get("id", "")),
    )
    at = length
    for output in cast("list[Mapping[str, object]]", document["outputs"]):
        tensor = response.outputs.add(
            name=str(output["name"]), datatype=str(output["datatype"]), shape=cast("list[int]", output["shape"])
        )
        parameters = cast("Mapping[str, int]", output.get("parameters", {}))
        if BINARY_DATA_SIZE in parameters:
            size = parameters[BINARY_DATA_SIZE]
            response.raw_output_contents.append(reply.body[at : at + size])
            at += size
        else:
            _fill(tensor.contents, str(output["datatype"]), cast("list[object]", output["data"]))
    return response


def _fill(contents: pb.InferTensorContents, datatype: str, data: Iterable[object]) -> None:
    if datatype == BYTES:
        contents.bytes_contents.extend(str(element).encode() for element in data)
    elif datatype == FP32:
        contents.fp32_contents.extend(data)
    elif datatype == INT64:
        contents.int64_contents.extend(data)


def _parameters(given: Mapping[str, pb.InferParameter]) -> dict[str, object]:
    """Return parameters as JSON has them, leaving out those without a value."""
    parameters: dict[str, object] = {}
    for name, value in given.items():
        chosen = value.WhichOneof("parameter_choice")
        if chosen is not None:
            parameters[name] = getattr(value, chosen)
    return parameters
