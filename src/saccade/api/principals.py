"""Who is asking, as routes see them; found out by ``guard`` before a route begins."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from saccade.access.policy import Action, Resource, Verdict, allow
from saccade.access.principals import Principal
from saccade.api.context import context_of
from saccade.errors import Forbidden, SaccadeError, Unauthenticated


def caller_of(request: Request) -> Principal:
    """Return who sent a request.

    Raises:
        Unauthenticated: The route is open to everybody and they did not say.
    """
    principal = context_of(request.scope).principal
    if principal is None:
        raise unauthenticated()
    return principal


def principal_of(request: Request) -> str:
    """Return the id of who sent a request; what one principal keeps is hidden from every other."""
    return caller_of(request).id


def require(request: Request, action: Action, resource: Resource) -> None:
    """Return if the caller may do this: what the guard could not know before the request was read.

    Raises:
        AccessError: They may not.
    """
    refusal = refusal_of(context_of(request.scope).principal, action, resource)
    if refusal is not None:
        raise refusal


def require_models(request: Request, action: Action, models: Sequence[str]) -> None:
    """Return if the caller may use each of these models.

    Raises:
        Forbidden: Their key is not for one of them.
    """
    for model in models:
        require(request, action, Resource(model=bare_name(model)))


def bare_name(reference: str) -> str:
    """Return a model's name without its version: scopes are for all versions."""
    return reference.partition("@")[0]


def refusal_of(principal: Principal | None, action: Action, resource: Resource) -> SaccadeError | None:
    """Return why somebody may not do this, or None; what is hidden from them is for the route to deny."""
    verdict = allow(principal, action, resource)
    if verdict is Verdict.UNKNOWN_CALLER:
        return unauthenticated()
    if verdict is Verdict.FORBIDDEN:
        what = f"{action.value} {resource.model}" if resource.model else action.value
        return Forbidden(f"You may not do this: it needs {what!a}.")
    return None


def unauthenticated() -> Unauthenticated:
    """Return the refusal of those who did not say who they are."""
    return Unauthenticated("This server asks everybody who they are, and the request does not say.")
