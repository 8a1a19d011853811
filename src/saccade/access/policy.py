"""Who may do what: one table of roles, one of scopes, and one pure function that reads them.

Nothing else decides. The edge asks before it does anything; where a thing belongs to somebody else, the answer is the
same as if it did not exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from saccade.access.principals import Principal, Role, Service


class Action(StrEnum):
    """What a route does; every route declares one."""

    SERVICE_READ = "service:read"
    METRICS_READ = "metrics:read"
    CONFIG_READ = "config:read"
    SESSION_OPEN = "session:open"
    PROFILE_READ = "profile:read"
    PROFILE_WRITE = "profile:write"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    MODELS_REGISTER = "models:register"
    PREDICT = "predict"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    IMAGES_READ = "images:read"
    IMAGES_WRITE = "images:write"
    USAGE_READ = "usage:read"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    SERVICE_KEYS_WRITE = "service-keys:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"


class Verdict(Enum):
    """What the policy says."""

    ALLOWED = auto()
    UNKNOWN_CALLER = auto()
    """Say who you are."""
    FORBIDDEN = auto()
    """You may not do this."""
    HIDDEN = auto()
    """For you there is no such thing."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is to be acted on.

    Attributes:
        owner: Id of the principal that it belongs to; None where it belongs to nobody.
        model: Name of the model, without version, where one is asked for.
    """

    owner: str | None = None
    model: str | None = None


NO_RESOURCE = Resource()

#: What needs no credentials.
PUBLIC = frozenset({Action.SERVICE_READ, Action.SESSION_OPEN})

_EVERYBODY = frozenset({Action.PROFILE_READ, Action.PROFILE_WRITE})
_INVESTIGATOR = frozenset(
    {
        Action.CONFIG_READ,
        Action.MODELS_READ,
        Action.PREDICT,
        Action.JOBS_READ,
        Action.JOBS_WRITE,
        Action.IMAGES_READ,
        Action.IMAGES_WRITE,
        Action.USAGE_READ,
        Action.KEYS_READ,
        Action.KEYS_WRITE,
    }
)
_RESEARCHER = _INVESTIGATOR | {Action.MODELS_WRITE, Action.MODELS_REGISTER, Action.SERVICE_KEYS_WRITE}

#: What each role may do, beside what is public; None stands for those who were given no role.
GRANTS: Mapping[Role | None, frozenset[Action]] = {
    None: _EVERYBODY,
    Role.INVESTIGATOR: _INVESTIGATOR,
    Role.RESEARCHER: _RESEARCHER,
    Role.ADMIN: frozenset(Action),
}

#: What a scope of a key lets through, of what its owner's roles allow. ``predict:`` goes on with a model's name or *.
PREDICT_SCOPE = "predict:"
_PREDICT = re.compile(PREDICT_SCOPE + r"(\*|[a-z0-9][a-z0-9._-]{0,99})")
SCOPES: Mapping[str, frozenset[Action]] = {
    "jobs:read": frozenset({Action.JOBS_READ}),
    "jobs:write": frozenset({Action.JOBS_WRITE}),
    "images:read": frozenset({Action.IMAGES_READ}),
    "images:write": frozenset({Action.IMAGES_WRITE}),
    "models:admin": frozenset({Action.MODELS_READ, Action.MODELS_WRITE, Action.MODELS_REGISTER}),
    "usage:read": frozenset({Action.USAGE_READ}),
    "metrics:read": frozenset({Action.METRICS_READ}),
}
#: What every key lets through: who am I, and how large may a picture be.
_ANY_KEY = frozenset({Action.PROFILE_READ, Action.CONFIG_READ})
#: What is named like its scope, and needs that of the model too where one is asked.
_WITH_A_MODEL = frozenset({Action.JOBS_WRITE, Action.IMAGES_WRITE})
_PREDICT_ACTIONS = frozenset({Action.MODELS_READ, Action.PREDICT})

#: What a service key opens, as long as its owner may make such keys; and nothing else.
SERVICES: Mapping[Service, frozenset[Action]] = {Service.PREDICT: frozenset({Action.MODELS_REGISTER})}


def allow(principal: Principal | None, action: Action, resource: Resource = NO_RESOURCE) -> Verdict:
    """Say whether somebody may do something; pure, and the only place that knows.

    Args:
        principal: Who asks; None if they did not say.
        action: What is to be done.
        resource: What it is to be done to. A model counts where the action is to predict or to submit.
    """
    if action in PUBLIC:
        return Verdict.ALLOWED
    if principal is None:
        return Verdict.UNKNOWN_CALLER
    if principal.service is not None:
        may_have_it = _granted(principal.roles, Action.SERVICE_KEYS_WRITE)
        return Verdict.ALLOWED if may_have_it and action in SERVICES[principal.service] else Verdict.FORBIDDEN
    if not _granted(principal.roles, action) or not _in_scope(principal.scopes, action, resource):
        return Verdict.FORBIDDEN
    is_foreign = resource.owner is not None and resource.owner != principal.id
    return Verdict.HIDDEN if is_foreign and not principal.is_admin else Verdict.ALLOWED


def is_scope(text: str) -> bool:
    """Say whether a key may be limited to this: a model stands without its version, as in ``predict:circles``."""
    return text in SCOPES or _PREDICT.fullmatch(text) is not None


def _granted(roles: frozenset[Role], action: Action) -> bool:
    return action in GRANTS[None] or any(action in GRANTS[role] for role in roles)


def _in_scope(scopes: frozenset[str] | None, action: Action, resource: Resource) -> bool:
    """Say whether a key's scopes let this through; who came without a key has none in the way."""
    if scopes is None or action in _ANY_KEY:
        return True
    if action is Action.PREDICT:
        return _covers(scopes, resource.model)
    if action in _WITH_A_MODEL and resource.model is not None:
        return action.value in scopes and _covers(scopes, resource.model)
    return any(action in _let_through(scope) for scope in scopes)


def _covers(scopes: frozenset[str], model: str | None) -> bool:
    """Say whether a key is for this model; where the model is not known yet, whether it is for any."""
    if model is None:
        return any(scope.startswith(PREDICT_SCOPE) for scope in scopes)
    return f"{PREDICT_SCOPE}*" in scopes or f"{PREDICT_SCOPE}{model}" in scopes


def _let_through(scope: str) -> frozenset[Action]:
    return _PREDICT_ACTIONS if scope.startswith(PREDICT_SCOPE) else SCOPES.get(scope, frozenset())
