"""System 3's API: photos for many models, found again by their MD5, by words and by what models saw."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from math import ceil

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import Kind, kind_of, read_form, read_raw
from saccade.api.context import context_of
from saccade.api.cursors import single
from saccade.api.dependencies import lookups_of, platform_of, submissions_of
from saccade.api.description import FORM_FILE, JSON_TYPE, Operation, new_router, ref
from saccade.api.faces.system3_models import model_name, system3_operation
from saccade.api.faces.system3_search import Search, found_images, read_search
from saccade.api.image_access import album_of
from saccade.api.job_access import store_of
from saccade.api.options import MAX_TOP_K
from saccade.api.principals import caller_of, principal_of, require_models
from saccade.api.submissions import shown_name
from saccade.api.tolls import charge_images
from saccade.errors import (
    BodyTooLarge,
    BodyUnreadable,
    ImageUnknown,
    MediaTypeUnsupported,
    ModelUnknown,
    ParameterInvalid,
    RequestError,
    SaccadeError,
)
from saccade.images.records import ImageRecord
from saccade.images.search import ImageQuery
from saccade.jobs.records import ItemRecord
from saccade.jobs.render import error_of
from saccade.jobs.states import OPEN, ItemState
from saccade.jobs.submission import Source, Submission
from saccade.predictions.album import Album, Kept
from saccade.predictions.answer import PredictOptions

router = new_router("faces")
#: What this face answers at paths that only one can own.
root = new_router("faces")

PAGE_SIZE = 15
_IMAGES, _MODELS = "images", "models"
_PENDING = "Image has pending predictions. Check back later for all model results."
_UNKNOWN = "Unknown md5 hash specified."
_MOST_HASHES = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_JSON_BYTES = 1 << 20
_NO_STORE = {"Cache-Control": "no-store"}
_NOT_FOUND_STATUS = 404


def _predict_operation() -> Operation:
    form = {
        "type": "object",
        "properties": {
            _IMAGES: {"type": "array", "items": FORM_FILE},
            _MODELS: {"type": "array", "items": {"type": "string"}},
        },
        "required": [_IMAGES, _MODELS],
    }
    return system3_operation(
        "Show photos to models",
        Action.JOBS_WRITE,
        ok="System3Hashes",
        problems=(400, 404, 408, 413, 415, 429, 500, 503, 507),
        extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}},
    )


_PREDICT = _predict_operation()


@router.post("/model/predict", **_PREDICT)
@router.post("/model/predict/", include_in_schema=False, **_PREDICT)
@router.post("/predict", include_in_schema=False, **_PREDICT)
@router.post("/predict/", include_in_schema=False, **_PREDICT)
async def system3_predict(request: Request) -> Response:
    """Take photos for models, and answer with the MD5 of each, in their order; what models say is found under it.

    Either every model is asked of every photo, or none of any; photos before one that is refused stay remembered.
    """
    principal, platform = principal_of(request), platform_of(request)
    jobs, album = platform.jobs, album_of(request)
    await submissions_of(request).run(jobs.room.check, principal, 1)
    if kind_of(request) is not Kind.FORM:
        raise MediaTypeUnsupported("This route takes multipart/form-data.")
    form = await read_form(
        request, max_bytes=platform.settings.server.max_body_bytes, max_files=platform.settings.jobs.max_images
    )
    files = [file for file in form.files if file.field == _IMAGES]
    models = list(dict.fromkeys(_called(request, value) for name, value in form.fields if name == _MODELS))
    if not files:
        raise ParameterInvalid(f"{_IMAGES!r} is missing.", faults={_IMAGES: "is missing"})
    _check_models(request, models)

    def take() -> list[ImageRecord]:
        return [
            _remembered(album, file.data, owner=principal, name=shown_name(file.file_name)).record for file in files
        ]

    records = await submissions_of(request).run(take)
    submission = Submission(
        principal=principal,
        sources=tuple(
            Source(file_name=shown_name(file.file_name), image_id=record.traits.sha256)
            for file, record in zip(files, records, strict=True)
        ),
        models=tuple(models),
        options=PredictOptions(top_k=MAX_TOP_K),
        route="/model/predict",
        request_id=context_of(request.scope).request_id,
        keep=True,
    )
    taken = await submissions_of(request).run(jobs.submit, submission)
    charge_images(request, taken.job.counts.total)
    return JsonAnswer({"images": [record.traits.md5 for record in records]}, headers=_NO_STORE)


_RESULTS = system3_operation(
    "What models said of photos",
    Action.IMAGES_READ,
    ok="System3Results",
    problems=(400, 408, 413, 503),
    extra={
        "requestBody": {
            "required": True,
            "content": {JSON_TYPE: {"schema": {"type": "array", "items": {"type": "string"}}}},
        }
    },
)


@router.post("/model/results", **_RESULTS)
@router.post("/model/results/", include_in_schema=False, **_RESULTS)
async def system3_results(request: Request) -> Response:
    """Return what is known of each photo, by a list of MD5 or SHA-256, in its order."""
    refusal = BodyTooLarge(f"This route takes {_MAX_JSON_BYTES} bytes.")
    body = await read_raw(request, max_bytes=_MAX_JSON_BYTES, refusal=refusal)
    hashes = _hashes(body)
    told = {text: await _told(request, text) for text in dict.fromkeys(hashes)}
    return JsonAnswer([told[text] for text in hashes], headers=_NO_STORE)


_RESULT = system3_operation(
    "What models said of a photo",
    Action.IMAGES_READ,
    ok="System3Image",
    problems=(404, 503),
    told={404: "System3Image"},
)


@router.get("/model/results/{md5}", **_RESULT)
@router.get("/predict/{md5}", include_in_schema=False, **_RESULT)
async def system3_result(request: Request, md5: str) -> Response:
    """Return what is known of one photo."""
    told = await _told(request, md5)
    return JsonAnswer(told, status=200 if told["status"] == "success" else _NOT_FOUND_STATUS, headers=_NO_STORE)


def _search_operation(summary: str, ok: str, parameters: Sequence[tuple[str, str]]) -> Operation:
    return system3_operation(
        summary,
        Action.IMAGES_READ,
        ok=ok,
        problems=(400, 404, 408, 413, 503),
        told={404: ok},
        extra={
            "parameters": [
                {"name": name, "in": "query", "required": False, "schema": {"type": kind}} for name, kind in parameters
            ],
            "requestBody": {"required": False, "content": {JSON_TYPE: {"schema": ref("System3Search")}}},
        },
    )


_SEARCH = _search_operation("Find photos", "System3Page", [("page_id", "integer"), ("search_string", "string")])
_DOWNLOAD = _search_operation("Find all photos", "System3Found", [("search_string", "string")])


@router.post("/model/search", **_SEARCH)
@router.post("/model/search/", include_in_schema=False, **_SEARCH)
async def system3_search(request: Request) -> Response:
    """Return one page of fifteen MD5, newest first; without `page_id`, only how many there are."""
    page_id = _page_id(request)
    search = await read_search(request)
    found = await lookups_of(request).run(found_images, album_of(request), search)
    told: dict[str, object] = {
        "status": "success",
        "num_pages": ceil(len(found) / PAGE_SIZE),
        "page_size": PAGE_SIZE,
        "num_images": len(found),
    }
    if page_id <= 0:
        return JsonAnswer(told, headers=_NO_STORE)
    told["current_page"] = page_id
    shown = [each.md5 for each in found[(page_id - 1) * PAGE_SIZE : page_id * PAGE_SIZE]]
    if not shown:
        missing = {**told, "status": "failure", "detail": "Page does not exist."}
        return JsonAnswer(missing, status=_NOT_FOUND_STATUS, headers=_NO_STORE)
    return JsonAnswer({**told, "hashes": shown}, headers=_NO_STORE)


@router.post("/model/search/download", **_DOWNLOAD)
@router.post("/model/search/download/", include_in_schema=False, **_DOWNLOAD)
async def system3_download(request: Request) -> Response:
    """Return the MD5 of all photos that are found, newest first."""
    search = await read_search(request)
    if search == Search(search.owner):
        raise ParameterInvalid("You must specify a search string or search filter.")
    found = await lookups_of(request).run(found_images, album_of(request), search)
    return JsonAnswer({"status": "success", "hashes": [each.md5 for each in found]}, headers=_NO_STORE)


@root.get("/", **system3_operation("A sign of life", Action.SERVICE_READ, ok="System3Done"))
async def system3_index() -> Response:
    """Answer as long as the process answers at all."""
    return JsonAnswer({"status": "success", "detail": "PhotoAnalysisServer is Running"})


def _called(request: Request, said: str) -> str:
    """Return what a model is called here; services that registered themselves may have a name with capitals."""
    registry = platform_of(request).registry
    try:
        registry.status(said)
    except ModelUnknown:
        with suppress(SaccadeError):
            registry.status(model_name(said))
            return model_name(said)
    except SaccadeError:  # it is known by this name, and something is wrong with it
        return said
    return said


def _check_models(request: Request, models: Sequence[str]) -> None:
    """Return if there is at least one model, and there are all of them.

    Raises:
        RequestError: There are not.
        Forbidden: The caller's key is not for one of them.
    """
    if not models:
        raise RequestError("You must specify models to process images with")
    registry = platform_of(request).registry
    unknown: list[str] = []
    for model in models:
        try:
            registry.status(model)
        except SaccadeError:
            unknown.append(model[:100])
    if unknown:
        raise RequestError(f"Invalid Models Specified: {', '.join(unknown)}")
    require_models(request, Action.JOBS_WRITE, models)


def _remembered(album: Album, data: bytes, *, owner: str, name: str | None) -> Kept:
    """Remember a photo.

    Raises:
        RequestError: It is none that is taken; the message names it.
    """
    try:
        return album.put(data, owner=owner, file_name=name)
    except RequestError as error:
        raise type(error)(f"{(name or 'An image')!a}: {error}", hint=error.hint) from None


async def _told(request: Request, text: str) -> dict[str, object]:
    """Return what is known of a photo, or that there is none."""
    record = await _record(request, text)
    if record is None:
        return _nothing(text)
    owner, sha256 = record.owner, record.traits.sha256
    items = await lookups_of(request).run(store_of(request).records.latest_items, owner, sha256)
    said = {prediction.model for prediction in record.predictions}
    if any(item.state is ItemState.SUCCEEDED and item.model not in said for item in items):
        # It answered after the photo was read, which would look finished and empty.
        try:
            record = await lookups_of(request).run(album_of(request).records.image, owner, sha256)
        except ImageUnknown:
            return _nothing(text)
    told: dict[str, object] = {"status": "success"}
    if any(item.state in OPEN for item in items):
        told["detail"] = _PENDING
    traits = record.traits
    return {
        **told,
        "file_names": list(record.file_names),
        "hash_md5": traits.md5,
        "hash_sha1": traits.sha1,
        "hash_sha256": traits.sha256,
        "hash_perceptual": f"{traits.phash:016x}",
        "users": [record.owner],
        "models": _models_of(record),
        "failed": _failed_of(record, items),
    }


def _nothing(text: str) -> dict[str, object]:
    return {"status": "failure", "detail": _UNKNOWN, "hash_md5": text[:128]}


async def _record(request: Request, text: str) -> ImageRecord | None:
    """Return the caller's photo that is meant, for an admin else somebody's; the newest of those that share an MD5."""
    album, caller, run = album_of(request), caller_of(request), lookups_of(request).run
    text = text.lower()
    if _SHA256.fullmatch(text):
        for owner in (caller.id, *(await run(album.records.owners_of, text) if caller.is_admin else ())):
            with suppress(ImageUnknown):
                return await run(album.records.image, owner, text)
        return None
    for owner in (caller.id, None) if caller.is_admin else (caller.id,):
        page = await run(album.search.page, ImageQuery(owner=owner, md5=text), limit=1)
        if page.images:
            return page.images[0].record
    return None


def _models_of(record: ImageRecord) -> dict[str, dict[str, float]]:
    """Return by model's name the labels that its newest version saw, each with its best score."""
    return {
        said.model.partition("@")[0]: {label: score for label, score, _ in said.labels}
        for said in record.predictions
        if said.is_newest
    }


