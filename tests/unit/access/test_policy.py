"""The policy as a table that is written here once more, and as laws that hold whoever asks for whatever."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.access.policy import PUBLIC, SCOPES, Action, Resource, Verdict, allow
from saccade.access.principals import Principal, Role, Service, Via

#: Action → the least role that has it: anybody, known (any role or none), investigator, researcher or admin.
LEAST = {
    "service:read": "anybody",
    "session:open": "anybody",
    "profile:read": "known",
    "profile:write": "known",
    "config:read": "investigator",
    "models:read": "investigator",
    "predict": "investigator",
    "jobs:read": "investigator",
    "jobs:write": "investigator",
    "images:read": "investigator",
    "images:write": "investigator",
    "usage:read": "investigator",
    "keys:read": "investigator",
    "keys:write": "investigator",
    "models:write": "researcher",
    "models:register": "researcher",
    "service-keys:write": "researcher",
    "users:read": "admin",
    "users:write": "admin",
    "metrics:read": "admin",
}
RANKS = ("anybody", "known", "investigator", "researcher", "admin")

_roles = some.frozensets(some.sampled_from(Role))
_scopes = some.frozensets(some.sampled_from([*SCOPES, "predict:*", "predict:circles", "predict:squares"]), min_size=1)
_principals = some.builds(
    Principal,
    id=some.sampled_from(["alice", "jwt:a"]),
    name=some.just("Alice"),
    roles=_roles,
    via=some.just(Via.KEY),
    scopes=some.none() | _scopes,
    service=some.none() | some.just(Service.PREDICT),
)
_resources = some.builds(
    Resource,
    owner=some.sampled_from([None, "alice", "jwt:a", "bob"]),
    model=some.sampled_from([None, "circles", "squares"]),
)
_actions = some.sampled_from(Action)


def test_table_names_every_action():
    """An action that is made is decided about here too."""
    assert sorted(LEAST) == sorted(action.value for action in Action)


@pytest.mark.parametrize("action", Action)
def test_role_has_what_the_table_says(action):
    """No more and no less, for each role alone, for none, and for those who did not say who they are."""
    nobody = allow(None, action)
    assert nobody is (Verdict.ALLOWED if LEAST[action] == "anybody" else Verdict.UNKNOWN_CALLER)
    for role in (None, *Role):
        roles = frozenset({role} if role else ())
        rank = RANKS.index(role.value if role else "known")
        expected = Verdict.ALLOWED if rank >= RANKS.index(LEAST[action]) else Verdict.FORBIDDEN

        assert allow(Principal("a", "A", roles, Via.SESSION), action) is expected, role


@given(_principals, _actions, _resources, _roles)
def test_another_role_never_takes_anything(who, action, resource, more):
    """Whoever is given a role may do all that they could before."""
    stronger = replace(who, roles=who.roles | more)

    assert allow(who, action, resource) is not Verdict.ALLOWED or allow(stronger, action, resource) is Verdict.ALLOWED


@given(_principals, _actions, _resources)
def test_key_opens_no_more_than_its_owner(who, action, resource):
    """Whatever its scopes; only what a service key is for is asked of the owner in another way."""
    owner = replace(who, scopes=None, service=None, via=Via.SESSION)
    if who.service is None and allow(who, action, resource) is Verdict.ALLOWED:
        assert allow(owner, action, resource) is Verdict.ALLOWED
    if who.service is not None and allow(who, action, resource) is Verdict.ALLOWED:
        assert action in PUBLIC or (action is Action.MODELS_REGISTER and {Role.RESEARCHER, Role.ADMIN} & who.roles)


@given(_principals, _actions, _resources, _scopes)
def test_scope_more_never_takes_anything(who, action, resource, more):
    """A key with more scopes opens all that it would with fewer."""
    if who.scopes is not None:
        wider = replace(who, scopes=who.scopes | more)
        assert allow(who, action, resource) is not Verdict.ALLOWED or allow(wider, action, resource) is Verdict.ALLOWED


@given(_principals, _actions, _resources)
def test_foreign_is_hidden_from_who_could_have_it_as_their_own(who, action, resource):
    """Only a logged-in admin sees it; who may not do it at all hears that, whosever it is."""
    own = allow(who, action, replace(resource, owner=who.id))
    foreign = allow(who, action, replace(resource, owner="somebody else"))
    sees_all = Role.ADMIN in who.roles and who.scopes is None
    walls = own is Verdict.ALLOWED and action not in PUBLIC and who.service is None and not sees_all

    assert foreign is (Verdict.HIDDEN if walls else own)
