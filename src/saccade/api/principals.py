"""Who is asking."""

from __future__ import annotations

from starlette.requests import Request

#: Everybody, while nobody is asked who they are.
ANONYMOUS = "anonymous"


def principal_of(request: Request) -> str:  # noqa: ARG001 - every caller has a request, and the answer will lie in it
    """Return who sent a request; what one principal keeps is hidden from every other."""
    return ANONYMOUS
