"""The caller must come in another way."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class AccessError(SaccadeError):
    """The caller must come in another way."""

    code = "access_refused"


class HostRefused(AccessError):
    """An open server was asked under a name that is not a loopback address."""

    code = "host_refused"
    default_hint = "Open access answers only to localhost, 127.0.0.1 and [::1], and not through a proxy."


class OriginRefused(AccessError):
    """A web page of another origin asked an open server."""

    code = "origin_refused"
    default_hint = "The operator allows web origins with SACCADE_SERVER_CORS_ORIGINS."
