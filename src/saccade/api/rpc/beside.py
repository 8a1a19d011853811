"""gRPC beside the HTTP server, or nothing where no port is given for it; its packages are imported only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from saccade.errors import BackendNotInstalled, SaccadeError
from saccade.settings import Settings

if TYPE_CHECKING:
    from saccade.api.rpc.server import RpcServer


class Rpc:
    """Starts and stops with the HTTP server.

    Attributes:
        fatal: Why the server must end, if it must.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Open nothing yet.

        Args:
            app: That answers, with all its layers.
            settings: Whether and where to listen.

        Raises:
            BackendNotInstalled: A port is given, and the packages are not here.
        """
        self._server = _server_of(app, settings) if settings.grpc.port else None
        self._grace_s = settings.server.grace_s
        self.fatal: SaccadeError | None = None

    async def start(self) -> bool:
        """Listen, if that is wanted, and say whether it went well; see ``fatal``."""
        try:
            if self._server is not None:
                await self._server.start()
        except SaccadeError as error:
            self.fatal = error
        return self.fatal is None

    async def stop(self) -> None:
        """Take no more calls, and let those under way end within the server's grace. Idempotent."""
        if self._server is not None:
            await self._server.stop(self._grace_s)


def _server_of(app: ASGIApp, settings: Settings) -> RpcServer:
    try:
        from saccade.api.rpc.server import RpcServer
    except ModuleNotFoundError as error:
        raise BackendNotInstalled(
            f"gRPC needs {error.name}, which is not installed.", hint="pip install 'saccade[grpc]'"
        ) from None
    return RpcServer(app, settings)
