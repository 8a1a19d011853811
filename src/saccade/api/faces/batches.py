"""Several pictures for one model, all or nothing: for protocols that have no word for one picture that went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anyio import create_task_group
from starlette.requests import Request

from saccade.api.context import context_of
from saccade.api.dependencies import platform_of
from saccade.api.metering import note_answers
from saccade.api.sources import decode, fetch
from saccade.api.turn import SEVERAL, Turn
from saccade.caller import Caller
from saccade.errors import AliasUnknown, ModelUnknown, ParameterInvalid, RequestError, SaccadeError, TaskMismatch
from saccade.predictions.answer import Answer, PredictOptions
from saccade.predictions.service import PairResult


@dataclass(frozen=True, slots=True)
class Link:
    """A picture that is to be fetched."""

    url: object


#: A picture as it was sent: encoded, in base64, or where it is to be had.
Sent: TypeAlias = "bytes | str | Link"


async def resolved(request: Request, pictures: Sequence[Sent]) -> list[bytes]:
    """Return the encoded pictures; those that are to be fetched are fetched side by side.

    Raises:
        ParameterInvalid: One cannot be had; the text says which.
        UnavailableError: Too much is waiting.
    """
    found: dict[int, bytes | SaccadeError] = {}

    async def resolve(index: int, picture: str | Link) -> None:
        try:
            if isinstance(picture, Link):
                found[index] = await fetch(request, picture.url, parameter="image_url")
            else:
                found[index] = await decode(request, picture, parameter="base64")
        except SaccadeError as error:
            found[index] = error

    async with create_task_group() as group:
        for index, picture in enumerate(pictures):
            if isinstance(picture, bytes):
                found[index] = picture
            else:
                group.start_soon(resolve, index, picture)
    return [_had(index, found[index]) for index in range(len(pictures))]


async def predict_all(
    request: Request, turn: Turn, pictures: Sequence[bytes], *, model: str, options: PredictOptions
) -> list[Answer]:
    """Return what a model says of each picture, in their order.

    Args:
        request: Whose pictures.
        turn: At the model's line; several pictures wait in the line of those who ask for much.
        pictures: Encoded, at least one.
        model: A name, or one with a version or an alias.
        options: The same for all.

    Raises:
        ParameterInvalid: A picture cannot be taken; the text says which.
        SaccadeError: There is no answer for another reason.
    """
    predictor = platform_of(request).predictor
    if len(pictures) == 1:
        [data] = pictures
        try:
            answer = await turn.run(lambda caller: predictor.predict(data, model=model, options=options, caller=caller))
        except RequestError as error:
            raise _told(0, error) from None
        context_of(request.scope).timing = answer.timing
        return [answer]
    done: list[PairResult] = []

    def work(caller: Caller) -> list[PairResult]:
        return predictor.predict_pairs(pictures, models=[model], options=options, caller=caller, on_pair=done.append)

    pairs = await Turn(request, SEVERAL).run(work, also=lambda: note_answers(request, done, model=""))
    answers: list[Answer] = []
    for pair in pairs:
        if pair.answer is None:
            raise _told(pair.index, pair.problem or SaccadeError("There is neither an answer nor a problem."))
        answers.append(pair.answer)
    return answers


def _had(index: int, found: bytes | SaccadeError) -> bytes:
    if isinstance(found, RequestError):
        raise _refused(index, found)
    if isinstance(found, SaccadeError):
        raise found
    return found


def _told(index: int, error: SaccadeError) -> SaccadeError:
    """Return what is told of a picture that has no answer: which one it is, where the picture is at fault."""
    is_of_all = isinstance(error, ModelUnknown | AliasUnknown | TaskMismatch | ParameterInvalid)
    return _refused(index, error) if isinstance(error, RequestError) and not is_of_all else error


def _refused(index: int, error: RequestError) -> ParameterInvalid:
    return ParameterInvalid(f"Picture {index}: {error}", hint=error.hint)
