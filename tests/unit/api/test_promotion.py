"""The routes of aliases and evaluations: promotion, refusal, rollback, and what is told of them."""

from dataclasses import dataclass, replace

import pytest

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.errors import ModelUnknown
from saccade.jobs.ids import new_id
from unit.api.conftest import FakeRegistry, client_of

PROD = "/v1/models/animals/aliases/prod"
EVALUATIONS = "/v1/models/animals/evaluations"


@dataclass
class Versions(FakeRegistry):
    """Knows two versions of ``animals`` with files of their own."""

    def status(self, reference):
        name, _, version = reference.partition("@")
        if version not in {"", "1", "2"}:
            raise ModelUnknown(f"There is no model {reference[:128]!r}.")
        found = super().status(name)
        version = version or "2"
        if found.card is None:
            return found
        card = replace(found.card, version=version, digest=f"sha256:{version}")
        return replace(found, reference=f"{name}@{version}", card=card)


@pytest.fixture
def platform(make_platform):
    platform = make_platform()
    platform.registry = Versions()
    return platform


def evaluation(**fields):
    known = {
        "id": new_id(),
        "digest": "sha256:2",
        "task": "image-classification",
        "dataset": "coins sha256:c0",
        "images": 12,
        "figures": {"top1": 0.5, "f1@0.5": 0.75},
    }
    return {**known, **fields}


def note(client, version="2", **fields):
    body = evaluation(digest=f"sha256:{version}", **fields)
    answer = client.post(f"/v1/models/animals@{version}/evaluations", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def promote(client, version="2", **asked):
    return client.post(PROD, json={"version": version, **asked})


def told(client):
    return client.get("/v1/models/animals/aliases").json()


def recorded(answer):
    """Return what a change is on record: what was answered, without what became of the request."""
    return {key: value for key, value in answer.json().items() if key != "changed"}


def test_promotion_is_answered_with_what_changed_and_listed(client, platform):
    """Who promotes reads what the alias meant before; the list has meaning and history; the registry knows at once."""
    first, second = promote(client, "1"), promote(client, "2")

    assert (first.status_code, second.status_code) == (200, 200)
    body = second.json()
    assert body["at"].startswith("20")
    assert {key: value for key, value in body.items() if key not in {"id", "at", "principal"}} == {
        "name": "animals",
        "alias": "prod",
        "kind": "promote",
        "model": "animals@2",
        "digest": "sha256:2",
        "replaced": "animals@1",
        "condition": None,
        "evaluation": None,
        "figures": None,
        "changed": True,
    }
    now = {"alias": "prod", "model": "animals@2", "digest": "sha256:2", "changed_at": body["at"], "problem": None}
    assert told(client) == {"name": "animals", "aliases": [now], "history": [recorded(second), recorded(first)]}
    assert platform.registry.aliases == {("animals", "prod"): ("animals@2", "sha256:2")}
    assert second.headers["cache-control"] == "no-store"


def test_condition_is_asked_of_the_evaluation(client):
    """Refused with each figure while it is not met, and nothing changes; accepted with what it rests on."""
    note(client)
    refused = promote(client, **{"if": "top1 >= 0.9 and f1@0.5 >= 0.7"})
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion_refused")
    assert "top1 is 0.5, asked >= 0.9 (on 12 images of coins sha256:c0)" in refused.json()["detail"]
    assert told(client)["history"] == []
    kept = note(client, figures={"top1": 0.95, "ap": 0.1})
    accepted = promote(client, **{"if": "top1 >= 0.9"}, dataset="coins sha256:c0")

    assert accepted.status_code == 200
    assert (accepted.json()["evaluation"], accepted.json()["figures"]) == (kept["id"], {"top1": 0.95})
    assert accepted.json()["condition"] == "top1 >= 0.9"


def test_promotion_to_what_the_alias_means_already_says_that_nothing_changed(client):
    """The answer is the change that stands, not one with the condition of now; a condition that fails is refused."""
    note(client)
    first = promote(client)
    again = promote(client, **{"if": "top1 >= 0.5"}, dataset="coins")
    refused = promote(client, **{"if": "top1 >= 0.9"})

    assert (first.json()["changed"], again.json()["changed"]) == (True, False)
    assert recorded(again) == recorded(first)
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion_refused")
    assert told(client)["history"] == [recorded(first)]


@pytest.mark.parametrize(
    ("status", "code", "path", "body"),
    [
        (404, "alias_unknown", "animals/aliases/best", {"version": "1"}),
        (404, "model_unknown", "animals/aliases/prod", {"version": "9"}),
        (404, "model_unknown", "lions/aliases/prod", {"version": "1"}),
        (422, "parameter_invalid", "animals/aliases/prod", {"version": "prod"}),
        (422, "parameter_invalid", "animals/aliases/prod", {"version": ""}),
        (422, "parameter_invalid", "animals/aliases/prod", {}),
        (422, "parameter_invalid", "animals/aliases/prod", {"version": "1", "condition": "top1 > 0"}),
        (422, "parameter_invalid", "animals/aliases/prod", {"version": "1", "if": "a > 0 and " * 60 + "a > 0"}),
        (422, "condition_invalid", "animals/aliases/prod", {"version": "1", "if": "__import__('os')"}),
        (422, "condition_invalid", "animals/aliases/prod", {"version": "1", "if": "top1 > 1e400"}),
        (422, "condition_invalid", "animals/aliases/prod", {"version": "1", "if": ""}),
        (409, "evaluation_missing", "animals/aliases/prod", {"version": "1", "if": "top1 > 0"}),
        (404, "alias_unknown", "animals/aliases/prod/rollback", None),
    ],
)
def test_what_cannot_be_done_is_told_why(client, status, code, path, body):
    """Each reason has its status and code, and nothing is written down."""
    answer = client.post(f"/v1/models/{path}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert told(client)["history"] == []


def test_rollback_and_removal_are_changes_too(client, platform):
    """Back to the version before; from the first there is no way back; then the alias is taken away."""
    promote(client, "1")
    promote(client, "2")
    back = client.post(f"{PROD}/rollback")
    assert (back.status_code, back.json()["kind"], back.json()["model"]) == (200, "rollback", "animals@1")
    end = client.post(f"{PROD}/rollback")
    assert (end.status_code, end.json()["code"]) == (409, "nothing_to_roll_back")
    gone = client.delete(PROD)
    assert (gone.status_code, gone.content) == (204, b"")
    again = client.delete(PROD)

    assert (again.status_code, again.json()["code"]) == (404, "alias_unknown")
    assert told(client)["aliases"] == []
    assert [each["kind"] for each in told(client)["history"]] == ["remove", "rollback", "promote", "promote"]
    assert platform.registry.aliases == {}


def test_aliases_of_a_model_that_is_not_there_are_not_found(client):
    """An unknown name has no empty list."""
    for path in ("aliases", "evaluations"):
        assert client.get(f"/v1/models/lions/{path}").json()["code"] == "model_unknown"


def test_evaluation_is_kept_once(client):
    """Sent twice, it is answered with the same and listed once."""
    body = evaluation()
    first, second = (client.post("/v1/models/animals@2/evaluations", json=body) for _ in range(2))

    assert (first.status_code, second.status_code, second.json()) == (201, 201, first.json())
    assert {key: first.json()[key] for key in body} == body
    assert first.json()["model"] == "animals@2"
    assert client.get(EVALUATIONS).json() == {"evaluations": [first.json()], "next": None}


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (404, {"digest": "sha256:1"}),
        (422, {"id": "1"}),
        (422, {"id": "00000000-0000-4000-8000-000000000000"}),
        (422, {"figures": {}}),
        (422, {"figures": {"Top 1": 1.0}}),
        (422, {"figures": {"top1": 1e16}}),
        (422, {"figures": {"top1": "good"}}),
        (422, {"figures": {f"a{number}": 1.0 for number in range(201)}}),
        (422, {"images": 0}),
        (422, {"dataset": ""}),
        (422, {"unheard": "of"}),
    ],
)
def test_evaluation_that_cannot_be_kept_is_refused(client, status, fields):
    """Of other files, or not as an evaluation is."""
    answer = client.post("/v1/models/animals@2/evaluations", json=evaluation(**fields))

    assert answer.status_code == status, answer.text
    assert client.get(EVALUATIONS).json()["evaluations"] == []


