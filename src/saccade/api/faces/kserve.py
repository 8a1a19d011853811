"""KServe's first protocol at ``POST /v1/models/{model}:predict``: what TensorFlow Serving's clients speak too.

System 4's own model server answered here; its clients send one picture and read a flat list of objects.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from saccade.api.answers import JsonAnswer
from saccade.api.bodies import Kind, kind_of, read_json
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of, predictions_of
from saccade.api.description import new_router
from saccade.api.faces.batches import Link, Sent, predict_all, resolved
from saccade.api.faces.oip_description import kserve_operation
from saccade.api.faces.oip_errors import ProtocolRoute
from saccade.api.faces.oip_metadata import card_of
from saccade.api.faces.oip_outputs import gives_places
from saccade.api.faces.oip_requests import MAX_PICTURES
from saccade.api.options import given_by, is_plain_text, items_of, read_options
from saccade.api.sources import IMAGE_URL
from saccade.api.turn import Turn
from saccade.errors import MediaTypeUnsupported, ParameterInvalid
from saccade.models.prediction import Classification, Detection, Entry
from saccade.predictions.answer import Answer
from saccade.predictions.render import entry_to_json

router = new_router("faces")
router.route_class = ProtocolRoute

_INSTANCES = "instances"
_INPUTS = "inputs"
_PARAMETERS = "parameters"
_LABEL = "label"
_IMAGE = "image"
#: Where an instance keeps its picture in base64.
_BASE64 = ("b64", "data", "image_base64")
_MAX_LABEL_CHARACTERS = 200
_DIGITS = 3


@router.post("/v1/models/{model}:predict", **kserve_operation())
async def kserve_predict(request: Request, model: str) -> Response:
    """Say what a model sees in up to 32 pictures, in KServe's first dialect.

    An instance is `{"image": {"b64": "…"}}`, `{"b64": "…"}`, `{"data": "…"}`, `{"image_url": "…"}` or the base64 text
    itself. `predictions` has one list for each instance; for one picture shown to a detector it is that list itself.
    Boxes, centroids and radii are in whole pixels. `parameters` may have `top_k`, `threshold`, `candidate_labels`, and
    `label`: what a zero-shot model looks for; of another model that knows the label, only its objects are answered.
    """
    context = context_of(request.scope)
    context.model = model
    turn = Turn(request, model)
    if kind_of(request) is Kind.FORM:
        raise MediaTypeUnsupported("This route takes JSON and no form.")
    document = await read_json(request, max_bytes=platform_of(request).settings.server.max_body_bytes)
    instances = _instances(document)
    parameters = dict(_parameters(document))
    label = _label(parameters.pop(_LABEL, None))
    options = read_options(given_by(request, items_of(parameters)))
    status = await predictions_of(request).run(platform_of(request).registry.status, model)
    card = card_of(status)
    if label is not None and card.task.takes_words and not options.candidate_labels:
        options = replace(options, candidate_labels=(label,))
    pictures = await resolved(request, instances)
    answers = await predict_all(request, turn, pictures, model=model, options=options)
    # A label that a model does not know is a word for another kind of model: what this one finds has its own labels.
    rows = [_row(answer, label if label in card.labels else None) for answer in answers]
    is_flat = len(rows) == 1 and gives_places(card.task)
    spent_ms = round((time.perf_counter() - context.started_s) * 1e3, _DIGITS)
    return JsonAnswer({"predictions": rows[0] if is_flat else rows}, headers={"prediction-time-latency": str(spent_ms)})


def _instances(document: Mapping[str, object]) -> list[Sent]:
    """Return the pictures of a request.

    Raises:
        ParameterInvalid: There is none, or there are too many, or one is no picture.
    """
    named = [name for name in (_INSTANCES, _INPUTS) if document.get(name) is not None]
    if len(named) != 1:
        raise ParameterInvalid(f"The body must have either {_INSTANCES!r} or {_INPUTS!r}.")
    instances = document[named[0]]
    if not isinstance(instances, list) or not 1 <= len(instances) <= MAX_PICTURES:
        raise ParameterInvalid(f"{named[0]!r} must be a list of 1 to {MAX_PICTURES} pictures.")
    return [_picture(index, instance) for index, instance in enumerate(instances)]


def _picture(index: int, instance: object) -> Sent:
    """Return the picture of an instance, or where it is to be had."""
    if isinstance(instance, dict) and len(instance) == 1:
        [(name, value)] = instance.items()
        if name == IMAGE_URL:
            return Link(value)
        if name == _IMAGE and isinstance(value, dict) and list(value) == [_BASE64[0]]:
            value = value[_BASE64[0]]
        if name in (_IMAGE, *_BASE64):
            instance = value
    if not isinstance(instance, str):
        raise ParameterInvalid(f'Picture {index}: it must be {{"image": {{"b64": "…"}}}}, or the base64 text itself.')
    return instance


def _parameters(document: Mapping[str, object]) -> Mapping[str, object]:
    parameters = document.get(_PARAMETERS)
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise ParameterInvalid(f"{_PARAMETERS!r} must be an object.")
    return parameters


def _label(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_plain_text(value, max_characters=_MAX_LABEL_CHARACTERS):
        raise ParameterInvalid(f"{_LABEL!r} must be a text of at most {_MAX_LABEL_CHARACTERS} characters.")
    return value


def _row(answer: Answer, label: str | None) -> Sequence[object]:
    return [_entry(entry) for entry in answer.predictions if label is None or entry.label == label]


def _entry(entry: Entry) -> Mapping[str, object]:
    """Return a label as ever, and an object in system 4's words."""
    match entry:
        case Classification():
            return entry_to_json(entry)
        case Detection():
            box = entry.box
            return {
                "bounding_box": {
                    "xmin": round(box.x_min),
                    "ymin": round(box.y_min),
                    "xmax": round(box.x_max),
                    "ymax": round(box.y_max),
                },
                "centroid": {"x": round(entry.centroid.x), "y": round(entry.centroid.y)},
                "radius": {"radius": round(entry.radius_px)},
                "label": entry.label,
                "score": entry.score,
            }
