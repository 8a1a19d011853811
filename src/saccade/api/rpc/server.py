"""The gRPC server beside the HTTP server: its port, its limits, its health and its reflection."""

from __future__ import annotations

import logging

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from starlette.types import ASGIApp

from saccade.api.bodies import ENVELOPE_BYTES
from saccade.api.faces.oip_requests import MAX_PICTURES
from saccade.api.rpc.service import SERVICE, Calls
from saccade.errors import AddressUnavailable
from saccade.settings import Settings

log = logging.getLogger("saccade.api")

#: More is no message that gRPC can have.
_MOST_BYTES = (1 << 31) - 1


class RpcServer:
    """Answers calls on a port of its own, on the event loop of the HTTP server."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Open nothing yet.

        Args:
            app: That answers, with all its layers.
            settings: Where to listen, and what a message may be.
        """
        self._app = app
        self._settings = settings
        self._server: aio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            AddressUnavailable: The port is taken, or the address is not of this machine.
        """
        settings = self._settings
        server = aio.server(
            options=[
                ("grpc.max_receive_message_length", message_bytes(settings)),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # or a second server would take half of the calls, and nobody would know
            ],
            maximum_concurrent_rpcs=settings.server.threads,
        )
        calls = Calls(self._app)
        server.add_generic_rpc_handlers((calls.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(_Health(calls), server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        host, port = settings.server.host, settings.grpc.port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            taken = server.add_insecure_port(address)
        except RuntimeError:
            taken = 0
        if not taken:
            raise AddressUnavailable(f"Cannot listen on {address} for gRPC.", hint="Choose another SACCADE_GRPC_PORT.")
        await server.start()
        self._server = server
        log.info("gRPC listens", extra={"facts": {"server.address": host, "server.port": taken}})

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and let those under way end for so long. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace_s)


def message_bytes(settings: Settings) -> int:
    """Return how large one message may be: as many of the largest pictures as a request takes, or the largest body."""
    pictures = settings.image.max_bytes * MAX_PICTURES + ENVELOPE_BYTES
    return min(pictures, settings.server.max_body_bytes, _MOST_BYTES)


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # gRPC has no types
    """Health as load balancers ask for it. ``Watch`` is not offered: clients then take the server for well."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def Check(  # noqa: N802 - the protocol's name
        self, message: health_pb2.HealthCheckRequest, context: aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Tell whether the models are loaded, of the whole server or of the protocol's service."""
        if message.service not in {"", SERVICE}:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service.")
        is_ready = await self._calls.is_ready()
        kinds = health_pb2.HealthCheckResponse
        return kinds(status=kinds.SERVING if is_ready else kinds.NOT_SERVING)
