"""The one door to every route: who asks, may they, and have they not asked for too much. Before a body is read.

Every route declares its action where it is described; a route without one cannot be made.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from saccade.access.policy import PUBLIC, Action, Resource
from saccade.access.principals import ANONYMOUS, Principal, Role, Via
from saccade.access.service import OWN_PREFIXES, Access
from saccade.api.context import context_of
from saccade.api.credentials import credential_of
from saccade.api.dependencies import authentications_of, platform_of
from saccade.api.middleware.guard import page_refusal
from saccade.api.principals import bare_name, refusal_of
from saccade.api.tolls import count_request
from saccade.errors import CredentialInvalid, UnavailableError
from saccade.settings import AccessMode, Settings

#: Where a route's description keeps its action; it is shown in the OpenAPI document.
ACTION_KEY = "x-saccade-action"
#: Where a route's description keeps the number of the face that it belongs to, if it belongs to one.
FACE_KEY = "x-saccade-face"

_Handler = Callable[[Request], Coroutine[object, object, Response]]


class GuardedRoute(APIRoute):
    """A route behind the door."""

    @property
    def action(self) -> Action:
        """What the route does.

        Raises:
            TypeError: Its description does not say.
        """
        described = (self.openapi_extra or {}).get(ACTION_KEY)
        if described is None:
            raise TypeError(f"{self.path} declares no action.")
        return Action(described)

    @property
    def face(self) -> str | None:
        """Number of the face that the route belongs to."""
        described = (self.openapi_extra or {}).get(FACE_KEY)
        return None if described is None else str(described)

    @override
    def get_route_handler(self) -> _Handler:
        """Return what answers a request that may come in."""
        handle, action, path, face = super().get_route_handler(), self.action, self.path, self.face

        async def guarded(request: Request) -> Response:
            await _let_in(request, action, path, face)
            return await handle(request)

        return guarded


async def _let_in(request: Request, action: Action, path: str, face: str | None) -> None:
    """Return if the request may come in, having noted who sent it.

    Raises:
        AccessError: It may not.
        UnavailableError: Nobody can tell at this moment, or they asked for too much.
    """
    platform = platform_of(request)
    settings = platform.settings
    is_for_all = action in PUBLIC or (action is Action.METRICS_READ and settings.access.metrics_for_all)
    if is_for_all:
        return
    principal = await _who(request, platform.access, settings)
    if principal is None and face is not None:
        principal = await _acting(request, face)
    model = request.path_params.get("model")
    resource = Resource(model=bare_name(model)) if isinstance(model, str) else Resource()
    refusal = refusal_of(principal, action, resource)
    if principal is not None:
        context_of(request.scope).principal = principal
        await count_request(request, principal, f"{request.method} {path}")  # what is forbidden is counted too
    if refusal is not None:
        raise refusal


async def _who(request: Request, access: Access, settings: Settings) -> Principal | None:
    """Return who sent a request; on an open server everybody who does not say is the same one.

    What an open server does not recognise it passes over, so that clients which always send some token work; only what
    looks like a secret of ours must be one.
    """
    is_open = settings.access.mode is AccessMode.OPEN
    try:
        text = credential_of(request.scope)
        if text is not None:
            return access.recall(text) or await authentications_of(request).run(access.read, text)
    except (CredentialInvalid, UnavailableError):
        if not is_open or _looks_like_ours(request):
            raise
    return _anonymous(settings) if is_open else None


async def _acting(request: Request, face: str) -> Principal | None:
    """Return whom a face acts as for those who say nothing, if it acts as somebody.

    Raises:
        OriginRefused: A page of another site had a browser ask: it would act as the account just so.
        Unauthenticated: The account is not here, or is shut out.
        UnavailableError: Nobody can tell.
    """
    name = request.app.state.acting.get(face)
    if name is None:
        return None
    platform = platform_of(request)
    foreign = page_refusal(request.scope, platform.settings.server.cors_origins)
    if foreign is not None:
        raise foreign
    acting = platform.acting
    return acting.recall(name) or await authentications_of(request).run(acting.read, name)


def _anonymous(settings: Settings) -> Principal:
    """Return everybody: who can reach a server that stays on its machine owns it; beyond that nobody is an admin.

    Where every web page may call, whoever wrote any of them reaches it too.
    """
    if not settings.server.allow_anyone and "*" not in settings.server.cors_origins:
        return ANONYMOUS
    return Principal(ANONYMOUS.id, ANONYMOUS.name, frozenset({Role.INVESTIGATOR}), Via.OPEN)


def _looks_like_ours(request: Request) -> bool:
    """Say whether any credential of the request looks like one of ours."""
    shown = (value for name, value in request.headers.items() if name in {"authorization", "x-api-key"})
    return any(word.startswith(OWN_PREFIXES) for value in shown for word in value.split())
