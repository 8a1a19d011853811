"""Telling the end of a job: the message, its signature, when to try again, and the guarded POST.

Source:
    Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import http
import random
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx2
from standardwebhooks.webhooks import Webhook

from saccade.images.guard import Guard, told_as_unreachable
from saccade.images.pinned import Deadline
from saccade.jobs.records import DeliveryRecord, JobRecord
from saccade.jobs.render import job_to_json, time_text, to_text

#: URL, body and headers to the status of the answer.
Post = Callable[[str, bytes, Mapping[str, str]], int]

_MINUTE_S = 60.0
_HOUR_S = 60 * _MINUTE_S
#: Seconds from one failed attempt to the next, as the specification proposes them; the first attempt is made at once.
RETRY_DELAYS_S = (
    5.0,
    5 * _MINUTE_S,
    30 * _MINUTE_S,
    2 * _HOUR_S,
    5 * _HOUR_S,
    10 * _HOUR_S,
    14 * _HOUR_S,
    20 * _HOUR_S,
    24 * _HOUR_S,
)
#: Share of a delay that is added by chance, so that what failed together does not come back together.
JITTER = 0.1
_OK = 200
#: An answer's body means nothing; this much of it is read, so that its sender is not cut off for a word of thanks.
_MAX_ANSWER_BYTES = 4096


def message(delivery: DeliveryRecord, job: JobRecord) -> bytes:
    """Return the body: what happened, when, and the job as ``GET /v1/jobs/{id}`` shows it, but for whose it is."""
    data = {name: value for name, value in job_to_json(job).items() if name != "owner"}
    return to_text({"type": delivery.event, "timestamp": time_text(job.finished_at_us), "data": data}).encode()


def headers_of(delivery: DeliveryRecord, body: bytes, *, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of one attempt; the id stays the same over all of them.

    Args:
        delivery: What is delivered.
        body: From ``message``.
        secret: ``whsec_…`` of the principal.
        now: Aware; a receiver refuses what is older than minutes, so each attempt has its own.
    """
    return {
        "content-type": "application/json",
        "user-agent": "saccade",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery.id, now, body.decode()),
    }


def is_delivered(status: int) -> bool:
    """Say whether the receiver took it. A redirect is a failure: the address is to be corrected, not followed."""
    return _OK <= status < _OK + 100


def delay_after(attempt: int, *, status: int | None) -> float | None:
    """Return the seconds until the next attempt; None if there is none.

    Args:
        attempt: The number of the one that failed, from 1.
        status: What the receiver answered; None if it did not. 410 Gone asks for no more.
    """
    if status == http.HTTPStatus.GONE or attempt > len(RETRY_DELAYS_S):
        return None
    return RETRY_DELAYS_S[attempt - 1] * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - jitter, no secret


class Poster:
    """Sends messages through the guard. Thread-safe."""

    def __init__(self, guard: Guard, *, timeout_s: float) -> None:
        """Set the way out.

        Args:
            guard: Decides which addresses are dialled.
            timeout_s: For everything together: lookup, connection, sending, answer.
        """
        self._guard = guard
        self._timeout_s = timeout_s

    def check(self, url: str) -> None:
        """Refuse a URL to which nothing will ever be sent.

        Raises:
            UrlRefused: It leads where this server does not go.
        """
        self._guard.check(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a message and return the status of the answer.

        Raises:
            UrlRefused: The URL leads where this server does not go.
            UrlUnreachable: Nothing answered, or not in time.
        """
        deadline = Deadline(self._timeout_s)
        with told_as_unreachable():
            target = self._guard.target(url, deadline)
            with (
                self._guard.client(target, deadline, headers) as client,
                client.stream("POST", target.url, content=body) as response,
            ):
                status = int(response.status_code)
                _skim(response)
        return status


def _skim(response: httpx2.Response) -> None:
    """Read the beginning of a body and throw it away; the connection is closed whatever else would come."""
    read = 0
    for piece in response.iter_raw():
        read += len(piece)
        if read > _MAX_ANSWER_BYTES:
            return
