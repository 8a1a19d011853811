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


class Unauthenticated(AccessError):
    """The request does not say who is asking."""

    code = "unauthenticated"
    default_hint = (
        "Send 'Authorization: Bearer …' with a key, a token or a session, or the key as X-API-Key. "
        "POST /v1/auth/login opens a session; admins and saccade keys create make keys."
    )


class CredentialInvalid(AccessError):
    """The key, token or session that came with the request is not valid here."""

    code = "credential_invalid"
    default_hint = "It may have expired or been disabled. Get a new one; the server does not say which part was wrong."


class LoginFailed(AccessError):
    """The name or the password is wrong."""

    code = "login_failed"
    default_hint = "Check both, or ask an admin for a new password."


class Forbidden(AccessError):
    """You are known, but may not do this."""

    code = "forbidden"
    default_hint = "GET /v1/me shows your roles and the scopes of your key; an admin gives roles."


class RegistrationClosed(AccessError):
    """Accounts are made by an admin here."""

    code = "registration_closed"
    default_hint = "Ask an admin, who runs saccade users create NAME; SACCADE_ACCESS_REGISTRATION=open opens it."
