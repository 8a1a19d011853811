"""The calls of the protocol, each one request to our own routes and its answer as a message."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar, cast

import grpc
from google.protobuf.json_format import ParseDict
from grpc import aio
from starlette.types import ASGIApp

from saccade.api.faces.oip_requests import HEADER_LENGTH
from saccade.api.rpc import inference_pb2 as pb
from saccade.api.rpc.calls import Reply, request
from saccade.api.rpc.tensors import body_of, response_of
from saccade.errors import ParameterInvalid

SERVICE = "inference.GRPCInferenceService"

M = TypeVar("M")
R = TypeVar("R")

#: By status of HTTP, the code of gRPC.
_CODES: Mapping[int, grpc.StatusCode] = {
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.NOT_IMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
#: What of the metadata our routes look at: who asks, by which name, and whether a proxy or a page stands in between.
_PASSED_ON = frozenset(
    {"authorization", "x-api-key", "x-request-id", "forwarded", "x-real-ip", "origin", "sec-fetch-site"}
)
_PASSED_ON_PREFIX = "x-forwarded-"
#: What our answers say beside the message.
_TOLD = ("x-request-id", "retry-after", "server-timing")


class Calls:
    """Answers each call through the application."""

    def __init__(self, app: ASGIApp) -> None:
        """Keep the application, with all its layers."""
        self._app = app

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server is given: every call by its name."""
        named = {
            "ServerLive": _unary(self.server_live, pb.ServerLiveRequest),
            "ServerReady": _unary(self.server_ready, pb.ServerReadyRequest),
            "ModelReady": _unary(self.model_ready, pb.ModelReadyRequest),
            "ServerMetadata": _unary(self.server_metadata, pb.ServerMetadataRequest),
            "ModelMetadata": _unary(self.model_metadata, pb.ModelMetadataRequest),
            "ModelInfer": _unary(self.model_infer, pb.ModelInferRequest),
            "RepositoryIndex": _unary(self.repository_index, pb.RepositoryIndexRequest),
            "RepositoryModelLoad": _unary(self.repository_model_load, pb.RepositoryModelLoadRequest),
            "RepositoryModelUnload": _unary(self.repository_model_unload, pb.RepositoryModelUnloadRequest),
        }
        return grpc.method_handlers_generic_handler(SERVICE, named)

    async def is_ready(self) -> bool:
        """Tell whether the models are loaded."""
        reply = await request(self._app, "GET", "/v2/health/ready")
        return reply.status == HTTPStatus.OK

    async def server_live(self, _: pb.ServerLiveRequest, context: aio.ServicerContext) -> pb.ServerLiveResponse:
        """Answer as long as the process answers at all."""
        reply = await self._ask(context, "GET", "/v2/health/live")
        return _message(pb.ServerLiveResponse(), reply)

    async def server_ready(self, _: pb.ServerReadyRequest, context: aio.ServicerContext) -> pb.ServerReadyResponse:
        """Tell whether the models are loaded."""
        reply = await self._ask(context, "GET", "/v2/health/ready", answers="ready")
        return _message(pb.ServerReadyResponse(), reply)

    async def model_ready(self, message: pb.ModelReadyRequest, context: aio.ServicerContext) -> pb.ModelReadyResponse:
        """Tell whether a model is in service."""
        path = await _path(context, message.name, message.version)
        reply = await self._ask(context, "GET", f"{path}/ready", answers="ready")
        return _message(pb.ModelReadyResponse(), reply)

    async def server_metadata(
        self, _: pb.ServerMetadataRequest, context: aio.ServicerContext
    ) -> pb.ServerMetadataResponse:
        """Name the server, its version and its extensions."""
        return _message(pb.ServerMetadataResponse(), await self._ask(context, "GET", "/v2"))

    async def model_metadata(
        self, message: pb.ModelMetadataRequest, context: aio.ServicerContext
    ) -> pb.ModelMetadataResponse:
        """Say what a model takes and gives."""
        path = await _path(context, message.name, message.version)
        return _message(pb.ModelMetadataResponse(), await self._ask(context, "GET", path))

    async def model_infer(self, message: pb.ModelInferRequest, context: aio.ServicerContext) -> pb.ModelInferResponse:
        """Say what a model sees in pictures."""
        path = await _path(context, message.model_name, message.model_version)
        try:
            body, length = body_of(message)
        except ParameterInvalid as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        header = (HEADER_LENGTH.lower().encode("ascii"), str(length).encode("ascii"))
        reply = await self._ask(context, "POST", f"{path}/infer", body=body, header=header)
        return response_of(reply)

    async def repository_index(
        self, message: pb.RepositoryIndexRequest, context: aio.ServicerContext
    ) -> pb.RepositoryIndexResponse:
        """List every version of every model."""
        body = json.dumps({"ready": message.ready}).encode()
        reply = await self._ask(context, "POST", "/v2/repository/index", body=body)
        entries = cast("list[Mapping[str, str]]", json.loads(reply.body))
        return pb.RepositoryIndexResponse(models=entries)

    async def repository_model_load(
        self, message: pb.RepositoryModelLoadRequest, context: aio.ServicerContext
    ) -> pb.RepositoryModelLoadResponse:
        """Load a model."""
        name = message.model_name or message.repository_name  # KServe's clients write the name where Triton's do not
        path = await _path(context, name, "", root="/v2/repository/models")
        # Only that there are some matters: none of them is offered.
        body = json.dumps({"parameters": dict.fromkeys(message.parameters, True)}).encode()
        await self._ask(context, "POST", f"{path}/load", body=body)
        return pb.RepositoryModelLoadResponse(model_name=name, isLoaded=True)

    async def repository_model_unload(
        self, message: pb.RepositoryModelUnloadRequest, context: aio.ServicerContext
    ) -> pb.RepositoryModelUnloadResponse:
        """Take a model out of service."""
        name = message.model_name or message.repository_name
        path = await _path(context, name, "", root="/v2/repository/models")
        await self._ask(context, "POST", f"{path}/unload")
        return pb.RepositoryModelUnloadResponse(model_name=name, isUnloaded=True)

    async def _ask(
        self,
        context: aio.ServicerContext,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        header: tuple[bytes, bytes] | None = None,
        answers: str | None = None,
    ) -> Reply:
        """Return what a route answers; end the call where it refuses.

        Args:
            context: Of the call.
            method: Of the route.
            path: Of the route.
            body: Of the request.
            header: One more header.
            answers: A member whose presence makes an answer of 503 no refusal.
        """
        passed_on = [(b"content-type", b"application/json" if header is None else b"application/octet-stream")]
        passed_on += _headers(context)
        if header is not None:
            passed_on.append(header)
        reply = await request(self._app, method, path, headers=passed_on, body=body, client=_peer(context))
        told = tuple((name, reply.headers[name]) for name in _TOLD if name in reply.headers)
        if reply.status == HTTPStatus.OK or (answers is not None and answers in reply.document):
            context.set_trailing_metadata(told)
            return reply
        is_refused = HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
        other = grpc.StatusCode.INVALID_ARGUMENT if is_refused else grpc.StatusCode.INTERNAL
        detail = str(reply.document.get("error", "The server failed in a way that it should not."))
        await context.abort(_CODES.get(reply.status, other), detail, told)
        return reply


