"""Two ways to ask a model: in this process, or a server over HTTP. Both answer with the same JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote

from saccade.cli.output import shown_url
from saccade.errors import SaccadeError, ServerUnreachable

if TYPE_CHECKING:
    import httpx2

    from saccade.predictions.answer import PredictOptions
    from saccade.predictions.render import Json
    from saccade.wiring import Platform


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: a prediction, or the problem that stood in its way; exactly one of them."""

    file: Path
    prediction: dict[str, Json] | None = None
    problem: dict[str, Json] | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the line that ``--json`` writes."""
        what: dict[str, Json] = {"problem": self.problem} if self.problem else {"prediction": self.prediction}
        return {"file": str(self.file), **what}


Ask: TypeAlias = Callable[[Path], Outcome]


def ask_here(platform: Platform, model: str, options: PredictOptions, *, max_bytes: int) -> Ask:
    """Return how a file is asked about in this process.

    Args:
        platform: Opened and started.
        model: Name, or name@version.
        options: What the caller asks for.
        max_bytes: No more of a file is read than shows that it is too large.
    """
    from saccade.predictions.render import answer_to_json, error_to_json

    def ask(file: Path) -> Outcome:
        try:
            with file.open("rb") as opened:
                data = opened.read(max_bytes + 1)
            answer = platform.predictor.predict(data, model=model, options=options)
        except SaccadeError as error:
            return Outcome(file, problem=error_to_json(error))
        except OSError as error:
            return Outcome(file, problem=_unreadable(error))
        return Outcome(file, prediction=answer_to_json(answer))

    return ask


def ask_server(client: httpx2.Client, model: str, options: PredictOptions) -> Ask:
    """Return how a server is asked about a file.

    Args:
        client: Knows the server's address.
        model: Name, or name@version.
        options: What the caller asks for.
    """
    import httpx2

    parameters: dict[str, str | tuple[str, ...]] = {"top_k": str(options.top_k)}
    if options.candidate_labels:
        parameters["candidate_labels"] = options.candidate_labels
    if options.threshold is not None:
        parameters["threshold"] = str(options.threshold)
    route = f"/v1/models/{quote(model, safe='@')}/predict"
    headers = {"Content-Type": "application/octet-stream"}

    def ask(file: Path) -> Outcome:
        try:
            data = file.read_bytes()
        except OSError as error:
            return Outcome(file, problem=_unreadable(error))
        try:
            response = client.post(route, params=parameters, content=data, headers=headers)
        except httpx2.HTTPError as error:
            raise ServerUnreachable(
                f"{shown_url(str(client.base_url))} does not answer: {str(error) or type(error).__name__}."
            ) from None
        return _of_response(file, response)

    return ask


def _of_response(file: Path, response: httpx2.Response) -> Outcome:
    """Return what a server's response says of a file; what is not JSON was not written by Saccade."""
    try:
        body: object = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        detail = f"The server answered {response.status_code} with something that is not JSON."
        return Outcome(file, problem={"code": "answer_unreadable", "detail": detail, "hint": "Check the address."})
    document = cast("dict[str, Json]", body)
    return Outcome(file, prediction=document) if response.is_success else Outcome(file, problem=document)


def _unreadable(error: OSError) -> dict[str, Json]:
    """Return the problem of a file that this program cannot read."""
    return {
        "code": "file_unreadable",
        "detail": f"The file cannot be read: {error.strerror or error}.",
        "hint": "Check that it exists and that you may read it.",
    }
