"""Locust scenarios for a server on this machine: everyday use, high load, and requests that are wrong.

Locust is no dependency of Saccade, and its gevent stays out of Saccade's environment::

    python -m venv locust && locust/bin/pip install locust
    saccade serve &
    locust/bin/locust -f benchmarks/locustfile.py --host http://127.0.0.1:8000 NormalUser
    locust/bin/locust -f benchmarks/locustfile.py --host http://127.0.0.1:8000 --headless -u 20 -r 5 -t 1m HighLoadUser

Name one of NormalUser, HighLoadUser and ErrorUser, or several to mix them. Where the server asks who sends, the token
is in SACCADE_CLIENT_TOKEN, or ``--token-file`` (LOCUST_TOKEN_FILE) names a file with a name and a token a line, which
are given to the users in turn. An answer that says when to come again (429 and 503 with Retry-After) is no failure: it
is counted under a name of its own, and the user waits.
"""

from __future__ import annotations

import ipaddress
import itertools
import logging
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from locust import HttpUser, between, constant_pacing, events, tag, task
from locust.exception import StopUser

log = logging.getLogger("saccade.locust")

SAMPLES = Path(__file__).parents[1] / "samples" / "circles"
PICTURES = [path.read_bytes() for path in sorted(SAMPLES.glob("*.jpg")) + sorted(SAMPLES.glob("*.png"))]
#: Pictures of one synchronous batch; the server answers at most 32 pairs at once.
BATCH = 4
#: A job that has not ended after so long has failed.
JOB_TIMEOUT_S = 60.0
POLL_S = 5
#: However long the server wants to be left alone, a user comes back after this.
LONGEST_PAUSE_S = 15.0
TOLD_TO_WAIT = frozenset({429, 503})
#: Codes of problems that pass; a batch may have them for some of its pictures.
COME_AGAIN = frozenset({"queue_full", "rate_exceeded"})

_run = secrets.token_hex(6)
_numbers = itertools.count()
_tokens: Iterator[str] = iter(())


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    """Take which model is asked, and who asks."""
    parser.add_argument("--model", env_var="LOCUST_MODEL", default="circles", help="Model that is asked.")
    parser.add_argument(
        "--token-file",
        env_var="LOCUST_TOKEN_FILE",
        default="",
        include_in_web_ui=False,
        help="File with a name and a key or token a line.",
    )


@events.init.add_listener
def read_tokens(environment: Any, **_: object) -> None:
    """Read the tokens once; users get them in turn."""
    global _tokens  # noqa: PLW0603 - one process is one run
    options = environment.parsed_options
    found = [os.environ["SACCADE_CLIENT_TOKEN"]] if os.environ.get("SACCADE_CLIENT_TOKEN") else []
    if options is not None and options.token_file:
        lines = [line.split() for line in Path(options.token_file).read_text().splitlines()]
        found = [words[1] for words in lines if len(words) == 2 and not words[0].startswith("#")]
        if not found:
            raise SystemExit(f"{options.token_file} has no line with a name and a token.")
    _tokens = itertools.cycle(found)


@events.test_start.add_listener
def refuse_other_machines(environment: Any, **_: object) -> None:
    """End before anything is sent, unless the server is on this machine."""
    if not is_loopback(environment.host):
        log.error("These scenarios are for a server on this machine: give --host http://127.0.0.1:PORT.")
        environment.process_exit_code = 2
        environment.runner.quit()


def is_loopback(host: str | None) -> bool:
    """Say whether an address is on this machine."""
    name = urlsplit(host or "").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def picture() -> bytes:
    """Return a picture that was never sent before, so that no cache answers: a few bytes stand behind its end."""
    number = next(_numbers)
    return PICTURES[number % len(PICTURES)] + f"\nlocust-{_run}-{number}\n".encode()


class SaccadeUser(HttpUser):
    """What all users do: say who they are, and wait when they are told to."""

    abstract = True
    model: str

    def on_start(self) -> None:
        """Take the next token, if there are any."""
        if not is_loopback(self.host or self.environment.host):
            raise StopUser
        self.model = self.environment.parsed_options.model
        token = next(_tokens, None)
        if token is not None:
            self.client.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, name: str, *, expected: int = 200, **content: Any) -> Any:
        """Return the JSON of an answer with the expected status, else None."""
        with self.client.request(method, path, name=name, catch_response=True, **content) as answer:
            pause_s = pause_of(answer)
            if pause_s is not None:
                answer.request_meta["name"] = f"{name} (told to wait)"
                answer.success()
            elif answer.status_code != expected:
                answer.failure(f"{answer.status_code}: {code_of(answer)}, not {expected}")
                return None
            else:
                answer.success()
                return answer.json() if answer.content else {}
        time.sleep(min(pause_s, LONGEST_PAUSE_S))
        return None

    def predict(self) -> None:
        """Ask about one picture and wait for the answer."""
        path = f"/v1/models/{self.model}/predict"
        headers = {"Content-Type": "application/octet-stream"}
        self.ask("POST", path, "/v1/models/{model}/predict", data=picture(), headers=headers)

    def predict_batch(self) -> None:
        """Ask about several pictures at once."""
        files = [("images", (f"{place}.jpg", picture())) for place in range(BATCH)]
        with self.client.post(
            "/v1/predict", name="/v1/predict", files=files, data={"models": [self.model]}, catch_response=True
        ) as answer:
            problems = problems_of(answer)
            if not problems:
                answer.success()
            elif problems <= COME_AGAIN:
                answer.request_meta["name"] = "/v1/predict (partly told to wait)"
                answer.success()
            else:
                answer.failure(f"{answer.status_code}: {', '.join(sorted(problems))}")

    def run_job(self) -> None:
        """Submit a job, follow it to its end, fetch its results and erase it; the whole is counted as JOB."""
        begun_s = time.perf_counter()
        files = [("images", (f"{place}.jpg", picture())) for place in range(BATCH)]
        headers = {"Idempotency-Key": f"locust-{_run}-{next(_numbers)}"}
        job = self.ask(
            "POST", "/v1/jobs", "/v1/jobs", expected=202, files=files, data={"models": [self.model]}, headers=headers
        )
        if job is None:
            return
        path, state = f"/v1/jobs/{job['id']}", "running"
        while state == "running" and time.perf_counter() < begun_s + JOB_TIMEOUT_S:
            job = self.ask("GET", f"{path}?wait={POLL_S}", "/v1/jobs/{id}?wait")
            state = job["state"] if job is not None else state
        self.ask("GET", f"{path}/results", "/v1/jobs/{id}/results")
        events.request.fire(
            request_type="JOB",
            name="from submission to results",
            response_time=(time.perf_counter() - begun_s) * 1e3,
            response_length=0,
            exception=None if state == "succeeded" else RuntimeError(f"the job is {state}"),
            context={},
        )
        self.ask("DELETE", path, "/v1/jobs/{id}", expected=204)


