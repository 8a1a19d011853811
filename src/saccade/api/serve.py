"""Serving on a socket that is already bound and listens."""

from __future__ import annotations

import gc
import socket

from saccade.api.logs import configure_logs, log_load_failure
from saccade.settings import Settings
from saccade.wiring import open_platform

#: How long an idle connection is kept.
KEEP_ALIVE_S = 5


def run(settings: Settings, bound: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get ``grace_s`` to end. Prints nothing but log lines.

    Args:
        settings: Everything else.
        bound: A listening TCP socket; it is closed at the end.
    """
    configure_logs(settings.log, environment=settings.place.environment)
    platform = open_platform(settings, on_load_failure=log_load_failure)
    # Models load on a thread of their own while this one imports the web framework: either takes a third of a second.
    platform.start()
    from uvicorn import Config, Server

    from saccade.api.app import create_app
    from saccade.api.protocol import BoundedProtocol

    config = Config(
        create_app(platform),
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
    # Modules, routes and tables live as long as the process: the collector need never look at them again.
    gc.freeze()
    gc.enable()
    Server(config).run(sockets=[bound])
