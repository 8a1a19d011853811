"""One request of a stress run, from its first call to the server to its last, and how long each part took.

Every call is measured, also those that were refused. What a server says it can be asked again later (429 and 503 with
``Retry-After``) is asked again within the request's time; nothing else is, for a stress run that repeats what failed
hides what it was to find.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote

import httpx2

from saccade.cli.job_client import job_path, retry_after_s
from saccade.cli.stress_plan import Errand, Mode, Plan
from saccade.clock import monotonic_s

if TYPE_CHECKING:
    from saccade.predictions.render import Json

#: How long a long poll is held; also about how long a run that was interrupted waits for one.
_POLL_S = 5
_ERASE_TIMEOUT_S = 5.0
_TOLD_TO_WAIT = frozenset({429, 503})
_TIMING = re.compile(r"(\w+);dur=([0-9.]+)")
#: The parts of a synchronous prediction that are work; the server's ``queue`` is its own stage.
_WORK = ("decode", "preprocess", "infer", "postprocess")

#: Seconds by the name of a stage. They do not overlap but for ``submit`` and ``queue_wait``: a worker may have begun
#: with a job before the client has heard that it is accepted.
Stages: TypeAlias = dict[str, float]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request.

    Attributes:
        endpoint: Method and route, ids as placeholders.
        status: None where no answer came.
        was_told_to_wait: Whether the same was asked again because of this answer.
    """

    endpoint: str
    status: int | None
    took_s: float
    was_told_to_wait: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request failed, with what finds it in the server's log."""

    code: str
    detail: str
    endpoint: str
    status: int | None = None
    request_id: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        stages: Of one that succeeded, with ``rest``; together they are ``took_s``.
        calls: All that was sent for it.
    """

    mode: Mode
    user: str
    took_s: float
    stages: Mapping[str, float]
    calls: tuple[Call, ...]
    failure: Failure | None = None


class Abandoned(Exception):
    """Nobody waits for this request any more."""


class _Failed(Exception):
    """The request cannot succeed any more."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


