"""A stress run against a server with a mind of its own: what is sent, what is sent again, and what is measured."""

import json
import signal
import threading
from collections import Counter

import httpx2
import pytest

from saccade.cli.stress_plan import ANONYMOUS, Mode, Picture, Plan, User
from saccade.cli.stress_run import End, StressRun
from saccade.cli.stress_visit import Visit

JOB = {
    "id": "job_1",
    "state": "succeeded",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "started_at": "2026-01-01T00:00:00.250000Z",
    "finished_at": "2026-01-01T00:00:01.000000Z",
}
PROBLEM = {"code": "image_format_unsupported", "detail": "It is no picture."}


def plan(mode=Mode.MIXED, **values):
    given = {"users": [ANONYMOUS], "requests": 6, "concurrency": 2, **values}
    return Plan(**{"model": "circles@1", "mode": mode, "pictures": [Picture("a.png", b"bytes")], **given})


class FakeServer:
    """Answers as Saccade does, but for what it was told to answer first, by method and path."""

    def __init__(self, **job):
        self.job = {**JOB, **job}
        self.results = [{"prediction": {}}]
        self.first = {}
        self.seen = []
        self.lock = threading.Lock()

    def answer(self, request):
        with self.lock:
            self.seen.append(request)
            queue = self.first.get((request.method, request.url.path), [])
            if queue:
                return queue.pop(0)(request)
        if request.method == "POST" and request.url.path == "/v1/jobs":
            return httpx2.Response(202, json={**self.job, "state": "running", "started_at": None})
        if request.url.path.endswith("/results"):
            return httpx2.Response(200, json={"results": self.results})
        if request.url.path.endswith("/predict"):
            work = "decode;dur=1.50, preprocess;dur=0.25, infer;dur=3.00, postprocess;dur=0.25"
            timing = f"queue;dur=10.00, {work}, total;dur=20.00"
            return httpx2.Response(200, json={"predictions": []}, headers={"Server-Timing": timing})
        return httpx2.Response(200, json=self.job)

    def client(self):
        return httpx2.Client(transport=httpx2.MockTransport(self.answer), base_url="http://server")

    def visit(self, asked):
        return Visit(self.client(), asked, asked.errand(0)).run()

    def run(self, asked):
        outcomes = []
        run = StressRun(self.client(), asked, outcomes.append)
        return run.run(), outcomes, run

    @property
    def paths(self):
        return Counter(f"{request.method} {request.url.path}" for request in self.seen)


def refusal(status, *, retry_after=None, **problem):
    """Return an answer that refuses, as the server would write it."""
    headers = {"X-Request-ID": "req-7", **({"Retry-After": retry_after} if retry_after is not None else {})}
    return lambda _: httpx2.Response(status, json={"code": "queue_full", "detail": "Full.", **problem}, headers=headers)


@pytest.fixture
def server():
    return FakeServer()


class TestStages:
    """Where the time of one request went."""

    def test_prediction_has_the_servers_own_times(self, server):
        """Waiting and work from Server-Timing, the rest is the way there and back."""
        outcome = server.visit(plan(Mode.INFERENCE))

        assert outcome.failure is None
        assert outcome.stages["queue_wait"] == pytest.approx(0.010)
        assert outcome.stages["processing"] == pytest.approx(0.005)
        assert sum(outcome.stages.values()) == pytest.approx(outcome.took_s)
        assert server.paths == {"POST /v1/models/circles@1/predict": 1}

    def test_job_has_the_servers_own_times(self, server):
        """From accepted to begun to done; results are fetched when they are wanted, and once."""
        outcome = server.visit(plan(Mode.RESULTS))

        assert (outcome.stages["queue_wait"], outcome.stages["processing"]) == (0.25, 0.75)
        assert {"submit", "fetch", "rest"} <= set(outcome.stages)
        assert sum(outcome.stages.values()) == pytest.approx(outcome.took_s)
        assert server.paths == {"POST /v1/jobs": 1, "GET /v1/jobs/job_1": 1, "GET /v1/jobs/job_1/results": 1}

    def test_job_is_followed_until_it_has_ended(self, server):
        """However often it still runs."""
        server.first["GET", "/v1/jobs/job_1"] = [lambda _: httpx2.Response(200, json={**JOB, "state": "running"})] * 3

        outcome = server.visit(plan(Mode.STATUS))

        assert (outcome.failure, server.paths["GET /v1/jobs/job_1"]) == (None, 4)

    @pytest.mark.parametrize(
        ("mode", "path"), [(Mode.STATUS, "/v1/jobs/job_1"), (Mode.RESULTS, "/v1/jobs/job_1/results")]
    )
    def test_without_polling_is_looked_once(self, mode, path):
        """A job that still runs is as good as one that has ended."""
        server = FakeServer(state="running", started_at=None, finished_at=None)
        server.results = []

        outcome = server.visit(plan(mode, poll=False))

        assert outcome.failure is None
        assert server.paths == {"POST /v1/jobs": 1, f"GET {path}": 1}
        assert "queue_wait" not in outcome.stages

    def test_request_carries_user_key_and_picture(self, server):
        """Every call says who sends; what makes something new has a key of its own."""
        asked = plan(Mode.RESULTS, users=[User("alice", "secret")])
        server.visit(asked)

        assert {request.headers["authorization"] for request in server.seen} == {"Bearer secret"}
        assert server.seen[0].headers["idempotency-key"] == asked.errand(0).key
        assert asked.errand(0).picture.data in server.seen[0].content


