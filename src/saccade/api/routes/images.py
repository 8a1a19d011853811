"""Images that last: remember one, search, show, draw, list its objects, erase it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from saccade import __version__
from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer, cacheable, is_known
from saccade.api.cursors import whole_number
from saccade.api.dependencies import lookups_of, predictions_of
from saccade.api.description import new_router
from saccade.api.image_access import album_of, checked_image_id, image_of, image_owner, sane_object_id
from saccade.api.image_cursors import ids_of, page_of, read_cursor
from saccade.api.image_descriptions import (
    annotated_operation,
    content_operation,
    erase_operation,
    ids_operation,
    object_operation,
    objects_operation,
    remember_operation,
    search_operation,
    show_operation,
)
from saccade.api.image_parameters import (
    FILE_NAME,
    asked_models,
    check_names,
    drawn_format,
    drawn_threshold,
    given_name,
    named_model,
)
from saccade.api.image_queries import CONDITIONS, flag, read_query
from saccade.api.image_render import found_to_json, object_to_json, record_to_json, told_to_json
from saccade.api.metering import note_answers
from saccade.api.options import MODELS, read_options
from saccade.api.principals import principal_of, require_models
from saccade.api.sources import IMAGE_URL, fetch, read_unfetched
from saccade.api.submissions import shown_name
from saccade.api.turn import SEVERAL, Turn
from saccade.caller import Caller
from saccade.errors import SaccadeError
from saccade.images.records import ImagePrediction, ImageRecord
from saccade.predictions.album import Kept
from saccade.predictions.answer import Answer
from saccade.predictions.stored import prediction_of
from saccade.vision.drawn import DrawnFormat

router = new_router("images")

_DEFAULT_PAGE = 15
_LARGEST_PAGE = 200
_MOST_IDS = 10_000
_NO_STORE = {"Cache-Control": "no-store"}
#: The bytes are a stranger's: no browser may take them for anything but a picture, nor let them do anything.
#: An SVG of ours holds its picture as data.
_POLICY = "sandbox; default-src 'none'; img-src data:"
_SANDBOX = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": _POLICY}
_MEDIA_TYPES = {kind: f"image/{kind}" for kind in ("jpeg", "png", "webp", "tiff", "bmp", "gif")}
_SUFFIXES = {"jpeg": "jpg", "tiff": "tif"}


@router.post("/v1/images", **remember_operation())
async def remember_image(request: Request) -> Response:
    """Remember a picture, and show it to `models` if any are named: 201 if it is new to its owner, 200 if not.

    The picture comes as for a prediction: raw body, form `file`, `image_url` or `image_base64` in JSON. What a model of
    the very same files said before, asked in the same way, is answered as `stored`. A model that fails has a `problem`;
    the image is remembered all the same, and may be sent again.
    """
    turn = Turn(request, SEVERAL)
    source, given = await read_unfetched(request)
    named = given_name(given.pop(FILE_NAME, []))
    models = asked_models(given.pop(MODELS, []))
    options = read_options(given)
    require_models(request, Action.IMAGES_WRITE, models)
    data = source.data or b"" if source.url is None else await fetch(request, source.url, parameter=IMAGE_URL)
    album, owner = album_of(request), principal_of(request)
    answers: list[tuple[str, Answer | SaccadeError]] = []

    def work(caller: Caller) -> Kept:
        return album.put(
            data,
            owner=owner,
            file_name=shown_name(named or source.file_name),
            models=models,
            options=options,
            caller=caller,
            on_answer=lambda model, answer: answers.append((model, answer)),
        )

    def note() -> None:
        for model, answer in answers:
            note_answers(request, answer, model=model)

    kept = await turn.run(work, also=note)
    body = {
        **record_to_json(kept.record),
        "results": [told_to_json(request.scope, told) for told in kept.told],
    }
    headers = {**_NO_STORE, "Location": f"/v1/images/{kept.record.traits.sha256}"}
    return JsonAnswer(body, status=201 if kept.created else 200, headers=headers)


@router.get("/v1/images", **search_operation())
async def search_images(request: Request) -> Response:
    """Return the images that fulfil every condition, newest first; with `similar_to`, likest first.

    A page may hold fewer images than `limit`, or none, and still have a `next`: a search stops after so many rows, and
    a page after about 4 MB of predictions. Only where there is no `next` is the end.
    """
    check_names(request, (*CONDITIONS, "limit", "cursor", "count"))
    limit = whole_number(request, "limit", least=1, most=_LARGEST_PAGE) or _DEFAULT_PAGE
    query, cursor, is_counted = await read_query(request), read_cursor(request), flag(request, "count")
    album = album_of(request)
    page, cursor = await lookups_of(request).run(page_of, album, query, cursor, limit)
    following = _following(request, "/v1/images", cursor, limit)
    body: dict[str, object] = {"images": [found_to_json(found) for found in page.images], "next": following}
    if is_counted:
        count = await lookups_of(request).run(album.search.count, query)
        body |= {"count": count.images, "count_is_exact": count.is_exact}
    return JsonAnswer(body, headers=_linked(following))


@router.get("/v1/images/ids", **ids_operation())
async def list_image_ids(request: Request) -> Response:
    """Return the ids alone of the images that a search finds, up to 10,000 a page."""
    check_names(request, (*CONDITIONS, "limit", "cursor"))
    limit = whole_number(request, "limit", least=1, most=_MOST_IDS) or _MOST_IDS
    query, cursor = await read_query(request), read_cursor(request)
    page, cursor = await lookups_of(request).run(ids_of, album_of(request), query, cursor, limit)
    following = _following(request, "/v1/images/ids", cursor, limit)
    return JsonAnswer({"ids": [found.sha256 for found in page.images], "next": following}, headers=_linked(following))


@router.get("/v1/images/{image_id}", **show_operation())
async def show_image(request: Request, image_id: str) -> Response:
    """Return an image's record with what every version of every model said of it; with `model` only of that one."""
    check_names(request, ("model", "owner"))
    model = named_model(request)
    record = await image_of(request, image_id)
    if model is not None:
        record = replace(record, predictions=(prediction_of(record, model),))
    return cacheable(request, record_to_json(record))


