"""What goes wrong in the Open Inference Protocol, and in KServe's: the statuses that their clients know.

Both say 400 for whatever is wrong with a request, 503 for a model that is not ready, and 501 for what is not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from saccade.api.guard import GuardedRoute
from saccade.api.problems import on_saccade_error, respond, status_of
from saccade.errors import ModelFailed, ModelNotLoaded, ParameterInvalid, SaccadeError

_Handler = Callable[[Request], Coroutine[object, object, Response]]

#: A client that sent too much must send less, and one of a wrong kind another kind: these keep their status.
_AS_THEY_ARE = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class NotOffered(Exception):
    """The protocol knows this, and Saccade does not offer it; told by ``ProtocolRoute`` alone."""


class ProtocolRoute(GuardedRoute):
    """A route behind the door that refuses in the statuses of these protocols."""

    @override
    def get_route_handler(self) -> _Handler:
        """Return what answers a request that may come in."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except NotOffered as error:
                return respond(request.scope, ParameterInvalid(str(error)), status=HTTPStatus.NOT_IMPLEMENTED)
            except SaccadeError as error:
                status = protocol_status(error)
                if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                    return await on_saccade_error(request, error)
                return respond(request.scope, error, status=status)

        return told


def protocol_status(error: SaccadeError) -> int:
    """Return the status by which these protocols tell of an error."""
    if isinstance(error, ModelNotLoaded | ModelFailed):
        return HTTPStatus.SERVICE_UNAVAILABLE
    status = status_of(type(error))
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.BAD_REQUEST if is_refusal and status not in _AS_THEY_ARE else status
