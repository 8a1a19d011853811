"""A few pictures and models at once: ``POST /v1/predict``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyio import create_task_group
from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import Kind, kind_of, parse_json, read_form, read_raw
from saccade.api.dependencies import platform_of, predictions_of
from saccade.api.description import new_router, pairs_operation
from saccade.api.metering import note_answers
from saccade.api.options import MODELS, Given, given_by, items_of, model_names, read_options
from saccade.api.principals import require_models
from saccade.api.problems import item_problem
from saccade.api.sources import decode, fetch
from saccade.api.turn import SEVERAL, Turn
from saccade.caller import Caller
from saccade.errors import (
    BodyTooLarge,
    ImageEmpty,
    MediaTypeUnsupported,
    ParameterInvalid,
    SaccadeError,
    SourceAmbiguous,
    TooManyPairs,
)
from saccade.models.registry import Registry
from saccade.predictions.render import answer_to_json
from saccade.predictions.service import PairResult

router = new_router("predictions")

#: Pairs that are answered while the client waits.
MAX_PAIRS = 32
#: Files that are read before they are counted against the pairs.
MAX_FILES = 64

IMAGES = "images"


@dataclass(frozen=True, slots=True)
class _Source:
    """One picture as it was sent: its name, and its bytes, or the URL or base64 that stands for them."""

    name: str | None
    data: bytes | None = None
    url: object = None
    base64: object = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The whole request, read but not yet resolved."""

    sources: Sequence[_Source]
    models: Sequence[str]
    given: Given


@router.post("/v1/predict", **pairs_operation())
async def predict_pairs(request: Request) -> Response:
    """Say what several models see in several pictures, at most 32 (image, model) pairs.

    Pairs are answered by image, then by model. A picture that cannot be fetched, read or predicted has a `problem`
    where the others have a `prediction`; a model that does not exist refuses the whole request before any work.
    """
    turn = Turn(request, SEVERAL)
    asked = await _read(request)
    options = read_options(asked.given)
    _check_count(asked)
    require_models(request, Action.PREDICT, asked.models)
    platform, threads = platform_of(request), predictions_of(request)
    await threads.run(_check_models, platform.registry, asked.models)
    images = await _resolve(request, asked.sources)
    predictor = platform.predictor
    done: list[PairResult] = []

    def work(caller: Caller) -> list[PairResult]:
        return predictor.predict_pairs(images, models=asked.models, options=options, caller=caller, on_pair=done.append)

    pairs = await turn.run(work, also=lambda: note_answers(request, done, model=""))
    return JsonAnswer({"results": [_pair_json(request, pair, asked.sources[pair.index].name) for pair in pairs]})


async def _read(request: Request) -> _Asked:
    kind = kind_of(request)
    if kind is Kind.FORM:
        return await _read_form(request)
    if kind is Kind.JSON:
        max_bytes = platform_of(request).settings.server.max_body_bytes
        body = await read_raw(request, max_bytes=max_bytes, refusal=BodyTooLarge("The body is too large."))
        return _of_json(request, parse_json(body))
    raise MediaTypeUnsupported(
        "Several pictures come as multipart/form-data or JSON.",
        hint="POST /v1/models/{model}/predict takes one picture as the raw body.",
    )


async def _read_form(request: Request) -> _Asked:
    max_bytes = platform_of(request).settings.server.max_body_bytes
    form = await read_form(request, max_bytes=max_bytes, max_files=MAX_FILES)
    strangers = {file.field for file in form.files} - {IMAGES}
    if strangers:
        raise ParameterInvalid(
            f"A file is named {min(strangers)[:100]!a}; pictures are named {IMAGES!r}.", faults={IMAGES: "misnamed"}
        )
    sources = [_Source(name=file.file_name or None, data=file.data) for file in form.files]
    models = [value for name, value in form.fields if name == MODELS]
    given = given_by(request, [field for field in form.fields if field[0] != MODELS])
    return _Asked(sources, model_names(models), given)


def _of_json(request: Request, document: Mapping[str, object]) -> _Asked:
    images, models = document.get(IMAGES), document.get(MODELS)
    if not isinstance(images, list):
        raise ParameterInvalid(f"{IMAGES!r} must be a list.", faults={IMAGES: "must be a list"})
    if not isinstance(models, list):
        raise ParameterInvalid(f"{MODELS!r} must be a list.", faults={MODELS: "must be a list"})
    options = items_of({name: value for name, value in document.items() if name not in {IMAGES, MODELS}})
    sources = [_source_of(position, image) for position, image in enumerate(images)]
    return _Asked(sources, model_names(models), given_by(request, options))


def _source_of(position: int, image: object) -> _Source:
    """Return one picture of a JSON request.

    Raises:
        SourceAmbiguous: It is not an object with exactly one of ``url`` and ``base64``.
    """
    if not isinstance(image, dict) or len(image) != 1 or not {"url", "base64"} & image.keys():
        raise SourceAmbiguous(
            f"Image {position} is no object with exactly one of 'url' and 'base64'.",
            hint='Send {"images": [{"url": "…"}, {"base64": "…"}], "models": ["…"]}.',
        )
    url = image.get("url")
    return _Source(name=url if isinstance(url, str) else None, url=url, base64=image.get("base64"))


def _check_models(registry: Registry, models: Sequence[str]) -> None:
    """Refuse names that mean no model, before pictures are fetched for them."""
    for model in models:
        registry.status(model)


def _check_count(asked: _Asked) -> None:
    if not asked.sources:
        raise SourceAmbiguous("The request has no picture.", hint="Send one or more pictures as 'images'.")
    pairs = len(asked.sources) * len(asked.models)
    if pairs > MAX_PAIRS:
        raise TooManyPairs(
            f"{len(asked.sources)} images times {len(asked.models)} models are {pairs} pairs; "
            f"at most {MAX_PAIRS} are answered at once."
        )


async def _resolve(request: Request, sources: Sequence[_Source]) -> list[bytes | SaccadeError]:
    """Return each picture's bytes, or why there are none; URLs are fetched side by side."""
    images: list[bytes | SaccadeError] = [ImageEmpty("The picture has no bytes.")] * len(sources)

    async def resolve(position: int, source: _Source) -> None:
        try:
            images[position] = await _bytes_of(request, source)
        except SaccadeError as error:
            images[position] = error

    async with create_task_group() as group:
        for position, source in enumerate(sources):
            if source.data is not None:
                images[position] = source.data
            else:
                group.start_soon(resolve, position, source)
    return images


async def _bytes_of(request: Request, source: _Source) -> bytes:
    if source.base64 is not None:
        return await decode(request, source.base64, parameter="base64")
    return await fetch(request, source.url, parameter="url")


def _pair_json(request: Request, pair: PairResult, name: str | None) -> dict[str, object]:
    shown: dict[str, object] = {"image": {"index": pair.index, "name": name}, "model": pair.model}
    if pair.answer is not None:
        return {**shown, "prediction": answer_to_json(pair.answer)}
    problem = pair.problem or SaccadeError("The pair has neither an answer nor a problem.")
    return {**shown, "problem": item_problem(request.scope, problem)}