@dataclass(slots=True)
class Visit:
    """One request on its way.

    Attributes:
        http: Knows the server's address; shared by all.
        stopping: Set when nobody waits any more.
    """

    http: httpx2.Client
    plan: Plan
    errand: Errand
    stopping: threading.Event = field(default_factory=threading.Event)
    _calls: list[Call] = field(default_factory=list)
    _stages: Stages = field(default_factory=dict)
    _until_s: float = 0.0
    _job_id: str | None = None

    def run(self) -> Outcome:
        """Send everything that belongs to the request.

        Raises:
            Abandoned: It was told to stop before the end.
        """
        try:
            return self._measured()
        finally:
            self._erase()

    def _measured(self) -> Outcome:
        begun_s = monotonic_s()
        self._until_s = begun_s + self.plan.timeout_s
        failure = None
        try:
            self._send_all()
        except _Failed as failed:
            failure = failed.failure
        took_s = monotonic_s() - begun_s
        stages = {} if failure else {**self._stages, "rest": took_s - sum(self._stages.values())}
        return Outcome(self.errand.mode, self.errand.user.name, took_s, stages, tuple(self._calls), failure)

    def _send_all(self) -> None:
        if self.errand.mode is Mode.INFERENCE:
            self._predict()
            return
        self._submit()
        if self.plan.poll:
            self._follow()
        elif self.errand.mode is Mode.STATUS:
            self._json(self._call("GET", self._path, "GET /v1/jobs/{id}", stage="look"))
        if self.errand.mode is Mode.RESULTS:
            self._fetch()

    def _predict(self) -> None:
        path = f"/v1/models/{quote(self.plan.model, safe='@')}/predict"
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": self.errand.key}
        response = self._call("POST", path, f"POST {path}", content=self.errand.picture.data, headers=headers)
        self._json(response)
        told_s = {name: float(text) / 1e3 for name, text in _TIMING.findall(response.headers.get("server-timing", ""))}
        self._stages["queue_wait"] = told_s.get("queue", 0.0)
        self._stages["processing"] = sum(told_s.get(name, 0.0) for name in _WORK)

    def _submit(self) -> None:
        picture = self.errand.picture
        content = {
            "files": [("images", (picture.name, picture.data, "application/octet-stream"))],
            "data": {"models": [self.plan.model]},
            "headers": {"Idempotency-Key": self.errand.key},
        }
        response = self._call("POST", "/v1/jobs", "POST /v1/jobs", stage="submit", **content)
        self._job_id = str(self._json(response).get("id", ""))
        if not self._job_id:
            raise self._failed("POST /v1/jobs", response, code="answer_unreadable", detail="The answer names no job.")

    def _follow(self) -> None:
        """Wait for the job's end; a job that failed ends the request here, unless its results will say why."""
        endpoint = "GET /v1/jobs/{id}?wait"
        while True:
            wait_s = max(1, min(_POLL_S, int(self._until_s - monotonic_s())))
            response = self._call("GET", f"{self._path}?wait={wait_s}", endpoint)
            job = self._json(response)
            if job.get("state") != "running":
                break
        self._stages["queue_wait"] = _between_s(job.get("created_at"), job.get("started_at"))
        self._stages["processing"] = _between_s(job.get("started_at"), job.get("finished_at"))
        if self.errand.mode is Mode.STATUS and job.get("state") != "succeeded":
            detail = f"The job ended as {job.get('state')}."
            raise self._failed(endpoint, response, code=f"job_{job.get('state')}", detail=detail)

    def _fetch(self) -> None:
        """Take the job's results; one that is a problem is a failure, with the problem's code."""
        endpoint = "GET /v1/jobs/{id}/results"
        response = self._call("GET", f"{self._path}/results", endpoint, stage="fetch")
        results = cast("list[Mapping[str, Json]]", self._json(response).get("results", []))
        for result in results:
            problem = cast("Mapping[str, Json] | None", result.get("problem"))
            if problem is not None:
                raise self._failed(endpoint, response, code=str(problem["code"]), detail=str(problem["detail"]))
        if self.plan.poll and not results:
            raise self._failed(endpoint, response, code="job_without_results", detail="The ended job has no results.")

    def _erase(self) -> None:
        """Remove the job from the server where that is wanted; outside of all figures."""
        if self.plan.erase and self._job_id:
            # What is left because this did not work is dropped with all old jobs.
            with contextlib.suppress(httpx2.HTTPError):
                self.http.request("DELETE", self._path, timeout=_ERASE_TIMEOUT_S, headers=self.errand.user.headers)

    def _call(self, method: str, path: str, endpoint: str, *, stage: str = "", **content: object) -> httpx2.Response:
        """Return a successful answer; time spent on being refused is the stage ``told_to_wait``.

        Raises:
            Abandoned: It was told to stop.
            _Failed: The answer is a refusal, or there is none in time.
        """
        given = cast("Mapping[str, str]", content.pop("headers", {}))
        headers = {"Accept": "application/json", **given, **self.errand.user.headers}
        first_s = sent_s = monotonic_s()
        while True:
            if self.stopping.is_set():
                raise Abandoned
            if sent_s >= self._until_s:
                raise self._failed(endpoint, code="timed_out", detail=self._late())
            try:
                response = self.http.request(
                    method,
                    path,
                    timeout=self._until_s - sent_s,
                    headers=headers,
                    **content,  # type: ignore[arg-type]  # handed on as given
                )
            except httpx2.HTTPError as error:
                self._calls.append(Call(endpoint, None, monotonic_s() - sent_s))
                raise self._broken(endpoint, error) from None
            took_s = monotonic_s() - sent_s
            wait_s = self._pause_of(response)
            self._calls.append(Call(endpoint, response.status_code, took_s, wait_s is not None))
            if response.is_success:
                self._stages["told_to_wait"] = self._stages.get("told_to_wait", 0.0) + sent_s - first_s
                if stage:
                    self._stages[stage] = took_s
                return response
            if wait_s is None:
                raise self._failed(endpoint, response)
            self.stopping.wait(wait_s)
            sent_s = monotonic_s()

    def _pause_of(self, response: httpx2.Response) -> float | None:
        """Return after how long the same is asked again; None if it is not."""
        if response.status_code not in _TOLD_TO_WAIT or not self.plan.retry:
            return None
        wait_s = retry_after_s(response, -1.0)
        return wait_s if 0 <= wait_s < self._until_s - monotonic_s() else None

    def _json(self, response: httpx2.Response) -> dict[str, Json]:
        """Return an answer's JSON object.

        Raises:
            _Failed: It is something else.
        """
        try:
            body: object = response.json()
        except ValueError:
            body = None
        if isinstance(body, dict):
            return cast("dict[str, Json]", body)
        detail = "The server answered with something that is not a JSON object."
        raise self._failed(response.request.url.path, response, code="answer_unreadable", detail=detail)

    def _failed(
        self, endpoint: str, response: httpx2.Response | None = None, *, code: str = "", detail: str = ""
    ) -> _Failed:
        """Return the failure that an answer is; code and detail are its own where none are given."""
        if response is None:
            return _Failed(Failure(code, detail, endpoint, job_id=self._job_id))
        try:
            body: object = response.json()
        except ValueError:
            body = None
        problem = body if isinstance(body, Mapping) else {}
        return _Failed(
            Failure(
                code or str(problem.get("code", "answer_unreadable")),
                detail or str(problem.get("detail", "The server answered with something that is not JSON.")),
                endpoint,
                response.status_code,
                response.headers.get("x-request-id"),
                self._job_id,
            )
        )

    def _broken(self, endpoint: str, error: httpx2.HTTPError) -> _Failed:
        if isinstance(error, httpx2.TimeoutException):
            return self._failed(endpoint, code="timed_out", detail=self._late())
        return self._failed(endpoint, code="connection_failed", detail=f"{str(error) or type(error).__name__}.")

    def _late(self) -> str:
        return f"It was not done after {self.plan.timeout_s:g} s."

    @property
    def _path(self) -> str:
        return job_path(self._job_id or "")


def _between_s(earlier: Json, later: Json) -> float:
    """Return the seconds between two moments that the server told, 0 where one has not come."""
    if not isinstance(earlier, str) or not isinstance(later, str):
        return 0.0
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
