"""A server's jobs as commands reach them: requests, repeated where that is right, and its problems as errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast
from urllib.parse import quote

import typer

from saccade.cli.options import client_headers
from saccade.cli.output import shown_url
from saccade.clock import monotonic_s
from saccade.errors import JobUnknown, ParameterInvalid, SaccadeError, ServerUnreachable

if TYPE_CHECKING:
    import httpx2

    from saccade.predictions.render import Json

BaseUrl: TypeAlias = Annotated[str, typer.Option("--base-url", metavar="URL", help="Where the server is.")]
DEFAULT_URL = "http://127.0.0.1:8000"

_TIMEOUT_S = 120.0
#: How long a long poll is held back; shorter than what proxies cut off.
_WAIT_S = 20
#: Answers after which the same request may succeed.
_COME_AGAIN = frozenset({409, 429, 503, 507})
_IN_FLIGHT = "idempotency_in_flight"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class JobClient:
    """Requests to one server. Thread-safe.

    Attributes:
        http: Knows the server's address.
        patience_s: How long a request is repeated while the server is away or full.
        stopping: Set when nobody waits any more; pauses end at once.
        on_pause: Told why and for how many seconds a request waits.
    """

    http: httpx2.Client
    patience_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    on_pause: Callable[[str, float], None] = lambda *_: None

    def ask(self, method: str, path: str, **content: object) -> dict[str, Json]:
        """Return the JSON object that is answered; empty where the answer has no body.

        Args:
            method: Of HTTP.
            path: Below the server's address, with its query.
            content: What httpx takes: ``json``, ``data``, ``files``, ``headers``.

        Raises:
            SaccadeError: What the server refused, with its code, as long as it has patience.
            ServerUnreachable: It does not answer, or not as Saccade does.
        """
        response = self.send(method, path, **content)
        if not response.content:
            return {}
        try:
            return cast("dict[str, Json]", response.json())
        except ValueError:
            raise ServerUnreachable(
                f"{shown_url(str(self.http.base_url))} answered with something that is not JSON.",
                hint="Check the address.",
            ) from None

    def send(self, method: str, path: str, **content: object) -> httpx2.Response:
        """Return a successful answer; raises as ``ask``."""
        import httpx2

        until_s, pause_s = monotonic_s() + self.patience_s, _FIRST_PAUSE_S
        while True:
            try:
                response = self.http.request(method, path, **content)  # type: ignore[arg-type]  # handed on as given
            except httpx2.HTTPError as error:
                failure: SaccadeError = ServerUnreachable(
                    f"{shown_url(str(self.http.base_url))} does not answer: {str(error) or type(error).__name__}."
                )
                wait_s = pause_s
            else:
                if response.is_success:
                    return response
                failure = _error_of(response)
                if response.status_code not in _COME_AGAIN or _is_final(response.status_code, failure):
                    raise failure
                wait_s = retry_after_s(response, pause_s)
            if monotonic_s() + wait_s > until_s or self.stopping.is_set():
                raise failure
            self.on_pause(str(failure), wait_s)
            self.stopping.wait(wait_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)

    def job(self, job_id: str, *, wait_s: int = 0) -> dict[str, Json]:
        """Return a job, as soon as it has ended or after that time.

        Raises:
            SaccadeError: As ``ask``; JobUnknown where the caller has no such job.
        """
        return self.ask("GET", f"{job_path(job_id)}?wait={wait_s}" if wait_s else job_path(job_id))

    def states(self, job_id: str) -> Iterator[dict[str, Json]]:
        """Yield the job as it gets on, last when it has ended."""
        job = self.job(job_id)
        yield job
        while job["state"] == "running" and not self.stopping.is_set():
            job = self.job(job_id, wait_s=1)
            yield job

    def jobs(self, *, state: str | None = None, limit: int | None = None) -> Iterator[dict[str, Json]]:
        """Yield jobs, newest first, page by page."""
        size = min(limit or 200, 200)
        path: str | None = f"/v1/jobs?limit={size}" + (f"&state={state}" if state else "")
        left = limit
        while path:
            page = self.ask("GET", path)
            for job in cast("list[dict[str, Json]]", page["jobs"]):
                if left == 0:
                    return
                left = None if left is None else left - 1
                yield job
            path = cast("str | None", page["next"])


def job_path(job_id: str) -> str:
    """Return the path of a job; an id that is none stays one path segment."""
    if not job_id or job_id in {".", ".."}:
        raise JobUnknown("There is no such job.")
    return f"/v1/jobs/{quote(job_id, safe='')}"


def open_client(base_url: str, *, patience_s: float = 0.0) -> JobClient:
    """Return a client of the server there; its ``http`` must be closed.

    Raises:
        ParameterInvalid: The address is no http or https URL with a host.
    """
    import httpx2

    try:
        is_address = httpx2.URL(base_url).scheme in {"http", "https"} and bool(httpx2.URL(base_url).host)
    except httpx2.InvalidURL:
        is_address = False
    if not is_address:
        raise ParameterInvalid(
            f"{shown_url(base_url)} is no address of a server.",
            hint=f"Give --base-url as in {DEFAULT_URL}, with http://.",
        )
    return JobClient(httpx2.Client(base_url=base_url, headers=client_headers(), timeout=_TIMEOUT_S), patience_s)


def _error_of(response: httpx2.Response) -> SaccadeError:
    """Return what a server refused as the error that it is there."""
    from saccade.jobs.render import kinds_by_code

    try:
        body: object = response.json()
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        return ServerUnreachable(
            f"The server answered {response.status_code} with something that is not JSON.", hint="Check the address."
        )
    kind = kinds_by_code().get(str(body.get("code")), SaccadeError)
    return kind(str(body.get("detail", "The server refused.")), hint=str(body.get("hint", "")))


def _is_final(status: int, failure: SaccadeError) -> bool:
    """Say whether it helps nothing to come again: of the conflicts only one passes by itself."""
    return status == 409 and failure.code != _IN_FLIGHT  # noqa: PLR2004 - HTTP's conflict


def retry_after_s(response: httpx2.Response, default_s: float) -> float:
    """Return after how many seconds the server wants to be asked again; the default where it does not say."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else default_s
