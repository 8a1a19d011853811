"""How the routes of the Open Inference Protocol and of KServe are described in OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.access.policy import Action
from saccade.api.description import (
    JSON_TYPE,
    Operation,
    body_of,
    face_operation,
    header,
    option_parameters,
    parameter,
    ref,
)
from saccade.api.faces.oip_requests import HEADER_LENGTH

FACE = "oip"
KSERVE = "kserve"
_BINARY_TYPE = "application/octet-stream"
_INFER_PROBLEMS = (400, 403, 404, 408, 413, 415, 500, 501, 503)
_PREDICT_PROBLEMS = (400, 403, 404, 408, 413, 415, 500, 503)


def oip_operation(
    summary: str,
    *,
    action: Action,
    ok: str,
    problems: Sequence[int] = (),
    extra: Mapping[str, object] | None = None,
    told: Mapping[int, str] | None = None,
) -> Operation:
    """Describe a route of the protocol, whose errors are one text."""
    return face_operation(
        FACE, summary, action=action, ok=ok, error="OipError", problems=problems, extra=extra, told=told
    )


def infer_operation(summary: str) -> Operation:
    """Describe a route that takes pictures as tensors, in JSON or as bytes behind it."""
    length = parameter(HEADER_LENGTH, "header", "Bytes of JSON before the elements of inputs.", {"type": "string"})
    content = {JSON_TYPE: {"schema": ref("OipRequest")}, _BINARY_TYPE: {"schema": {}}}
    extra = {
        "parameters": [length, *option_parameters()],
        "requestBody": {"required": True, "content": content},
    }
    described = oip_operation(summary, action=Action.PREDICT, ok="OipAnswer", problems=_INFER_PROBLEMS, extra=extra)
    done = described["responses"][200]
    done["headers"] = {HEADER_LENGTH: header("Bytes of JSON before the elements of outputs.", kind="integer")}
    done["content"] = {JSON_TYPE: {"schema": ref("OipAnswer")}, _BINARY_TYPE: {"schema": {}}}
    return described


def load_operation(summary: str, *, ok: str) -> Operation:
    """Describe a route that loads or unloads a model."""
    problems = (400, 404, 408, 413, 501, 503)
    extra = body_of("OipLoading", required=False)
    return oip_operation(summary, action=Action.MODELS_WRITE, ok=ok, problems=problems, extra=extra)


def kserve_operation() -> Operation:
    """Describe ``POST /v1/models/{model}:predict``."""
    described = face_operation(
        KSERVE,
        "Predict, in KServe's first dialect",
        action=Action.PREDICT,
        ok="KServeAnswer",
        error="OipError",
        problems=_PREDICT_PROBLEMS,
        extra=body_of("KServeRequest"),
    )
    latency = header("Milliseconds from the first byte of the request to the answer.", kind="number")
    described["responses"][200]["headers"] = {"prediction-time-latency": latency}
    return described
