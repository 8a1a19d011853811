"""Hugging Face's inference API at ``POST /hf/{model}``: its ``InferenceClient`` works against it unmodified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from saccade.api.answers import JsonAnswer
from saccade.api.bodies import Kind, kind_of, read_json, read_raw
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of
from saccade.api.description import huggingface_operation, new_router
from saccade.api.options import Given, items_of, read_options
from saccade.api.sources import base64_bytes, decode
from saccade.api.turn import Turn
from saccade.errors import ImageEmpty, ImageTooLarge, MediaTypeUnsupported, ParameterInvalid
from saccade.models.decoders.transformers import FUNCTIONS
from saccade.models.prediction import Classification, Entry

router = new_router("faces")

_INPUTS = "inputs"
_PARAMETERS = "parameters"
_FUNCTION = "function_to_apply"


@router.post("/hf/{model}", **huggingface_operation())
async def huggingface_predict(request: Request, model: str) -> Response:
    """Answer as Hugging Face's inference API does: labels with scores, or boxes in whole pixels.

    Takes the picture as the raw body, or JSON `{"inputs": base64, "parameters": {…}}`. `function_to_apply`
    says how a classifier's logits become scores, `candidate_labels` what a zero-shot model looks for. Errors are
    `{"error": "…"}`.
    """
    context = context_of(request.scope)
    context.model = model
    turn = Turn(request, model)
    data, given = await _read(request)
    function = _function(given.pop(_FUNCTION, []))
    options = replace(read_options(given), function=function)
    predictor = platform_of(request).predictor
    answer = await turn.run(lambda caller: predictor.predict(data, model=model, options=options, caller=caller))
    context.timing = answer.timing
    return JsonAnswer([_entry(entry) for entry in answer.predictions])


async def _read(request: Request) -> tuple[bytes, Given]:
    kind = kind_of(request)
    max_bytes = platform_of(request).settings.image.max_bytes
    if kind is Kind.FORM:
        raise MediaTypeUnsupported("This route takes the picture as the raw body or as base64 in JSON, not as a form.")
    if kind is Kind.RAW:
        data = await read_raw(
            request, max_bytes=max_bytes, refusal=ImageTooLarge(f"The picture has more than {max_bytes} bytes.")
        )
        if not data:
            raise ImageEmpty("The body has no bytes.")
        return data, {}
    document = await read_json(request, max_bytes=base64_bytes(max_bytes))
    data = await decode(request, document.get(_INPUTS), parameter=_INPUTS)
    return data, _given(document.get(_PARAMETERS))


def _given(parameters: object) -> Given:
    """Return the parameters as options, leaving out what is null."""
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise ParameterInvalid(f"{_PARAMETERS!r} must be an object.")
    given: Given = {}
    for name, value in items_of(parameters):
        given.setdefault(name, []).append(value)
    return given


def _function(values: Sequence[object]) -> str | None:
    """Return how logits become scores, if the caller says so."""
    if not any(value is not None for value in values):
        return None
    if values[0] not in FUNCTIONS:
        raise ParameterInvalid(f"{_FUNCTION!r} must be one of {', '.join(FUNCTIONS)}.")
    return str(values[0])


def _entry(entry: Entry) -> dict[str, object]:
    if isinstance(entry, Classification):
        return {"label": entry.label, "score": entry.score}
    box = entry.box
    return {
        "label": entry.label,
        "score": entry.score,
        "box": {"xmin": round(box.x_min), "ymin": round(box.y_min), "xmax": round(box.x_max), "ymax": round(box.y_max)},
    }
