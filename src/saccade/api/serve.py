"""Serving on a socket that is already bound and listens."""

from __future__ import annotations

import asyncio
import gc
import socket

from anyio.to_thread import run_sync
from typing_extensions import override

from saccade.api.companion import MakeCompanion
from saccade.api.logs import configure_logs, log_hint_failure, log_load_failure, log_waiting
from saccade.api.rpc.beside import Rpc
from saccade.settings import Settings
from saccade.wiring import Reports, open_platform

#: How long an idle connection is kept.
KEEP_ALIVE_S = 5


def run(settings: Settings, bound: socket.socket, *, companion: MakeCompanion) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get ``grace_s`` to end. Prints nothing but log lines.

    Args:
        settings: Everything else.
        bound: A listening TCP socket; it is closed at the end.
        companion: Makes what opens jobs and works on them beside the server.

    Raises:
        ConfigurationError: A setting keeps jobs from being opened, or gRPC.
    """
    configure_logs(settings.log, environment=settings.place.environment)
    platform = open_platform(
        settings, reports=Reports(load_failure=log_load_failure, waiting=log_waiting, hint_failure=log_hint_failure)
    )
    # Models load on a thread of their own while this one imports the web framework: either takes a third of a second.
    platform.start()
    from uvicorn import Config, Server

    from saccade.api.app import create_app
    from saccade.api.protocol import BoundedProtocol

    def end() -> None:
        server.should_exit = True

    beside = companion(platform, end)
    app = create_app(platform, companion=beside)
    rpc = Rpc(app, settings)

    class DrainingServer(Server):
        """Starts gRPC with itself, and tells everything else of the wish to stop before it waits for requests."""

        @override
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and not await rpc.start():
                self.should_exit = True  # and not at once: what runs already is closed in order

        @override
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.drain.begin()
            draining = asyncio.create_task(run_sync(beside.drain))
            # Among the server's own tasks, calls end as requests do: within the grace, and before anything is closed.
            calls = asyncio.create_task(rpc.stop())
            self.server_state.tasks.add(calls)
            calls.add_done_callback(self.server_state.tasks.discard)
            await super().shutdown(sockets)
            await draining

    config = Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.server.grace_s)),
    )
    server = DrainingServer(config)
    # Modules, routes and tables live as long as the process: the collector need never look at them again.
    gc.freeze()
    gc.enable()
    server.run(sockets=[bound])
    for fatal in (beside.fatal, rpc.fatal):
        if fatal is not None:
            raise fatal
