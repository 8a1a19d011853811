"""System 4's API: a picture goes in once, the circles found in it are kept and read one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from saccade import __version__
from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import ENVELOPE_BYTES, Kind, kind_of, read_form
from saccade.api.context import context_of
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.description import FORM_FILE, Operation, face_operation, new_router
from saccade.api.faces.behind import is_classifier
from saccade.api.image_access import album_of, checked_image_id, sane_object_id
from saccade.api.metering import note_answers
from saccade.api.principals import principal_of, require_models
from saccade.api.submissions import shown_name
from saccade.api.turn import SEVERAL, Turn
from saccade.caller import Caller
from saccade.errors import (
    ImageKnown,
    ImageUnknown,
    MediaTypeUnsupported,
    ModelError,
    ModelUnknown,
    ObjectUnknown,
    ParameterInvalid,
    PredictionMissing,
    RequestError,
    SaccadeError,
)
from saccade.images.records import ImageObject
from saccade.models.status import ModelStatus
from saccade.predictions.album import Album, Told
from saccade.predictions.answer import Answer, PredictOptions
from saccade.predictions.stored import same_answer
from saccade.settings import LogFormat

FACE = "4"
router = new_router("faces")
#: What this face answers at paths that only one can own.
root = new_router("faces")

_FILE = "file"
_NO_STORE = {"Cache-Control": "no-store"}


def _upload_operation() -> Operation:
    form = {
        "type": "object",
        "properties": {_FILE: FORM_FILE},
        "required": [_FILE],
    }
    return face_operation(
        FACE,
        "Find circles in a picture, and keep them",
        action=Action.IMAGES_WRITE,
        ok="System4Uploaded",
        error="ErrorDetail",
        problems=(400, 404, 408, 409, 413, 415, 429, 500, 503, 507),
        extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}},
    )


def _read_operation(summary: str, ok: str) -> Operation:
    return face_operation(
        FACE, summary, action=Action.IMAGES_READ, ok=ok, error="ErrorDetail", problems=(404, 409, 503)
    )


async def system4_upload(request: Request) -> Response:
    """Take the form's `file`, find circles in it, and keep them under the picture's SHA-256.

    A picture whose circles are kept already is refused with 409. If finding them failed, the status says why, nothing
    is half kept, and the same picture may be sent again.
    """
    turn = Turn(request, SEVERAL)
    model = _named(request)
    context_of(request.scope).model = model
    require_models(request, Action.IMAGES_WRITE, [model])
    name, data = await _file(request)
    album, owner = album_of(request), principal_of(request)
    image_id = hashlib.sha256(data).hexdigest()
    answers: list[Answer | SaccadeError] = []

    def work(caller: Caller) -> Told:
        status = platform_of(request).registry.status(model)
        _check_detector(status)
        _check_new(album, owner, image_id, status)
        kept = album.put(
            data,
            owner=owner,
            file_name=shown_name(name),
            models=[model],
            caller=caller,
            on_answer=lambda _, answer: answers.append(answer),
        )
        return kept.told[0]

    def note() -> None:
        for answer in answers:
            note_answers(request, answer, model=model)

    told = await turn.run(work, also=note)
    if told.problem is not None:
        raise told.problem
    found = await _found(request, owner, image_id, model=_reference_of(told))
    detections = [_detected(each) for each in found]
    content = {"image_id": image_id, "detection": {"detections": detections, "count": len(detections)}}
    return JsonAnswer(content, headers=_NO_STORE)


async def system4_objects(request: Request, image_id: str) -> Response:
    """Return the circles of a picture; boxes are whole px."""
    objects = await _objects_of(request, image_id)
    shown = [{"object_id": each.id, "bbox": _whole_box(each)} for each in objects]
    return JsonAnswer({"image_id": image_id, "count": len(shown), "objects": shown}, headers=_NO_STORE)


async def system4_object(request: Request, image_id: str, object_id: str) -> Response:
    """Return one circle of a picture; one of another picture is as absent as one that never was."""
    owner, find = principal_of(request), album_of(request).records.object
    try:
        each = await lookups_of(request).run(find, owner, checked_image_id(image_id), sane_object_id(object_id))
    except ImageUnknown:
        raise _no_image() from None
    except ObjectUnknown:
        raise ObjectUnknown("Object not found") from None
    found = each.found
    content = {
        "object_id": each.id,
        "bbox": _whole_box(each),
        "centroid": [found.centroid_x, found.centroid_y],
        "radius": found.radius_px,
    }
    return JsonAnswer(content, headers=_NO_STORE)


# The same routes at every spelling that clients are known to use; one of each is described.
_UPLOAD = _upload_operation()
_LIST = _read_operation("List the circles of a picture", "System4Objects")
_SHOW = _read_operation("Show a circle", "System4Object")
for _start in ("/images", "/api/v1/images"):
    for _end in ("/", ""):
        _is_shown = (_start, _end) == ("/images", "/")
        _objects = f"{_start}/{{image_id}}/objects"
        router.post(f"{_start}{_end}", include_in_schema=_is_shown, **_UPLOAD)(system4_upload)
        router.get(f"{_objects}{_end}", include_in_schema=_is_shown, **_LIST)(system4_objects)
        router.get(f"{_objects}/{{object_id}}{_end}", include_in_schema=_is_shown, **_SHOW)(system4_object)


@root.get(
    "/health",
    **face_operation(FACE, "Is the server alive", action=Action.SERVICE_READ, ok="System4Health", error="ErrorDetail"),
)
async def system4_health(request: Request) -> Response:
    """Answer as long as the process answers at all; `/readyz` says whether it can do its work."""
    environment = platform_of(request).settings.place.environment.value
    return JsonAnswer({"status": "ok", "environment": environment, "version": __version__}, headers=_NO_STORE)


@root.get(
    "/config",
    **face_operation(FACE, "Settings", action=Action.CONFIG_READ, ok="System4Config", error="ErrorDetail"),
)
async def system4_config(request: Request) -> Response:
    """Return what clients of this API may want to know of the settings."""
    settings = platform_of(request).settings
    return JsonAnswer(
        {
            "app_name": "Saccade",
            "app_version": __version__,
            "environment": settings.place.environment.value,
            "debug": False,
            "api_prefix": "/api/v1",
            "storage_type": settings.objects_url.partition(":")[0],
            "mode": "real",
            "model_name": settings.face_4.model,
            "log_level": settings.log.level.value.upper(),
            "log_json": settings.log.format is LogFormat.JSON,
            "max_upload_size": settings.image.max_bytes,
        }
    )


def _named(request: Request) -> str:
    return platform_of(request).settings.face_4.model


async def _file(request: Request) -> tuple[str | None, bytes]:
    """Return the name and the bytes of the form's file.

    Raises:
        RequestError: There is none, or it is empty.
    """
    if kind_of(request) is not Kind.FORM:
        raise MediaTypeUnsupported(f"This route takes multipart/form-data with the file {_FILE!r}.")
    max_bytes = platform_of(request).settings.image.max_bytes + ENVELOPE_BYTES
    form = await read_form(request, max_bytes=max_bytes, max_files=2)
    if [file.field for file in form.files] != [_FILE]:
        raise ParameterInvalid(f"The form must have one file {_FILE!r}.", faults={_FILE: "is missing"})
    file = form.files[0]
    if not file.data:
        raise RequestError("File cannot be empty")
    return file.file_name or None, file.data


def _check_detector(status: ModelStatus) -> None:
    """Return if the model behind this face can find circles: labels would look like a picture without any.

    Raises:
        ModelError: It is a classifier.
    """
    if is_classifier(status):
        raise ModelError(f"{status.reference} is no detector.", hint="SACCADE_FACES_4_MODEL must name one.")


def _check_new(album: Album, owner: str, image_id: str, status: ModelStatus) -> None:
    """Return unless the circles of this picture are kept already.

    Raises:
        ImageKnown: They are.
    """
    try:
        record = album.records.image(owner, image_id)
    except ImageUnknown:
        return
    if same_answer(record, status, PredictOptions()) is not None:
        raise ImageKnown(f"Image already exists with ID: {image_id}")


def _reference_of(told: Told) -> str:
    """Return ``name@version`` of what answered."""
    return str(json.loads(told.prediction or "{}").get("model", told.model))


async def _objects_of(request: Request, image_id: str) -> Sequence[ImageObject]:
    """Return what the face's model found.

    Raises:
        ImageUnknown: The caller has no such picture.
        PredictionMissing: The model has not answered for it yet.
    """
    owner = principal_of(request)
    try:
        return await _found(request, owner, checked_image_id(image_id), model=_named(request).partition("@")[0])
    except ImageUnknown:
        raise _no_image() from None
    except ModelUnknown:
        raise PredictionMissing("No circles are known of this image yet. Send it again.") from None


async def _found(request: Request, owner: str, image_id: str, *, model: str) -> Sequence[ImageObject]:
    return await lookups_of(request).run(album_of(request).records.objects, owner, image_id, model=model)


def _detected(each: ImageObject) -> dict[str, object]:
    found = each.found
    return {
        "object_id": each.id,
        "bbox": [found.x_min, found.y_min, found.x_max, found.y_max],
        "centroid": {"x": found.centroid_x, "y": found.centroid_y},
        "radius": found.radius_px,
    }


def _whole_box(each: ImageObject) -> list[int]:
    found = each.found
    return [round(found.x_min), round(found.y_min), round(found.x_max), round(found.y_max)]


def _no_image() -> ImageUnknown:
    return ImageUnknown("Image not found")
