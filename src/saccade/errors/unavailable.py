"""Nobody is to blame: the same request may succeed later."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class UnavailableError(SaccadeError):
    """Nobody is to blame: the same request may succeed later."""

    code = "unavailable"
    retryable = True
    retry_after_s: float = 1.0


class ModelLoading(UnavailableError):
    """The model is still loading."""

    code = "model_loading"
    default_hint = "Try again in a second."


class QueueFull(UnavailableError):
    """More work is waiting than the server is willing to promise."""

    code = "queue_full"
    default_hint = "Try again after the time in Retry-After."


class ShuttingDown(UnavailableError):
    """The server is stopping and takes no new work."""

    code = "shutting_down"
    default_hint = "Try again; another server or the next start answers."


class HubUnreachable(UnavailableError):
    """The model hub did not answer and the cache does not hold what was asked for."""

    code = "hub_unreachable"
    default_hint = "Check the network, or copy the snapshot into the cache and set HF_HUB_OFFLINE=1."


class ServerUnreachable(UnavailableError):
    """The command line asked a server that does not answer."""

    code = "server_unreachable"
    default_hint = "Check the address, or start one with saccade serve."
