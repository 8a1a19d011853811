"""How the routes of images are described in OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from saccade.access.policy import Action
from saccade.api.description import (
    FORM_FILE,
    Operation,
    created,
    emptied,
    header,
    operation,
    option_parameters,
    option_properties,
    parameter,
    picture_body,
)

_READ_PROBLEMS = (404, 503)
_BYTES_PROBLEMS = (404, 409, 500, 503)
_SEND_PROBLEMS = (400, 404, 408, 409, 413, 415, 429, 500, 503, 507)
_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_BYTES = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
_MODELS = {"type": "array", "maxItems": 32, "items": _TEXT}

_OWNER = parameter("owner", "query", "For admins: whose image, by the principal's id.", _TEXT)
_MODEL = parameter(
    "model", "query", "A name, which means the newest version that saw the image, or `name@version`.", _TEXT
)
_CONDITIONS = (
    parameter(
        "label",
        "query",
        "A label that a model sees, exactly so. Repeat it for images with several.",
        {"type": "array", "maxItems": 8, "items": _TEXT},
    ),
    parameter(
        "model",
        "query",
        "Whose labels count: a name (its newest version's answers) or `name@version`; else any's.",
        _TEXT,
    ),
    parameter("min_score", "query", "Lowest score of these labels.", _SHARE),
    parameter("max_score", "query", "Highest score of these labels.", _SHARE),
    parameter(
        "seen",
        "query",
        "One condition in one word, `model:label:least-most`, as in `circles:circle:0.5-1`; each part but the first "
        "colon may be left out. Repeat it for several.",
        {"type": "array", "maxItems": 8, "items": _TEXT},
    ),
    parameter(
        "text",
        "query",
        "Words that stand in a file name or a label; whole words, or beginnings that end in `*`.",
        {"type": "string", "minLength": 1, "maxLength": 1000},
    ),
    parameter("md5", "query", "Of the file, in hex.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
    parameter("since", "query", "A moment in ISO 8601, or a span before now: 45m, 24h, 7d, 2w.", _TEXT),
    parameter("until", "query", "Likewise; images that were first sent before it.", _TEXT),
    parameter("min_bytes", "query", "Smallest file.", _BYTES),
    parameter("max_bytes", "query", "Largest file.", _BYTES),
    parameter(
        "similar_to",
        "query",
        "An image by its id, or 16 hex digits of a perceptual hash: pictures that look like it, likest first.",
        {"type": "string", "pattern": "^([0-9a-f]{16}|[0-9a-f]{64})$"},
    ),
    parameter(
        "max_distance",
        "query",
        "Bits of 64 in which such a picture may differ.",
        {"type": "integer", "minimum": 0, "maximum": 11, "default": 8},
    ),
    parameter("owner", "query", "For admins: whose images, by the principal's id; `*` means all.", _TEXT),
    parameter("cursor", "query", "Where the list goes on; taken from `next`.", {"type": "string"}),
)


def remember_operation() -> Operation:
    """Describe ``POST /v1/images``."""
    form = {
        "type": "object",
        "properties": {"file": FORM_FILE, "models": _MODELS, "file_name": _name(), **option_properties()},
        "required": ["file"],
    }
    extra = {
        "parameters": [
            parameter("models", "query", "Models that are asked. Repeat it for each: `models=a&models=b`.", _MODELS),
            parameter("file_name", "query", "Where the picture is the raw body: its name.", _name()),
            *option_parameters(),
        ],
        "requestBody": picture_body(form=form, json="ImageRequest"),
    }
    described = operation(
        "Remember an image", action=Action.IMAGES_WRITE, ok="RememberedImage", problems=_SEND_PROBLEMS, extra=extra
    )
    known = {**described["responses"][200], "description": "Its owner had it before."}
    described = created(described)
    described["responses"][200] = known
    for status in (200, 201):
        described["responses"][status]["headers"] = {"Location": header("Where the image is.")}
    return described


def search_operation() -> Operation:
    """Describe ``GET /v1/images``."""
    extra = {
        "parameters": [
            parameter("limit", "query", "Most images of one page.", _whole(200, default=15)),
            parameter("count", "query", "Count all that are found, too, up to 100,000.", {"type": "boolean"}),
            *_CONDITIONS,
        ]
    }
    return _linked(
        operation("Search images", action=Action.IMAGES_READ, ok="ImageList", problems=_READ_PROBLEMS, extra=extra)
    )


def ids_operation() -> Operation:
    """Describe ``GET /v1/images/ids``."""
    limit = parameter("limit", "query", "Most ids of one page.", _whole(10_000, default=10_000))
    extra = {"parameters": [limit, *_CONDITIONS]}
    return _linked(
        operation("List ids of images", action=Action.IMAGES_READ, ok="ImageIds", problems=_READ_PROBLEMS, extra=extra)
    )


def show_operation() -> Operation:
    """Describe ``GET /v1/images/{image_id}``."""
    return _one("Show an image", ok="Image", parameters=[_MODEL, _OWNER])


def content_operation() -> Operation:
    """Describe ``GET /v1/images/{image_id}/content``."""
    return _bytes("Get an image's bytes", ["image/*", "application/octet-stream"], parameters=[_OWNER])


def annotated_operation() -> Operation:
    """Describe ``GET /v1/images/{image_id}/annotated``."""
    kinds = {"type": "string", "enum": ["png", "jpeg", "webp", "svg"], "default": "png"}
    parameters = [
        _MODEL,
        parameter("format", "query", "What is written.", kinds),
        parameter("threshold", "query", "Lowest score that is drawn.", _SHARE),
        _OWNER,
    ]
    return _bytes("Draw what a model said", ["image/png", "image/jpeg", "image/webp", "image/svg+xml"], parameters)


def objects_operation() -> Operation:
    """Describe ``GET /v1/images/{image_id}/objects``."""
    return _one("List an image's objects", ok="ImageObjects", parameters=[_MODEL, _OWNER])


def object_operation() -> Operation:
    """Describe ``GET /v1/images/{image_id}/objects/{object_id}``."""
    return _one("Show an object", ok="ImageObject", parameters=[_OWNER])


def erase_operation() -> Operation:
    """Describe ``DELETE /v1/images/{image_id}``."""
    described = operation(
        "Erase an image",
        action=Action.IMAGES_WRITE,
        ok=None,
        problems=_READ_PROBLEMS,
        extra={"parameters": [_OWNER]},
    )
    return emptied(described, "Nothing of it is left.")


def _one(summary: str, *, ok: str, parameters: Sequence[object]) -> Operation:
    described = operation(summary, action=Action.IMAGES_READ, ok=ok, problems=_READ_PROBLEMS, cached=True)
    return _with(described, parameters)


def _bytes(summary: str, media_types: Sequence[str], parameters: Sequence[object]) -> Operation:
    described = operation(summary, action=Action.IMAGES_READ, ok=None, problems=_BYTES_PROBLEMS, cached=True)
    described["responses"][200]["content"] = {kind: {"schema": {}} for kind in media_types}
    return _with(described, parameters)


def _with(described: Operation, parameters: Sequence[object]) -> Operation:
    known = cast("Sequence[object]", described["openapi_extra"].get("parameters", ()))
    described["openapi_extra"]["parameters"] = [*parameters, *known]
    return described


def _linked(described: Operation) -> Operation:
    described["responses"][200]["headers"] = {"Link": header('Where the list goes on, as `rel="next"`.')}
    return described


def _name() -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": 1024}


def _whole(most: int, *, default: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}