@router.get("/v1/images/{image_id}/content", **content_operation())
async def show_content(request: Request, image_id: str) -> Response:
    """Return the picture's bytes as they were sent."""
    check_names(request, ("owner",))
    record = await image_of(request, image_id)
    headers = {"ETag": f'"{record.traits.sha256}"', "Cache-Control": "private, no-cache"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    data = await lookups_of(request).run(album_of(request).content, record)
    media_type = _MEDIA_TYPES.get(record.traits.format, "application/octet-stream")
    headers |= {"Content-Disposition": _disposition(record), **_SANDBOX}
    return Response(data, headers=headers, media_type=media_type)


@router.get("/v1/images/{image_id}/annotated", **annotated_operation())
async def show_annotated(request: Request, image_id: str) -> Response:
    """Return the upright picture with what a model said of it drawn on: boxes, circles, labels, scores."""
    check_names(request, ("model", "format", "threshold", "owner"))
    drawn, threshold, model = drawn_format(request), drawn_threshold(request), named_model(request)
    record = await image_of(request, image_id)
    said = prediction_of(record, model)
    headers = {"ETag": _drawing_tag(record, said, drawn, threshold), "Cache-Control": "private, no-cache"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    annotated = album_of(request).annotated
    picture = await predictions_of(request).run(annotated, record, said, drawn, threshold=threshold)
    return Response(picture, headers={**headers, **_SANDBOX}, media_type=drawn.media_type)


@router.get("/v1/images/{image_id}/objects", **objects_operation())
async def list_objects(request: Request, image_id: str) -> Response:
    """Return what models found in an image, best first: all models' newest versions, or one `model`."""
    check_names(request, ("model", "owner"))
    model, owner = named_model(request), await image_owner(request, image_id)
    objects = album_of(request).records.objects
    found = await lookups_of(request).run(objects, owner, checked_image_id(image_id), model=model)
    shown = [object_to_json(each) for each in found]
    return cacheable(request, {"image_id": image_id, "model": model, "count": len(shown), "objects": shown})


@router.get("/v1/images/{image_id}/objects/{object_id}", **object_operation())
async def show_object(request: Request, image_id: str, object_id: str) -> Response:
    """Return one object of an image; one of another image is as absent as one that never was."""
    check_names(request, ("owner",))
    owner, find = await image_owner(request, image_id), album_of(request).records.object
    found = await lookups_of(request).run(find, owner, checked_image_id(image_id), sane_object_id(object_id))
    return cacheable(request, {"image_id": image_id, **object_to_json(found)})


@router.delete("/v1/images/{image_id}", **erase_operation(), status_code=204)
async def erase_image(request: Request, image_id: str) -> Response:
    """Forget an image wherever its owner has it: record, objects, results of jobs, bytes. Usage rows stay.

    Items of jobs that have not ended are cancelled, with `image_deleted`.
    """
    check_names(request, ("owner",))
    owner = await image_owner(request, image_id)
    await lookups_of(request).run(album_of(request).erase, owner, checked_image_id(image_id))
    return Response(status_code=204)


def _following(request: Request, path: str, cursor: str | None, limit: int) -> str | None:
    """Return where the list goes on, with the same conditions."""
    if cursor is None:
        return None
    given = [(name, value) for name, value in request.query_params.multi_items() if name in CONDITIONS]
    return f"{path}?{urlencode([*given, ('limit', str(limit)), ('cursor', cursor)])}"


def _linked(following: str | None) -> dict[str, str]:
    return _NO_STORE if following is None else {**_NO_STORE, "Link": f'<{following}>; rel="next"'}


def _drawing_tag(record: ImageRecord, said: ImagePrediction, drawn: DrawnFormat, threshold: float | None) -> str:
    """Return the ETag of a drawing by all that it is made of, so that nothing is drawn for those who have it."""
    parts = (__version__, record.traits.sha256, said.prediction, drawn.value, repr(threshold))
    return f'"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def _disposition(record: ImageRecord) -> str:
    """Return under which name a browser saves the bytes: the first that they were sent under, or their hash."""
    kind = record.traits.format
    sent = record.file_names[0] if record.file_names else ""
    name = sent.replace("\\", "/").rpartition("/")[2] or f"{record.traits.sha256[:16]}.{_SUFFIXES.get(kind, kind)}"
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"