class TestRefusals:
    """What is sent again, and what is a failure."""

    @pytest.mark.parametrize("status", [429, 503])
    def test_server_that_says_when_is_asked_again(self, server, status):
        """The time is a stage of its own, and the refusal is counted as a call."""
        server.first["POST", "/v1/jobs"] = [refusal(status, retry_after="0")] * 2

        outcome = server.visit(plan(Mode.STATUS))

        assert outcome.failure is None
        assert [call.status for call in outcome.calls] == [status, status, 202, 200]
        assert [call.was_told_to_wait for call in outcome.calls] == [True, True, False, False]
        assert outcome.stages["told_to_wait"] > 0
        assert sum(outcome.stages.values()) == pytest.approx(outcome.took_s)
        assert len({request.headers["idempotency-key"] for request in server.seen[:3]}) == 1

    @pytest.mark.parametrize(
        ("status", "retry_after", "values"),
        [
            (503, None, {}),
            (429, "60", {"timeout_s": 30.0}),
            (429, "0", {"retry": False}),
            (500, "0", {}),
            (409, "0", {}),
            (507, "0", {}),
        ],
    )
    def test_every_other_refusal_is_a_failure(self, server, status, retry_after, values):
        """Not said when, too late, not wanted, or no matter of waiting: nothing hides it."""
        server.first["POST", "/v1/jobs"] = [refusal(status, retry_after=retry_after)]

        outcome = server.visit(plan(Mode.STATUS, **values))

        failure = outcome.failure
        assert (failure.code, failure.status, failure.request_id) == ("queue_full", status, "req-7")
        assert failure.endpoint == "POST /v1/jobs"
        assert (outcome.stages, len(server.seen)) == ({}, 1)

    def test_connection_that_breaks_is_a_failure(self, server):
        """Also when the next would have succeeded."""

        def broken(request):
            raise httpx2.ReadError("reset by peer", request=request)

        server.first["POST", "/v1/jobs"] = [broken]

        outcome = server.visit(plan(Mode.STATUS))

        assert (outcome.failure.code, outcome.failure.status) == ("connection_failed", None)
        assert [call.status for call in outcome.calls] == [None]

    def test_silence_is_a_failure_within_the_time(self, server):
        """The time of a request is that of all its calls together."""

        def silent(request):
            assert request.extensions["timeout"]["read"] <= 7.0
            raise httpx2.ReadTimeout("", request=request)

        server.first["GET", "/v1/jobs/job_1"] = [silent]

        outcome = server.visit(plan(Mode.STATUS, timeout_s=7.0))

        assert (outcome.failure.code, outcome.failure.job_id) == ("timed_out", "job_1")
        assert "7 s" in outcome.failure.detail

    def test_job_that_never_ends_is_given_up(self, server):
        """After the request's time, though each single call was answered."""
        server.job["state"] = "running"

        outcome = server.visit(plan(Mode.STATUS, timeout_s=0.3))

        assert outcome.failure.code == "timed_out"
        assert 0.3 <= outcome.took_s < 5

    def test_job_that_failed_says_so(self):
        """Whoever only looks at states sees the state; whoever fetches results sees the reason."""
        server = FakeServer(state="failed")
        server.results = [{"problem": PROBLEM}]

        looked, fetched = server.visit(plan(Mode.STATUS)), server.visit(plan(Mode.RESULTS))

        assert (looked.failure.code, fetched.failure.code) == ("job_failed", "image_format_unsupported")
        assert (fetched.failure.detail, fetched.failure.job_id) == ("It is no picture.", "job_1")

    def test_ended_job_without_results_is_a_failure(self, server):
        """An empty list is no success."""
        server.results = []

        assert server.visit(plan(Mode.RESULTS)).failure.code == "job_without_results"

    @pytest.mark.parametrize("text", ["<html>", "[]", ""])
    def test_answer_that_is_something_else_is_a_failure(self, server, text):
        """A proxy's page is not taken for a prediction."""
        server.first["POST", "/v1/models/circles@1/predict"] = [lambda _: httpx2.Response(200, text=text)]

        assert server.visit(plan(Mode.INFERENCE)).failure.code == "answer_unreadable"

    def test_job_is_erased_where_that_is_wanted(self, server):
        """Outside of the figures, also after a failure, and never unasked."""
        server.first["GET", "/v1/jobs/job_1"] = [refusal(500)]

        outcome = server.visit(plan(Mode.STATUS, erase=True))
        server.visit(plan(Mode.STATUS))

        assert outcome.failure.status == 500
        assert len(outcome.calls) == 2
        assert server.paths["DELETE /v1/jobs/job_1"] == 1