def _failed_of(record: ImageRecord, items: Sequence[ItemRecord]) -> dict[str, str]:
    """Return by model's name why it said nothing, where its newest try failed and that version never answered."""
    said = {prediction.model for prediction in record.predictions}
    newest = {item.model.partition("@")[0]: item for item in sorted(items, key=lambda item: item.id)}
    return {
        name: str(error_of(item) or item.error_detail or item.state.value)
        for name, item in newest.items()
        if item.state not in OPEN and item.state is not ItemState.SUCCEEDED and item.model not in said
    }


def _hashes(body: bytes) -> list[str]:
    """Return the list of hashes that a body is.

    Raises:
        BodyUnreadable: It is no list of texts.
        ParameterInvalid: There are too many.
    """
    try:
        value: object = json.loads(body or b"[]")
    except (ValueError, RecursionError):
        raise BodyUnreadable("The body is not JSON.") from None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BodyUnreadable("The body must be a list of hashes.")
    if len(value) > _MOST_HASHES:
        raise ParameterInvalid(f"These are more than {_MOST_HASHES} hashes.")
    return value


def _page_id(request: Request) -> int:
    text = single(request, "page_id")
    if text is None:
        return -1
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:  # noqa: PLR2004 - more digits are no page
        raise ParameterInvalid("'page_id' must be a whole number.", faults={"page_id": "must be a whole number"})
    return int(text)
