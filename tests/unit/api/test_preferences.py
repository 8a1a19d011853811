"""``Prefer`` on the predict route: now, later, or now if it does not take too long."""

import json
import threading
import time

import pytest
from starlette.requests import Request

from saccade.api.preferences import Preference, preference_of
from unit.api.jobs_at_work import LABELS, work_off

URL = "/v1/models/animals/predict"


def request_with(*lines):
    return Request({"type": "http", "headers": [(b"prefer", line.encode()) for line in lines]})


@pytest.mark.parametrize(
    ("lines", "preference"),
    [
        ([], None),
        (["return=minimal"], None),
        (["wait"], None),
        (["wait=-1"], None),
        (["wait=soon"], None),
        (["respond-async"], Preference(0)),
        (["Respond-Async"], Preference(0)),
        (["wait=5"], Preference(5)),
        (['wait="5"'], Preference(5)),
        (["respond-async, wait=5"], Preference(5)),
        (["respond-async", "wait=5"], Preference(5)),
        (["wait=5; foo=bar, return=minimal"], Preference(5)),
        (["wait=5, wait=7"], Preference(5)),
        (["wait=600"], Preference(60)),
        (["respond-async, wait=x"], Preference(0)),
    ],
)
def test_header_is_read_as_the_standard_has_it(lines, preference):
    """RFC 7240: the first of a name counts, and what is not understood is ignored."""
    assert preference_of(request_with(*lines)) == preference


def test_respond_async_makes_a_job(client, platform, picture):
    """202 at once, and the same job for the same key."""
    headers = {"Prefer": "respond-async", "Idempotency-Key": "k"}

    first = client.post(f"{URL}?top_k=2", content=picture, headers=headers)
    second = client.post(f"{URL}?top_k=2", content=picture, headers=headers)

    assert (first.status_code, first.headers["preference-applied"]) == (202, "respond-async")
    assert first.headers["location"] == f"/v1/jobs/{first.json()['id']}"
    assert first.json()["options"]["top_k"] == 2
    assert (second.content, second.headers["idempotency-replayed"]) == (first.content, "true")
    assert platform.predictor.calls == []


def test_url_is_left_to_the_worker(client, platform):
    """The job is accepted whether the address answers or not."""
    answer = client.post(URL, json={"image_url": "https://slow.example/a.png"}, headers={"Prefer": "respond-async"})

    [item] = platform.jobs.store.records.items("anonymous", answer.json()["id"])
    assert (answer.status_code, item.source_url) == (202, "https://slow.example/a.png")


def test_wait_answers_with_the_prediction_that_comes_in_time(client, platform, picture):
    """200 with what the synchronous route would have said, and where the job is."""
    timer = threading.Timer(0.3, work_off, [platform])
    timer.start()

    answer = client.post(URL, content=picture, headers={"Prefer": "wait=10"})

    timer.join()
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=10")
    assert answer.json() == json.loads(json.dumps(LABELS))
    assert answer.headers["location"].startswith("/v1/jobs/")


def test_wait_answers_with_the_problem_that_comes_in_time(client, platform, picture):
    """With the status that the synchronous route would have given it."""
    timer = threading.Timer(0.3, work_off, [platform], {"fail": {0}})
    timer.start()

    answer = client.post(URL, content=picture, headers={"Prefer": "wait=10"})

    timer.join()
    assert (answer.status_code, answer.json()["code"]) == (422, "image_unreadable")
    assert answer.json()["detail"] == "The picture is damaged."


def test_wait_answers_202_when_it_takes_too_long(client, picture):
    """The job goes on."""
    begun = time.monotonic()

    answer = client.post(URL, content=picture, headers={"Prefer": "wait=1"})

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
    assert 1 <= time.monotonic() - begun < 3
    assert client.get(answer.headers["location"]).json()["state"] == "running"


def test_unknown_model_is_refused_at_once(client, picture):
    """404 with its name, and no job."""
    answer = client.post("/v1/models/nobody/predict", content=picture, headers={"Prefer": "respond-async"})

    assert (answer.status_code, answer.json()["code"]) == (404, "model_unknown")
    assert client.get("/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("graph_failed", 500, "graph_failed"),
        ("url_unreachable", 422, "url_unreachable"),
        ("attempts_exhausted", 503, "attempts_exhausted"),
        ("internal", 500, "internal"),
    ],
)
def test_problem_that_nobody_foresaw_is_internal(client, platform, picture, code, status, told):
    """Every code of an ended item has its status; an unknown one is the server's own fault."""
    timer = threading.Timer(0.2, work_off, [platform], {"fail": {0}, "code": code})
    timer.start()

    answer = client.post(URL, content=picture, headers={"Prefer": "wait=10"})

    timer.join()
    assert (answer.status_code, answer.json()["code"]) == (status, told)


def test_cancelled_job_is_a_conflict(client, platform, picture):
    """Whoever waited for it learns that it was cancelled."""

    def cancel():
        [job] = platform.jobs.store.records.jobs("anonymous")
        platform.jobs.store.records.cancel("anonymous", job.id)

    timer = threading.Timer(0.3, cancel)
    timer.start()

    answer = client.post(URL, content=picture, headers={"Prefer": "wait=10"})

    timer.join()
    assert (answer.status_code, answer.json()["code"]) == (409, "job_cancelled")
