"""Every route in every role, as the server answers it: 403 exactly where the policy says so."""

import pytest

from saccade.access.development import issue
from saccade.access.policy import Verdict, allow
from saccade.access.principals import Principal, Role, Via
from saccade.api.app import describe_app
from saccade.api.guard import GuardedRoute
from unit.api.conftest import client_of

ROLES = (None, *Role)
#: What stands in paths: nothing of this name is there, so that nothing is done.
NAMES = {
    "model": "missing", "alias": "candidate", "version": "1", "name": "nobody-here", "role": "researcher",
    "job_id": "01890000-0000-7000-8000-000000000000", "delivery_id": "01890000-0000-7000-8000-000000000000",
    "uuid": "01890000-0000-7000-8000-000000000000", "object_id": "01890000-0000-7000-8000-000000000000",
    "image_id": "0" * 64, "md5": "0" * 32, "key_id": "0" * 20, "code": "forbidden",
}  # fmt: skip

#: These refuse everybody here, for another reason: a token is no session that could end, and registration is closed.
CLOSED = {("POST", "/v1/auth/logout"), ("POST", "/v1/auth/register")}


def routes():
    """Yield each (method, path with names in it, action)."""
    for route in describe_app().routes:
        if isinstance(route, GuardedRoute):
            for method in sorted(route.methods):
                yield method, route.path, route.action


ROUTES = tuple(routes())


@pytest.fixture(scope="module")
def client(module_platform):
    with client_of(module_platform) as client:
        yield client


@pytest.mark.parametrize("role", ROLES)
def test_route_is_forbidden_where_the_policy_says_so(module_platform, client, role):
    """Neither more nor less: who may not is told so before anything else, and who may is told anything but that."""
    roles = frozenset({role} if role else ())
    token = issue(module_platform.settings.home, f"somebody-{role}", roles, 600)
    somebody = Principal("dev:somebody", "somebody", roles, Via.DEVELOPMENT)
    wrong = []
    for method, path, action in ROUTES:
        target = path.format(**NAMES)
        answer = client.request(method, target, headers={"Authorization": f"Bearer {token}"})
        is_forbidden = allow(somebody, action) is Verdict.FORBIDDEN or (method, path) in CLOSED
        if answer.status_code == 401 or (answer.status_code == 403) != is_forbidden:
            wrong.append((method, path, action.value, answer.status_code))

    assert wrong == []


def test_matrix_has_every_route():
    """As many as the generated page lists, so that none is left out by its form."""
    assert len(ROUTES) * len(ROLES) >= 400