class TestRuns:
    """Many requests, some at a time."""

    def test_each_request_is_sent_once(self, server):
        """As many as were asked for, whatever the number of workers."""
        end, outcomes, run = server.run(plan(requests=50, concurrency=7))

        assert (end, len(outcomes), run.begun) == (End.COMPLETE, 50, 50)
        assert Counter(outcome.mode for outcome in outcomes) == {Mode.INFERENCE: 17, Mode.STATUS: 17, Mode.RESULTS: 16}
        keys = [key for request in server.seen if (key := request.headers.get("idempotency-key"))]
        assert len(keys) == len(set(keys)) == 50

    def test_no_more_are_under_way_than_asked_for(self, server):
        """And as many as that."""
        together = threading.Barrier(3, timeout=20)
        under_way, most = 0, 0
        lock = threading.Lock()

        def count(request):
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            together.wait()
            with lock:
                under_way -= 1
            return httpx2.Response(200, json={"predictions": []})

        client = httpx2.Client(transport=httpx2.MockTransport(count), base_url="http://server")
        outcomes = []
        StressRun(client, plan(Mode.INFERENCE, requests=9, concurrency=3), outcomes.append).run()

        assert (len(outcomes), most) == (9, 3)

    def test_run_ends_when_its_time_is_up(self, server):
        """What is under way is brought to its end, and nothing is begun any more."""
        end, outcomes, run = server.run(plan(requests=1_000_000, duration_s=0.3))

        assert end is End.DURATION
        assert 0 < len(outcomes) == run.begun < 1_000_000
        assert run.elapsed_s < 10

    def test_interrupted_run_has_its_figures(self, server):
        """Ctrl-C ends it soon, though somebody was told to wait for long."""
        outcomes, counted = [], threading.Event()

        def count(outcome):
            outcomes.append(outcome)
            if len(outcomes) == 3:
                counted.set()

        def interrupt(request):
            assert counted.wait(10)  # Ctrl-C must not overtake a figure on its way to whoever counts it
            signal.raise_signal(signal.SIGINT)
            return refusal(429, retry_after="20")(request)

        server.first["POST", "/v1/models/circles@1/predict"] = [
            *[lambda _: httpx2.Response(200, json={"predictions": []})] * 3,
            interrupt,
        ]

        run = StressRun(server.client(), plan(Mode.INFERENCE, requests=1_000_000, concurrency=1), count)
        end = run.run()

        assert (end, len(outcomes), run.begun) == (End.INTERRUPTED, 3, 4)
        assert run.elapsed_s < 15

    def test_fault_of_our_own_is_not_counted_but_raised(self):
        """A bug does not pass for a failure of the server."""

        def broken(request):
            raise ZeroDivisionError

        client = httpx2.Client(transport=httpx2.MockTransport(broken), base_url="http://server")

        with pytest.raises(ZeroDivisionError):
            StressRun(client, plan(Mode.INFERENCE), lambda _: None).run()


def test_secret_is_in_nothing_that_is_shown(server):
    """Whatever failed."""
    server.first["POST", "/v1/jobs"] = [refusal(500, detail="No.")] * 9
    users = [User("alice", "very-secret")]

    _, outcomes, run = server.run(plan(users=users))

    assert "very-secret" not in json.dumps([repr(outcome) for outcome in outcomes]) + repr(run.plan)