class NormalUser(SaccadeUser):
    """Somebody at work: looks at an answer before they ask again."""

    wait_time = between(1, 3)

    @tag("sync")
    @task(6)
    def one_picture(self) -> None:
        """Most of what people do."""
        self.predict()

    @tag("sync")
    @task(2)
    def several_pictures(self) -> None:
        """A handful at once."""
        self.predict_batch()

    @tag("jobs")
    @task(1)
    def job(self) -> None:
        """More than one wants to wait for."""
        self.run_job()

    @tag("sync")
    @task(1)
    def what_is_there(self) -> None:
        """Look at the models."""
        self.ask("GET", "/v1/models", "/v1/models")


class HighLoadUser(SaccadeUser):
    """A program: ten requests a second as long as the server keeps up, and at once when it does not."""

    wait_time = constant_pacing(0.1)

    @tag("sync")
    @task(8)
    def one_picture(self) -> None:
        """As fast as it goes."""
        self.predict()

    @tag("sync")
    @task(1)
    def several_pictures(self) -> None:
        """A handful at once."""
        self.predict_batch()

    @tag("jobs")
    @task(1)
    def job(self) -> None:
        """Beside them, work for later."""
        self.run_job()


class ErrorUser(SaccadeUser):
    """Somebody whose program is wrong: each request must be refused with its own status and code, and soon."""

    wait_time = between(0.1, 0.5)

    def refused(self, method: str, path: str, name: str, status: int, code: str, **content: Any) -> None:
        """Send what is wrong; any other answer than the right refusal is the failure."""
        with self.client.request(method, path, name=f"{name}: {code}", catch_response=True, **content) as answer:
            if (answer.status_code, code_of(answer)) == (status, code):
                answer.success()
            else:
                answer.failure(f"{answer.status_code} {code_of(answer)}, not {status} {code}")

    def predict_wrongly(
        self, status: int, code: str, data: bytes, *, query: str = "", kind: str = "image/jpeg"
    ) -> None:
        """Send a prediction that cannot be made."""
        path = f"/v1/models/{self.model}/predict{query}"
        self.refused("POST", path, "predict", status, code, data=data, headers={"Content-Type": kind})

    @task
    def text_as_picture(self) -> None:
        """The bytes are no picture."""
        self.predict_wrongly(415, "image_format_unsupported", b"no picture " * 20)

    @task
    def picture_cut_short(self) -> None:
        """The file is damaged."""
        self.predict_wrongly(422, "image_unreadable", PICTURES[0][:600])

    @task
    def nothing_as_picture(self) -> None:
        """The body is empty."""
        self.predict_wrongly(422, "image_empty", b"")

    @task
    def broken_json(self) -> None:
        """The body is not what it says."""
        self.predict_wrongly(400, "body_unreadable", b'{"image_url": ', kind="application/json")

    @task
    def wrong_option(self) -> None:
        """A parameter is out of its range."""
        self.predict_wrongly(422, "parameter_invalid", picture(), query="?top_k=0")

    @task
    def unknown_model(self) -> None:
        """There is no such model."""
        self.refused("POST", "/v1/models/nobody/predict", "predict", 404, "model_unknown", data=picture())

    @task
    def unknown_job(self) -> None:
        """There is no such job."""
        self.refused("GET", "/v1/jobs/job_nobody", "job", 404, "job_unknown")

    @task
    def job_without_pictures(self) -> None:
        """Nothing to look at."""
        self.refused("POST", "/v1/jobs", "jobs", 422, "source_ambiguous", json={"models": [self.model], "images": []})

    @task
    def wrong_method(self) -> None:
        """The path is right, the verb is not."""
        self.refused("PUT", "/v1/jobs", "jobs", 405, "method_unsupported")


def pause_of(answer: Any) -> float | None:
    """Return for how long the server wants to be left alone; None if it does not say."""
    text = answer.headers.get("Retry-After", "") if answer.status_code in TOLD_TO_WAIT else ""
    return float(text) if text.isascii() and text.isdecimal() else None


def problems_of(answer: Any) -> set[str]:
    """Return the codes of what went wrong with a batch, as a whole or with single pictures."""
    if answer.status_code != 200:
        return {code_of(answer)}
    return {result["problem"]["code"] for result in answer.json()["results"] if "problem" in result}


def code_of(answer: Any) -> str:
    """Return the code of a problem; what is no problem of Saccade's has none."""
    try:
        body = answer.json()
    except ValueError:
        return "no problem"
    return str(body.get("code", "no problem")) if isinstance(body, Mapping) else "no problem"
