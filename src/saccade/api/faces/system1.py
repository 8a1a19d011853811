"""System 1's API: a classifier that answers at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from saccade import __version__
from saccade.access.policy import Action, Resource
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import ENVELOPE_BYTES, Form, Kind, UploadedFile, kind_of, read_form
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of
from saccade.api.description import FORM_FILE, face_operation, new_router
from saccade.api.faces.behind import answers, device_of, is_classifier, is_loaded, status_behind
from saccade.api.metering import note_answers
from saccade.api.principals import bare_name, require
from saccade.api.turn import SEVERAL, Turn
from saccade.caller import Caller
from saccade.errors import (
    BodyTooLarge,
    ImageEmpty,
    MediaTypeUnsupported,
    ModelError,
    ParameterInvalid,
    RequestError,
    SaccadeError,
)
from saccade.models.prediction import Classification
from saccade.models.status import ModelStatus
from saccade.predictions.answer import Answer, PredictOptions

FACE = "1"
router = new_router("faces")
#: What this face answers at paths that only one can own.
root = new_router("faces")

#: As this API has always had it; a server's own limit counts as well.
MAX_BYTES = 10_000_000
MAX_FILES = 10
MAX_TOP_K = 10
DEFAULT_TOP_K = 5

_FILE, _FILES, _TOP_K = "file", "files", "top_k"
_WHOLE = re.compile(r"[0-9]{1,3}")
_DIGITS = 3
_NO_STORE = {"Cache-Control": "no-store"}
_NOT_WELL_STATUS = 503
_PROBLEMS = (400, 404, 408, 409, 413, 415, 429, 500, 503)


def _form_of(name: str, schema: Mapping[str, object]) -> dict[str, object]:
    top_k = {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K, "default": DEFAULT_TOP_K}
    form = {"type": "object", "properties": {name: schema, _TOP_K: top_k}, "required": [name]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


@router.post(
    "/api/v1/classify",
    **face_operation(
        FACE,
        "Classify a picture",
        action=Action.PREDICT,
        ok="System1Classified",
        error="ErrorDetail",
        problems=_PROBLEMS,
        extra=_form_of(_FILE, FORM_FILE),
    ),
)
async def system1_classify(request: Request) -> Response:
    """Return the best `top_k` labels of the form's `file`."""
    model = _model(request)
    turn = Turn(request, model)
    form = await _read(request, _FILE, most=1)
    if not form.files:
        raise ParameterInvalid(f"{_FILE!r} is missing.", faults={_FILE: "is missing"})
    options = PredictOptions(top_k=_top_k(form))
    data = _checked(form.files[0])
    platform = platform_of(request)
    answer = await turn.run(
        lambda caller: platform.predictor.predict(data, model=model, options=options, caller=caller)
    )
    context_of(request.scope).timing = answer.timing
    content = {
        "predictions": _predictions(answer),
        "model_info": _model_info(platform.registry.status(model)),
        "processing_time_ms": 0.0 if answer.cached else round(answer.timing.total_ms, _DIGITS),
    }
    return JsonAnswer(content, headers=_NO_STORE)


@router.post(
    "/api/v1/classify-batch",
    **face_operation(
        FACE,
        "Classify several pictures",
        action=Action.PREDICT,
        ok="System1Batch",
        error="ErrorDetail",
        problems=_PROBLEMS,
        extra=_form_of(_FILES, {"type": "array", "items": FORM_FILE, "maxItems": MAX_FILES}),
    ),
)
async def system1_classify_batch(request: Request) -> Response:
    """Return the best `top_k` labels of each of the form's `files`, at most ten; one that fails has an `error`."""
    model = _model(request)
    turn = Turn(request, SEVERAL)
    form = await _read(request, _FILES, most=MAX_FILES)
    if not form.files:
        raise ParameterInvalid(f"{_FILES!r} is missing.", faults={_FILES: "is missing"})
    options = PredictOptions(top_k=_top_k(form))
    platform = platform_of(request)
    platform.registry.status(model)
    answers: list[Answer | SaccadeError] = []

    def work(caller: Caller) -> None:
        for file in form.files:
            caller.check()
            try:
                answers.append(platform.predictor.predict(_checked(file), model=model, options=options, caller=caller))
            except SaccadeError as error:
                answers.append(error)

    def note() -> None:
        for answer in answers:
            note_answers(request, answer, model=model)

    await turn.run(work, also=note)
    info = _model_info(platform.registry.status(model))
    results = [
        {
            "file_index": index,
            "filename": file.file_name,
            **(
                {"predictions": _predictions(answer), "model_info": info}
                if isinstance(answer, Answer)
                else {"error": str(answer)}
            ),
        }
        for index, (file, answer) in enumerate(zip(form.files, answers, strict=True))
    ]
    good = [answer for answer in answers if isinstance(answer, Answer)]
    spent_ms = sum((answer.timing.total_ms for answer in good if not answer.cached), 0.0)
    return JsonAnswer(
        {
            "results": results,
            "total_files": len(results),
            "successful_files": len(good),
            "processing_time_ms": round(spent_ms, _DIGITS),
        },
        headers=_NO_STORE,
    )


@router.get(
    "/api/v1/model/info",
    **face_operation(
        FACE,
        "Which model answers",
        action=Action.MODELS_READ,
        ok="System1ModelInfo",
        error="ErrorDetail",
        problems=(404, 500, 503),
    ),
)
async def system1_model_info(request: Request) -> Response:
    """Describe the model; every value is a text."""
    return JsonAnswer(_model_info(platform_of(request).registry.status(_named(request))))


