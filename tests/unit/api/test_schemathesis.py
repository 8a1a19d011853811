"""Generated requests against the description, on a server that asks who calls: no 5xx, and every answer is documented.

All of schemathesis' checks run, but for those that the comments below name with their reason.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
    use_after_free,
)

from conformance.stores import empty
from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.api.app import create_app, describe_app
from saccade.models.status import ModelState
from unit.api.conftest import FAILING

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
    use_after_free,
    ensure_resource_availability,
    # positive_data_acceptance is left out: what fits the description may still be no picture, no URL and no model.
    # missing_required_header is left out: no route requires a header of its own.
]
EXAMPLES = 30
REJECTIONS = [400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 428, 429, "5xx"]
FEWEST_CASES = 2000
#: These end what the token of the test may do, or are answered by how often they were asked.
CALM = {"rate_login": "1000000/second", "access_registration": "open"}


def modes_of(operation):
    """Return in which ways requests are made up.

    Only JSON can be wrong: the rest of these routes is text, and all text is well-formed. So is a form, where a list in
    the place of a text is one more part.
    """
    takes = operation.get("requestBody", {}).get("content", {})
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if "application/json" in takes else [])]


OPERATIONS = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for path, item in describe_app().openapi()["paths"].items()
    for method, operation in item.items()
    for mode in modes_of(operation)
]
ALL = settings(
    max_examples=EXAMPLES,
    derandomize=True,  # the same cases each time: another run finds nothing new in what did not change
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture
def guarded(make_platform):
    platform = make_platform(access_mode="required", **CALM, **{f"faces_{face}_model": "animals" for face in "012"})
    for name in FAILING:  # a model that fails on purpose is a 500 that sequences would find by its name
        del platform.registry.states[name]
    return platform


@pytest.fixture
def headers(guarded):
    """Return what an admin shows."""
    return {"Host": "localhost", "Authorization": f"Bearer {issue(guarded.settings.home, 'root', Role.ADMIN, 6000)}"}


@pytest.fixture
def schema(guarded, headers):
    # What is wrong and large at once may be refused as too large, or as too slow.
    # Credentials are not made up, or every other case would end at the door; ignored_auth tries the door by itself.
    config = SchemathesisConfig.from_dict(
        {
            "checks": {"negative_data_rejection": {"expected-statuses": REJECTIONS}},
            "generation": {"with-security-parameters": False},
        }
    )
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(guarded), headers=headers, config=config)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path", "mode"), OPERATIONS)
def test_generated_requests_get_documented_answers(schema, headers, method, path, mode):
    """Whatever fits, or nearly fits, the description is answered as the description says."""
    asked = []

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @ALL
    def exercise(case):
        asked.append(case)
        case.call_and_validate(checks=CHECKS, headers={**(case.headers or {}), **headers})

    exercise()

    assert asked


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_generated_sequences_get_documented_answers(guarded, schema, headers):
    """What one route made is handed to the next: a job is shown, cancelled, retried and erased, a key rotated."""
    asked = []

    class Machine(schema.as_state_machine()):
        def setup(self):
            empty(guarded.jobs.store.records._database)  # a sequence that is tried again must meet the same server
            guarded.registry.states.update(animals=ModelState.READY, circles=ModelState.READY)

        def get_call_kwargs(self, case):
            asked.append(case.operation.label)
            return {"headers": {**(case.headers or {}), **headers}}

        def validate_response(self, response, case, additional_checks=(), **kwargs):
            case.validate_response(response, checks=CHECKS, headers=headers)

    Machine.run(settings=settings(ALL, max_examples=30, stateful_step_count=8))

    assert len(asked) > 30 * 4


def test_cases_are_as_many_as_promised():
    """At least two thousand, so that the zero means something."""
    assert len(OPERATIONS) * EXAMPLES + 30 * 8 >= FEWEST_CASES