def _unary(answer: Callable[[M, aio.ServicerContext], Awaitable[R]], kind: type[M]) -> grpc.RpcMethodHandler:
    """Return the handler of a call of one message with one message."""
    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=kind.FromString,  # type: ignore[attr-defined]  # every message has it
        response_serializer=lambda message: message.SerializeToString(),
    )


def _message(message: R, reply: Reply) -> R:
    """Return a message filled with the members of an answer that it has, by their names."""
    ParseDict(reply.document, message, ignore_unknown_fields=True)
    return message


async def _path(context: aio.ServicerContext, name: str, version: str, *, root: str = "/v2/models") -> str:
    """Return the path of a model; end the call where a name would be more of a path than its own part."""
    if not name or "/" in name or "/" in version:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no model {name[:128]!r}.")
    return f"{root}/{name}/versions/{version}" if version else f"{root}/{name}"


def _headers(context: aio.ServicerContext) -> list[tuple[bytes, bytes]]:
    """Return the metadata that our routes look at, as headers."""
    passed_on: list[tuple[bytes, bytes]] = []
    for name, value in context.invocation_metadata() or ():
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIX):
            data = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
            passed_on.append((name.encode("ascii"), data))
    return passed_on


def _peer(context: aio.ServicerContext) -> tuple[str, int] | None:
    """Return where a call comes from: gRPC writes ``ipv4:127.0.0.1:5000`` and ``ipv6:%5B::1%5D:5000``."""
    kind, _, address = context.peer().partition(":")
    host, _, port = address.replace("%5B", "").replace("%5D", "").rpartition(":")
    return (host, int(port)) if kind in {"ipv4", "ipv6"} and port.isdigit() else None
