"""What production refuses: values that stand for something else, secrets that everybody knows, keys for development."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from saccade.errors import ProductionUnsafe
from saccade.settings.access import AccessMode
from saccade.settings.loading import Settings, variables
from saccade.settings.sections import Environment

#: What people write where something is still to be filled in.
_PLACEHOLDER = re.compile(
    r"replace[_-]?(me|with|this)|change[_-]?(me|it|this)|fixme|todo|your[_-](domain|host|issuer|password|secret|key|org)"
    r"|<[a-z][^<>]*>|\$\{|\bx{4,}\b|(^|[./@])example\.(com|org|net)\b|\.(example|invalid|test)\b",
    re.IGNORECASE,
)
#: Passwords that come with a package or stand in a tutorial.
_KNOWN_PASSWORDS = frozenset(
    {"admin", "changeme", "guest", "letmein", "mysql", "pass", "passwd", "password", "postgres", "redis", "root"}
    | {"rootpassword", "saccade", "secret", "test", "toor", "1234", "12345678", "123456"}
)
_URLS = ("SACCADE_DATABASE_URL", "SACCADE_HINTS_URL", "SACCADE_OBJECTS_URL", "SACCADE_RATE_URL")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_production(settings: Settings, *, development_key: bool = False) -> None:
    """Return if the settings are fit for where the server runs; anything goes outside of production.

    Args:
        settings: What is in force.
        development_key: Whether the home holds a key that signs development tokens.

    Raises:
        ProductionUnsafe: They are not; the message names the setting and says what to set.
    """
    fault = next(production_faults(settings, development_key=development_key), None)
    if fault is not None:
        raise ProductionUnsafe(fault)


def production_faults(settings: Settings, *, development_key: bool) -> Iterator[str]:
    """Yield all that is wrong with these settings for production; nothing outside of it."""
    if settings.place.environment is Environment.PROD:
        yield from _faults(settings, development_key=development_key)


def _faults(settings: Settings, *, development_key: bool) -> Iterator[str]:
    yield from _placeholders(settings)
    for name in _URLS:
        if _password_of(_value(settings, name)) in _KNOWN_PASSWORDS:
            yield f"{name} has a password that everybody knows: set one of your own there and in the service."
    if development_key:
        yield (
            "The home folder holds development-key.pem, which signs development tokens: delete it, and let people sign "
            "in with accounts, keys or your identity provider."
        )
    yield from _doors(settings)
    jwks = urlsplit(settings.jwt.jwks)
    if jwks.scheme == "http" and jwks.hostname not in _LOOPBACK:
        yield "SACCADE_JWT_JWKS is fetched without TLS, so that anybody on the way may change them: set an https URL."


def _doors(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with whom the server lets in."""
    is_open = settings.access.mode is AccessMode.OPEN
    if settings.origins["SACCADE_ACCESS_MODE"] == "default":
        yield (
            "SACCADE_ACCESS_MODE is not set: say whether callers are asked who they are. Set it to required, or to "
            "open if only programs of this machine use the server."
        )
    if is_open and settings.server.allow_anyone:
        yield (
            "SACCADE_SERVER_ALLOW_ANYONE=true serves everybody unasked: set SACCADE_ACCESS_MODE=required, or bind to "
            "loopback without it."
        )
    if is_open and "*" in settings.server.cors_origins:
        yield "SACCADE_SERVER_CORS_ORIGINS=* lets every web page use an open server: name the origins that may."
    if not is_open and not settings.rate.login.strip():
        yield "SACCADE_RATE_LOGIN is empty, so that passwords can be guessed without end: set it, as in 10/minute."


def _placeholders(settings: Settings) -> Iterator[str]:
    for name in variables():
        value = _value(settings, name)
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and _PLACEHOLDER.search(text) for text in texts):
            yield f"{name} still holds a placeholder: set what it stands for."


def _value(settings: Settings, name: str) -> object:
    variable = variables()[name]
    shown: object = getattr(settings, variable.section).model_dump(mode="json")[variable.field]
    return shown


def _password_of(url: object) -> str | None:
    """Return the password of a URL, in lower case; None if there is none to be read."""
    try:
        split = urlsplit(str(url))
        given = [value for name, value in parse_qsl(split.query) if name in {"password", "passwd", "pwd"}]
        password = split.password or next(iter(given), None)
    except ValueError:
        return None
    return unquote(password).lower() if password is not None else None
