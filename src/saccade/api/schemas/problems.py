"""Problems, as RFC 9457 has them."""

from __future__ import annotations

from pydantic import Field

from saccade.api.schemas.shape import Shape


class Fault(Shape):
    """What is wrong with one parameter."""

    loc: str
    """The parameter."""

    msg: str
    """What is wrong."""

    type: str
    """Code of the error."""


class Problem(Shape):
    """What happened, and what to do about it."""

    type: str
    """Where the kind of problem is explained, on this server."""

    title: str
    """The kind of problem, in words."""

    status: int
    """The HTTP status; in a list of results, the one that this item alone would have had."""

    detail: str
    """What happened this time."""

    instance: str
    """Path of the request."""

    code: str
    """The kind of problem, for programs: stable."""

    request_id: str
    """As in the X-Request-ID header and in the server's log."""

    hint: str
    """What to do about it."""

    errors: list[Fault] | None = None
    """Parameter by parameter, when parameters are at fault; else missing."""

    violated_policies: list[str] | None = Field(None, alias="violated-policies")
    """Names of the limits that stand in the way, as in `RateLimit-Policy`, when limits do; else missing."""


class ProblemType(Shape):
    """One kind of problem."""

    code: str
    title: str
    status: int
    """The HTTP status it comes with."""

    hint: str
    """What to do about it."""

    retryable: bool
    """Whether the same request may succeed later."""
