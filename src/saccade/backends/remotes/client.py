"""Asking a model over HTTP: a pool of connections, a time limit, tries that are safe to repeat, a breaker, a pulse."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from http import HTTPStatus

import httpx2

from saccade.backends.remotes.dialogue import Ask, Dialogue
from saccade.backends.remotes.places import Place, problem_of
from saccade.backends.remotes.transport import Patience, TimedTransport
from saccade.clock import monotonic_s
from saccade.errors import ModelUnavailable, RemoteFailed, RequestError
from saccade.models.package import RemoteSpec
from saccade.vision.arrays import RgbImage

log = logging.getLogger("saccade.models")

#: How often a model is asked whether it is there; a client is told to come back after as long.
PULSE_S = 2.0
_PULSE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 5.0
#: A server that lies about the size of its answer must not fill the memory.
MAX_ANSWER_BYTES = 64 * 2**20
_MAX_SIGN_BYTES = 2**16
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_CONNECTIONS = 32
#: The request surely was not answered and may be sent again: the connection did not come about, or was shut before a
#: byte of an answer; or a proxy says that nobody is there. Not a timeout: the model may still be at work on it.
_SAFE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
#: What reading nonsense as an answer raises; JSON may be nested without end, and hold numbers that no float can.
_NO_ANSWER = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError)
#: What asking whether a model is there may raise; RuntimeError where the client was closed meanwhile.
_NO_SIGN = (httpx2.HTTPError, httpx2.InvalidURL, RuntimeError, ValueError)
_AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


class RemoteModel:
    """One model on one server. Thread-safe."""

    def __init__(self, spec: RemoteSpec, dialogue: Dialogue, place: Place, *, pulse_s: float = PULSE_S) -> None:
        """Begin to look whether it is there.

        Args:
            spec: What it is, and what asking it may cost.
            dialogue: How it is spoken to.
            place: Where it is.
            pulse_s: Seconds between two looks.
        """
        self._spec = spec
        self._dialogue = dialogue
        self._place = place
        self._pulse_s = pulse_s
        self._patience = Patience()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(spec.timeout_s, connect=min(_CONNECT_TIMEOUT_S, spec.timeout_s)),
            transport=TimedTransport(
                self._patience, is_tls=spec.url.lower().startswith("https:"), connections=_CONNECTIONS
            ),
            headers={"Accept-Encoding": "identity", "User-Agent": "saccade"},  # few bytes must not become many
            follow_redirects=False,
            trust_env=False,
        )
        self._problem: str | None = "it was not asked yet"
        self._closed = threading.Event()
        self._look()
        self._pulse = threading.Thread(target=self._watch, name=f"remote-{spec.model}", daemon=True)
        self._pulse.start()

    @property
    def problem(self) -> str | None:
        """Why it does not answer; None if it did when it was last asked."""
        return self._problem

    def predict(self, images: Sequence[RgbImage]) -> Sequence[object]:
        """Ask the model; see the port.

        While it is known to be away it is not asked at all: only the pulse finds out that it is back.
        """
        answers: list[object] = []
        most = self._dialogue.most
        for start in range(0, len(images), most):
            some = images[start : start + most]
            self._check()
            body = self._answer(self._dialogue.ask(some))
            try:
                answers += self._dialogue.read(body, len(some))
            except _NO_ANSWER as error:
                raise RemoteFailed(
                    f"The remote model {self._spec.shown} answered something that its protocol does not know."
                ) from error
        return answers

    def close(self) -> None:
        """Look no more, and give the connections back. Idempotent."""
        self._closed.set()
        self._client.close()

    def _check(self) -> None:
        if self._problem is not None:
            raise self._unavailable(self._problem)

    def _answer(self, ask: Ask) -> bytes:
        """Return the body of a good answer.

        Raises:
            ModelUnavailable: Nobody answers, or says that they cannot now.
            RemoteFailed: The answer is a refusal, or too long.
        """
        trouble = "nothing was tried"
        for attempt in range(1 + self._spec.retries):
            if attempt and self._closed.wait(_pause_s(attempt)):
                break
            try:
                status, body = self._send(ask)
            except _SAFE as error:
                trouble = f"its server could not be reached ({type(error).__name__})"
                continue
            except (RequestError, httpx2.HTTPError) as error:
                raise self._gone(self._trouble(error)) from None
            if status in _AWAY:
                trouble = f"its server says {status}"
                continue
            if status == HTTPStatus.OK:
                return body
            raise RemoteFailed(f"The remote model {self._spec.shown} answered {status}.")
        raise self._gone(trouble)

    def _send(self, ask: Ask) -> tuple[int, bytes]:
        spot, until_s = self._place.spot(), monotonic_s() + self._spec.timeout_s
        headers, extensions = {**ask.headers, **spot.headers}, dict(spot.extensions)
        with (
            self._patience.until(until_s),
            self._client.stream(
                "POST", spot.url + ask.path, content=ask.body, headers=headers, extensions=extensions
            ) as response,
        ):
            body = _read(response, most_bytes=MAX_ANSWER_BYTES, until_s=until_s)
        if body is None:
            raise RemoteFailed(f"The remote model {self._spec.shown} answered more than {MAX_ANSWER_BYTES} bytes.")
        return response.status_code, body

    def _watch(self) -> None:
        while not self._closed.wait(self._pulse_s * random.uniform(0.8, 1.2)):  # noqa: S311 - it spreads, it hides nothing
            self._look()

    def _look(self) -> None:
        """Find out whether the model is there."""
        problem: str | None = None
        try:
            spot, until_s = self._place.spot(), monotonic_s() + _PULSE_TIMEOUT_S
            url, extensions = spot.url + self._dialogue.health, dict(spot.extensions)
            with (
                self._patience.until(until_s),
                self._client.stream(
                    "GET", url, timeout=_PULSE_TIMEOUT_S, headers=dict(spot.headers), extensions=extensions
                ) as response,
            ):
                body = _read(response, most_bytes=_MAX_SIGN_BYTES, until_s=until_s)
            problem = self._missing(response.status_code, body)
        except RequestError as error:
            problem = problem_of(error)
        except ValueError:
            problem = f"its server answers something that its protocol does not know at {self._dialogue.health}"
        except _NO_SIGN as error:
            problem = f"its server could not be reached ({type(error).__name__})"
        self._note(problem)

    def _missing(self, status: int, body: bytes | None) -> str | None:
        """Return what is wrong with an answer to whether the model is there; None if it is.

        Raises:
            ValueError: The body is none that the protocol knows.
        """
        if status == HTTPStatus.NOT_FOUND:
            return f"its server does not know it: nothing is at {self._dialogue.health} (404)"
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return f"its server points elsewhere ({status}), where it is not followed: say the right URL"
        if status == HTTPStatus.OK and body is not None and self._dialogue.is_ready(body):
            return None
        return f"its server says that it is not ready ({status})"

    def _note(self, problem: str | None) -> None:
        before, self._problem = self._problem, problem
        if (problem is None) != (before is None) and not self._closed.is_set():
            facts = {"saccade.model": self._spec.shown, "error.message": problem or ""}
            if problem is None:
                log.info("a remote model is there", extra={"facts": facts})
            else:
                log.warning("a remote model is away", extra={"facts": facts})

    def _trouble(self, error: RequestError | httpx2.HTTPError) -> str:
        """Return why nobody answered, in words that go on a sentence."""
        if isinstance(error, RequestError):
            return problem_of(error)
        if isinstance(error, httpx2.TimeoutException):
            return f"it did not answer within {self._spec.timeout_s:g} s"
        return f"its server could not be reached ({type(error).__name__})"

    def _gone(self, problem: str) -> ModelUnavailable:
        """Note that nobody answers, so that nobody else is sent there until the pulse is back."""
        self._note(problem)
        return self._unavailable(problem)

    def _unavailable(self, problem: str) -> ModelUnavailable:
        error = ModelUnavailable(f"The model {self._spec.shown} runs elsewhere and is away: {problem}.")
        error.retry_after_s = self._pulse_s
        return error


def _read(response: httpx2.Response, *, most_bytes: int, until_s: float) -> bytes | None:
    """Return a body as it was sent; None if there is more of it than that.

    Raises:
        ReadTimeout: It was not at its end in time, for a server may send a byte now and then.
    """
    read: list[bytes] = []
    for piece in response.iter_raw():
        most_bytes -= len(piece)
        if most_bytes < 0:
            return None
        if monotonic_s() > until_s:
            raise httpx2.ReadTimeout("the body took too long", request=response.request)
        read.append(piece)
    return b"".join(read)


def _pause_s(attempt: int) -> float:
    """Return how long to wait before this try: somewhere between nothing and a span that doubles each time."""
    return random.uniform(0.0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**attempt))  # noqa: S311 - jitter, no secret