@pytest.mark.parametrize(("status", "number"), [(400, "NaN"), (400, "Infinity"), (422, "1e400")])
def test_figures_that_are_no_numbers_are_refused(client, status, number):
    """What Python's JSON would let through as not finite is refused."""
    body = '{"id": "%s", "digest": "sha256:2", "task": "x", "dataset": "d", "images": 1, "figures": {"top1": %s}}'
    answer = client.post(
        "/v1/models/animals@2/evaluations",
        content=body % (new_id(), number),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == status, answer.text


def test_evaluations_are_listed_by_pages(client):
    """Newest first; pages follow each other until there is none."""
    made = [note(client, id=f"0190000{number}-0000-7000-8000-000000000000")["id"] for number in range(5)]
    found, path = [], f"{EVALUATIONS}?limit=2"
    while path is not None:
        page = client.get(path).json()
        found.append([each["id"] for each in page["evaluations"]])
        path = page["next"]

    assert found == [made[:2:-1], made[2:0:-1], made[:1]]
    for bad in ("cursor=x", "limit=0", "limit=201"):
        assert client.get(f"{EVALUATIONS}?{bad}").status_code == 422


def test_who_may_not_change_models_may_look(make_platform):
    """An investigator reads aliases and moves none; a researcher moves them, in their name."""
    platform = make_platform(access_mode="required")
    platform.registry = Versions()
    client = client_of(platform)

    def headers(name, *roles):
        return {"Authorization": f"Bearer {issue(platform.settings.home, name, frozenset(roles), 600)}"}

    ben, ada = headers("ben", Role.INVESTIGATOR), headers("ada", Role.RESEARCHER)
    refused = [
        client.post(PROD, json={"version": "1"}, headers=ben),
        client.post(f"{PROD}/rollback", headers=ben),
        client.delete(PROD, headers=ben),
        client.post("/v1/models/animals@2/evaluations", json=evaluation(), headers=ben),
    ]

    assert [each.status_code for each in refused] == [403] * 4
    assert client.post(PROD, json={"version": "1"}).status_code == 401
    assert client.post(PROD, json={"version": "1"}, headers=ada).json()["principal"] == "dev:ada"
    assert client.get("/v1/models/animals/aliases", headers=ben).json()["aliases"][0]["model"] == "animals@1"
