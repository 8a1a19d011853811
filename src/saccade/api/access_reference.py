"""The page of who may do what, written from the policy itself and from the routes that ask it."""

from __future__ import annotations

from saccade.access.policy import PREDICT_SCOPE, PUBLIC, SCOPES, SERVICES, Action, Resource, Verdict, allow
from saccade.access.principals import Principal, Role, Via
from saccade.api.app import describe_app
from saccade.api.guard import GuardedRoute

_HEAD = """\
# Who may do what

<!-- Written by `make docs`. -->

Every route declares one action, and one function says who may do it: `allow` in `saccade/access/policy.py`.
How to let people in is told in [Let people in](../how-to/let-people-in.md).

On an open server (`SACCADE_ACCESS_MODE=open`, which stays on its machine) everybody is an admin; where it was told to
serve anyone (`SACCADE_SERVER_ALLOW_ANYONE=true`), everybody is an investigator.

## Roles and actions

*Own* means: only what belongs to the caller. What belongs to somebody else is answered as if it did not exist.
A role holds what stands in its column; whoever has several holds all of them together.

"""
#: What is done to things that somebody owns.
_OWNED = frozenset({Action.JOBS_READ, Action.JOBS_WRITE, Action.USAGE_READ, Action.KEYS_READ, Action.KEYS_WRITE})
#: What is only ever done to oneself: no route takes the name of another.
_OF_ONESELF = frozenset({Action.PROFILE_READ, Action.PROFILE_WRITE})
_ROLES: tuple[Role | None, ...] = (None, Role.INVESTIGATOR, Role.RESEARCHER, Role.ADMIN)


def access_page() -> str:
    """Return the page."""
    return f"{_HEAD}{_roles()}{_scopes()}{_services()}{_routes()}"


def _roles() -> str:
    heads = ["action", "no credentials", *("no role" if role is None else role.value for role in _ROLES)]
    lines = [f"| {' | '.join(heads)} |\n", f"|{' --- |' * len(heads)}\n"]
    for action in Action:
        cells = [f"`{action.value}`", "yes" if action in PUBLIC else "-", *(_cell(role, action) for role in _ROLES)]
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _cell(role: Role | None, action: Action) -> str:
    """Return what a role says of an action, by asking the policy of somebody's own thing and of another's."""
    principal = Principal("alice", "alice", frozenset() if role is None else frozenset({role}), Via.SESSION)
    if allow(principal, action, Resource(owner="alice")) is not Verdict.ALLOWED:
        return "-"
    if action in _OF_ONESELF:
        return "own"
    if action in _OWNED and allow(principal, action, Resource(owner="bob")) is Verdict.HIDDEN:
        return "own"
    return "yes"


_SCOPES_HEAD = """
## Scopes of a key

A key opens what its scopes let through of what its owner's roles allow, and never what belongs to others, whoever owns
it. Every key may ask who it is and what the settings are.
To submit a job takes `jobs:write`, and a `predict:` scope for each model.

| scope | lets through |
| --- | --- |
"""


def _scopes() -> str:
    predicts = _names({Action.PREDICT, Action.MODELS_READ})
    rows = {f"`{PREDICT_SCOPE}<model>`, `{PREDICT_SCOPE}*`": f"{predicts}, of that model or of all"}
    rows |= {f"`{scope}`": _names(actions) for scope, actions in SCOPES.items()}
    return _SCOPES_HEAD + "".join(f"| {scope} | {actions} |\n" for scope, actions in rows.items())


_SERVICES_HEAD = """
## Service keys

A service key opens one thing, as long as its owner may make such keys.

| type | opens |
| --- | --- |
"""


def _services() -> str:
    rows = [f"| `{service.value}` | {_names(actions)} |\n" for service, actions in SERVICES.items()]
    return _SERVICES_HEAD + "".join(rows)


def _routes() -> str:
    rows = sorted(
        (route.path, method, route.action.value)
        for route in describe_app().routes
        if isinstance(route, GuardedRoute)
        for method in sorted(route.methods or ())
    )
    lines = ["\n## Routes\n\n| route | action |\n| --- | --- |\n"]
    lines += [f"| `{method} {path}` | `{action}` |\n" for path, method, action in rows]
    return "".join(lines)


def _names(actions: frozenset[Action] | set[Action]) -> str:
    return ", ".join(f"`{action.value}`" for action in Action if action in actions)
