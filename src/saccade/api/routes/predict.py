"""One picture, one model: ``POST /v1/models/{model}/predict``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade.api.answers import JsonAnswer
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of, predictions_of
from saccade.api.description import new_router, predict_operation
from saccade.api.options import read_options
from saccade.api.sources import read_source
from saccade.predictions.render import answer_to_json

router = new_router("predictions")


@router.post("/v1/models/{model}/predict", **predict_operation())
async def predict_image(request: Request, model: str) -> Response:
    """Say what one model sees in one picture; nothing is stored.

    The picture comes as the raw body, as the `file` of a multipart form, or as `image_url` or `image_base64` in JSON:
    exactly one of them. Options come in the query, as form fields or as JSON keys. Coordinates are pixels of the
    upright original (after EXIF rotation), origin top left.
    """
    context = context_of(request.scope)
    context.model = model
    data, given = await read_source(request)
    options = read_options(given)
    predictor = platform_of(request).predictor
    answer = await predictions_of(request).run(predictor.predict, data, model=model, options=options)
    context.timing = answer.timing
    return JsonAnswer(answer_to_json(answer))
