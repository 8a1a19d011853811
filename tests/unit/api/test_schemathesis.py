"""Generated requests against the description: no 5xx, and every answer is one that the document knows."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from saccade.api.app import create_app, describe_app

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
LOCAL = {"Host": "localhost"}

OPERATIONS = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for path, item in describe_app().openapi()["paths"].items()
    for method, operation in item.items()
    # Only a body can be generated wrong: the rest of these routes is text, and all text is well-formed.
    for mode in [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if "requestBody" in operation else [])]
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path", "mode"), OPERATIONS)
def test_generated_requests_get_documented_answers(platform, method, path, mode):
    """Whatever fits, or nearly fits, the description is answered as the description says."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(platform), headers=LOCAL)
    asked = []

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def exercise(case):
        asked.append(case)
        case.call_and_validate(checks=CHECKS, headers={**(case.headers or {}), **LOCAL})

    exercise()

    assert asked
