"""The operator must fix a setting."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class ConfigurationError(SaccadeError):
    """The operator must fix a setting."""

    code = "configuration_invalid"


class SettingInvalid(ConfigurationError):
    """A setting's value has the wrong type or lies outside its range."""

    code = "setting_invalid"
    default_hint = "saccade doctor shows each setting and where it came from."


class SettingUnknown(ConfigurationError):
    """A SACCADE_ variable names no setting."""

    code = "setting_unknown"
    default_hint = "Check the spelling; docs/reference/settings.md lists them all."


class SchemeUnknown(ConfigurationError):
    """A URL's scheme is in no table of backends."""

    code = "scheme_unknown"
    default_hint = "The message lists the schemes that are known."


class BackendNotInstalled(ConfigurationError):
    """The backend exists, but its driver is not installed."""

    code = "backend_not_installed"
    default_hint = "Install the extra named in the message."


class BindRefused(ConfigurationError):
    """The server would listen beyond this machine without any way to tell who is asking."""

    code = "bind_refused"
    default_hint = (
        "Say SACCADE_ACCESS_MODE=required to ask everybody who they are, bind to 127.0.0.1, "
        "or say SACCADE_SERVER_ALLOW_ANYONE=true if everybody may use it."
    )


class AddressUnavailable(ConfigurationError):
    """The server cannot listen there: the port is taken, or the address is not of this machine."""

    code = "address_unavailable"
    default_hint = (
        "Stop what listens there, or choose another SACCADE_SERVER_HOST or SACCADE_SERVER_PORT (--port 0: a free one)."
    )


class ProductionUnsafe(ConfigurationError):
    """A setting is fit for development only, and this is production."""

    code = "production_unsafe"
    default_hint = "The message says what to set; saccade doctor lists everything that production refuses."


class DevelopmentOnly(ConfigurationError):
    """This is a tool for development, and refuses to work in production."""

    code = "development_only"
    default_hint = "In production tokens come from your identity provider; see SACCADE_JWT_JWKS."