@router.get(
    "/api/v1/health",
    **face_operation(
        FACE,
        "How the model is",
        action=Action.SERVICE_READ,
        ok="System1Health",
        error="System1Health",
        problems=(503,),
    ),
)
async def system1_health(request: Request) -> Response:
    """Say whether the model answers; 503 if not, or if it is no classifier."""
    model = status_behind(request, _named(request))
    is_well = answers(model) and model is not None and is_classifier(model)
    content = {
        "status": "healthy" if is_well else "unhealthy",
        "model_loaded": is_well and is_loaded(model),
        "model_info": _model_info(model) if is_well and model is not None else None,
    }
    return JsonAnswer(content, status=200 if is_well else _NOT_WELL_STATUS, headers=_NO_STORE)


@router.get(
    "/nginx-health",
    include_in_schema=False,  # of the proxy before the API; it describes no route of its own
    **face_operation(FACE, "Is the proxy alive", action=Action.SERVICE_READ, ok="System1Index", error="ErrorDetail"),
)
async def system1_proxy_health() -> Response:
    """Answer as long as the process answers at all."""
    return PlainTextResponse("healthy\n", headers=_NO_STORE)


@root.get(
    "/", **face_operation(FACE, "Where things are", action=Action.SERVICE_READ, ok="System1Index", error="ErrorDetail")
)
async def system1_index() -> Response:
    """Name the places to go from here."""
    return JsonAnswer(
        {
            "message": "Scalable Image Classifier API",
            "version": __version__,
            "endpoints": {
                "health": "/api/v1/health",
                "classify": "/api/v1/classify",
                "model_info": "/api/v1/model/info",
                "docs": "/docs",
                "metrics": "/metrics",
            },
        }
    )


def _named(request: Request) -> str:
    return platform_of(request).settings.face_1.model


def _model(request: Request) -> str:
    """Return the model that answers, which the caller may use.

    Raises:
        Forbidden: Their key is not for it.
    """
    model = _named(request)
    context_of(request.scope).model = model
    require(request, Action.PREDICT, Resource(model=bare_name(model)))
    return model


async def _read(request: Request, field: str, *, most: int) -> Form:
    """Return the form with the files of one field alone.

    Raises:
        MediaTypeUnsupported: The body is no form.
        RequestError: There are more files than that.
        ParameterInvalid: A file has another name.
    """
    if kind_of(request) is not Kind.FORM:
        raise MediaTypeUnsupported("This route takes multipart/form-data.")
    max_bytes = min(most * MAX_BYTES, platform_of(request).settings.server.max_body_bytes) + ENVELOPE_BYTES
    try:
        form = await read_form(request, max_bytes=max_bytes, max_files=most)
    except BodyTooLarge as error:
        if "files" in str(error):
            raise RequestError(f"This route takes {most} files at most.") from None
        raise
    if any(file.field != field for file in form.files):
        raise ParameterInvalid(f"Files must be named {field!r}.", faults={field: "is missing"})
    return form


def _top_k(form: Form) -> int:
    given = [value for name, value in form.fields if name == _TOP_K]
    if not given:
        return DEFAULT_TOP_K
    if len(given) == 1 and _WHOLE.fullmatch(given[0]) and 1 <= int(given[0]) <= MAX_TOP_K:
        return int(given[0])
    fault = f"must be one whole number from 1 to {MAX_TOP_K}"
    raise ParameterInvalid(f"{_TOP_K!r} {fault}.", faults={_TOP_K: fault})


def _checked(file: UploadedFile) -> bytes:
    """Return a file's bytes if it says that it is a picture, of the size that this API takes."""
    if not file.media_type.lower().startswith("image/"):
        raise RequestError("File must be an image: its part's Content-Type does not begin with image/.")
    if not file.data:
        raise ImageEmpty("The file has no bytes.")
    if len(file.data) > MAX_BYTES:
        raise RequestError(f"The file has {len(file.data)} bytes; this route takes {MAX_BYTES}.")
    return file.data


def _predictions(answer: Answer) -> list[dict[str, object]]:
    """Return labels as this API has them.

    Raises:
        ModelError: The model behind this face is no classifier.
    """
    labels = [entry for entry in answer.predictions if isinstance(entry, Classification)]
    if len(labels) != len(answer.predictions):
        raise ModelError(f"{answer.model} is no classifier.", hint="SACCADE_FACES_1_MODEL must name one.")
    return [{"class_name": entry.label, "probability": entry.score, "class_id": entry.class_id} for entry in labels]


def _model_info(status: ModelStatus) -> dict[str, str]:
    """Describe a model in texts.

    Raises:
        ModelError: Its package cannot be read.
    """
    card = status.card
    if card is None:
        raise ModelError(f"{status.reference} cannot be read.")
    engine, _, rest = (status.runtime or card.engine).partition("/")
    precision = rest.partition("/")[2]
    return {
        "model_name": card.name,
        "device": device_of(status.runtime or card.engine),
        "num_classes": str(len(card.labels)),
        "framework": engine,
        "quantized": str("8" in precision),
        "torchscript": "False",
        "parameters": "unknown" if card.parameters is None else str(card.parameters),
        "model_size_mb": f"{card.size_bytes / 1e6:.2f}",
    }
