"""The table from error class to status, and what a problem looks like."""

from dataclasses import replace

import pytest
from fastapi import Query
from starlette.exceptions import HTTPException

from saccade import errors
from saccade.api import problems
from saccade.models.prediction import Classification


def leaves(kind):
    below = kind.__subclasses__()
    return [kind] if not below else [leaf for child in below for leaf in leaves(child)]


def test_catalogue_is_the_whole_tree():
    """No error is missing from the pages that explain errors."""
    assert {kind.__name__ for kind in leaves(errors.SaccadeError)} <= {kind.__name__ for kind in problems.catalogue()}


@pytest.mark.parametrize("family", errors.FAMILIES, ids=lambda kind: kind.__name__)
def test_every_leaf_of_a_clients_family_has_a_row(family):
    """What a caller can mend has a status of its own choosing, and never a 5xx."""
    if family in {errors.ModelError, errors.ConfigurationError}:
        statuses = {problems.status_of(kind) for kind in leaves(family) if kind is not errors.RemoteFailed}
        assert statuses == {500}
        assert problems.status_of(errors.RemoteFailed) == 502  # it is another server that failed
        return

    assert [leaf.__name__ for leaf in leaves(family) if leaf not in problems.STATUS] == []
    fives = {503, 507} if family is errors.UnavailableError else set()
    assert {status for status in map(problems.status_of, leaves(family)) if status >= 500} == fives


def test_problem_has_the_agreed_members(client):
    """RFC 9457's members, and ours."""
    answer = client.get("/v1/models/nobody", headers={"X-Request-ID": "abc"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/model_unknown",
        "title": "No model has this name",
        "status": 404,
        "detail": "There is no model 'nobody'.",
        "instance": "/v1/models/nobody",
        "code": "model_unknown",
        "request_id": "abc",
        "hint": "GET /v1/models lists the models.",
    }


def test_instance_is_a_uri_whatever_the_path_holds(client):
    """Control characters and quotes of the path are escaped."""
    answer = client.get("/v1/models/%0d%0aX-Evil:%20%22%E2%82%AC")

    assert answer.json()["instance"] == "/v1/models/%0D%0AX-Evil%3A%20%22%E2%82%AC"
    assert "x-evil" not in answer.headers


def test_frameworks_own_validation_becomes_a_problem(client):
    """Should a route declare parameters, FastAPI's findings look like ours."""

    def probe(n: int = Query()) -> int:
        return n

    client.app.add_api_route("/probe", probe)

    answer = client.get("/probe?n=x")

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")
    assert [fault["loc"] for fault in answer.json()["errors"]] == ["query.n"]


def test_frameworks_other_refusals_keep_their_status(client):
    """Whatever a library raises for HTTP is a problem with that status."""

    def probe() -> None:
        raise HTTPException(418, "short and stout")

    client.app.add_api_route("/probe", probe)

    answer = client.get("/probe")

    assert (answer.status_code, answer.json()["status"], answer.json()["detail"]) == (418, 418, "short and stout")


def test_refusals_are_counted_by_code(client, counted):
    """The counter moves by one for each answered problem."""
    client.get("/nope")
    client.get("/nope")
    client.get("/v1/models/nobody")

    assert counted("saccade_refusals_total", code="route_unknown") == 2.0
    assert counted("saccade_refusals_total", code="model_unknown") == 1.0


def test_answer_that_cannot_be_json_is_our_fault(client, platform, monkeypatch, picture):
    """NaN is no JSON: rather a 500 than a body that no client can read."""
    real = platform.predictor.predict

    def predict(data, **asked):
        return replace(real(data, **asked), predictions=(Classification("x", float("nan"), 0),))

    monkeypatch.setattr(platform.predictor, "predict", predict)

    answer = client.post("/v1/models/animals/predict", content=picture)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
