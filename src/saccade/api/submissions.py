"""What ``POST /v1/jobs`` is sent: images, models, options and terms, from a form or from JSON, by the same rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from saccade.api.bodies import Kind, UploadedFile, kind_of, parse_json, read_form, read_raw
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of, submissions_of
from saccade.api.options import MODELS, Given, given_by, is_plain_text, items_of, model_names, number_in, read_options
from saccade.api.principals import principal_of
from saccade.api.sources import checked_url
from saccade.errors import (
    BodyTooLarge,
    ImageTooLarge,
    ImageUnknown,
    MediaTypeUnsupported,
    ParameterInvalid,
    SaccadeError,
    SourceAmbiguous,
    TooManyItems,
)
from saccade.images.limits import Limits
from saccade.jobs.records import JobPriority
from saccade.jobs.submission import Source, Submission

IMAGES = "images"
WEBHOOK = "webhook"
DEADLINE_S = "deadline_s"
PRIORITY = "priority"
KEEP = "keep"
_TERMS = (WEBHOOK, DEADLINE_S, PRIORITY, KEEP)
_KINDS = ("url", "base64", "id")
_NAME = "name"

MAX_DEADLINE_S = 30 * 24 * 3600.0
MAX_WEBHOOK_CHARACTERS = 2048
MAX_NAME_CHARACTERS = 1024
MAX_KEY_CHARACTERS = 255

#: Fields beside the files: models, options with a hundred labels, terms.
_MAX_FIELDS = 256
_KEY = re.compile(rf"[ -~]{{1,{MAX_KEY_CHARACTERS}}}")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
#: What a database or a terminal would choke on in a client's own word: controls of both sets, breaks of lines, and what
#: turns the direction of text around, so that a name looks like another one.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client wants of a job beside its predictions."""

    webhook: str | None = None
    deadline_s: float | None = None
    priority: JobPriority = JobPriority.NORMAL
    keep: bool = False


def idempotency_key(request: Request) -> str | None:
    """Return the client's own name for this request, if it has one.

    Raises:
        ParameterInvalid: There are several, or it is not 1 to 255 printable ASCII characters.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        fault = f"must be one text of 1 to {MAX_KEY_CHARACTERS} printable ASCII characters"
        raise ParameterInvalid(f"Idempotency-Key {fault}.", faults={"Idempotency-Key": fault})
    return given[0]


async def read_submission(request: Request) -> Submission:
    """Return the job that the request asks for, read but not yet held against what there is.

    Raises:
        RequestError: The body, an image or a parameter is wrong, or there is too much of something.
    """
    key = idempotency_key(request)
    kind = kind_of(request)
    if kind is Kind.RAW:
        raise MediaTypeUnsupported(
            "A job comes as multipart/form-data or JSON.",
            hint="POST /v1/models/{model}/predict with 'Prefer: respond-async' takes one picture as the raw body.",
        )
    sources, models, given, terms = await (_from_form(request) if kind is Kind.FORM else _from_json(request))
    return Submission(
        principal=principal_of(request),
        sources=sources,
        models=tuple(model_names(models)),
        options=read_options(given),
        priority=terms.priority,
        deadline_s=terms.deadline_s,
        webhook=terms.webhook,
        keep=terms.keep,
        idempotency_key=key,
        request_id=context_of(request.scope).request_id,
    )


_Read = tuple[tuple[Source, ...], Sequence[object], Given, Terms]


async def _from_form(request: Request) -> _Read:
    settings = platform_of(request).settings
    most = settings.jobs.max_images
    try:
        form = await read_form(
            request, max_bytes=settings.server.max_body_bytes, max_files=most, max_fields=_MAX_FIELDS
        )
    except BodyTooLarge as error:
        if "files" in str(error):
            raise TooManyItems(f"The form has more than the {most} images that a job may have.") from None
        raise
    strangers = {file.field for file in form.files} - {IMAGES}
    if strangers:
        raise ParameterInvalid(
            f"A file is named {min(strangers)[:100]!a}; images are named {IMAGES!r}.", faults={IMAGES: "misnamed"}
        )
    terms: Given = {}
    for name, value in form.fields:
        if name in _TERMS:
            terms.setdefault(name, []).append(value)
    models = [value for name, value in form.fields if name == MODELS]
    options = [field for field in form.fields if field[0] not in {MODELS, *_TERMS}]
    sources = tuple(_of_file(index, file, max_bytes=settings.image.max_bytes) for index, file in enumerate(form.files))
    return sources, models, given_by(request, options), read_terms(terms)


async def _from_json(request: Request) -> _Read:
    platform = platform_of(request)
    max_bytes = platform.settings.server.max_body_bytes
    refusal = BodyTooLarge(f"This route takes at most {max_bytes} bytes of such a body.")
    document = await submissions_of(request).run(
        parse_json, await read_raw(request, max_bytes=max_bytes, refusal=refusal)
    )
    images, models = _list_of(document, IMAGES), _list_of(document, MODELS)
    if len(images) > platform.settings.jobs.max_images:
        raise TooManyItems(
            f"The JSON has {len(images)} images; a job may have {platform.settings.jobs.max_images} of them."
        )
    terms: Given = {name: [document[name]] for name in _TERMS if document.get(name) is not None}
    options = items_of({key: value for key, value in document.items() if key not in {IMAGES, MODELS, *_TERMS}})
    sources = await submissions_of(request).run(_of_entries, images, platform.limits)
    return sources, models, given_by(request, options), read_terms(terms)


def _list_of(document: Mapping[str, object], name: str) -> list[object]:
    value = document.get(name)
    if not isinstance(value, list):
        raise ParameterInvalid(f"{name!r} must be a list.", faults={name: "must be a list"})
    return value


def _of_file(index: int, file: UploadedFile, *, max_bytes: int) -> Source:
    """Return one file of a form as a source."""
    if len(file.data) > max_bytes:
        raise ImageTooLarge(f"Image {index} has {len(file.data)} bytes; an image may have {max_bytes}.")
    return Source(file_name=shown_name(file.file_name), data=file.data)


def _of_entries(entries: Sequence[object], limits: Limits) -> tuple[Source, ...]:
    """Return the images of a JSON body as sources."""
    return tuple(_of_entry(index, entry, limits) for index, entry in enumerate(entries))


def _of_entry(index: int, entry: object, limits: Limits) -> Source:
    """Return one image of a JSON body as a source.

    Raises:
        SourceAmbiguous: It is no object with exactly one of the three.
        ImageUnknown: Its id can be nobody's.
    """
    kinds = set(_KINDS) & entry.keys() if isinstance(entry, dict) else set()
    if not isinstance(entry, dict) or len(kinds) != 1 or entry.keys() - {*_KINDS, _NAME}:
        raise SourceAmbiguous(
            f"Image {index} is no object with exactly one of 'url', 'base64' and 'id', and perhaps a 'name'.",
            hint='Send {"images": [{"url": "…"}, {"base64": "…", "name": "a.jpg"}], "models": ["…"]}.',
        )
    [kind] = kinds
    name, value = entry.get(_NAME), entry[kind]
    if not isinstance(value, str) or not isinstance(name, str | None):
        fault = f"{kind!r} and {_NAME!r} must be texts"
        raise ParameterInvalid(f"Image {index}: {fault}.", faults={f"{IMAGES}.{index}": fault})
    file_name = shown_name(name)
    if kind == "base64":
        return Source(file_name=file_name, data=_decoded(index, value, limits))
    if kind == "id":
        if not _IMAGE_ID.fullmatch(value):
            raise ImageUnknown(f"There is no stored image {value[:64]!a}.")
        return Source(file_name=file_name, image_id=value)
    return Source(file_name=file_name, url=checked_url(value, parameter=f"{IMAGES}.{index}.url"))


def _decoded(index: int, text: str, limits: Limits) -> bytes:
    """Return what stands in base64; whoever sent it is told which image is at fault."""
    from saccade.images.sources import from_base64

    try:
        return from_base64(text, limits)
    except SaccadeError as error:
        raise type(error)(f"Image {index}: {error}", hint=error.hint) from None


def read_terms(given: Given) -> Terms:
    """Return webhook, deadline, priority, and whether images are to be remembered.

    Raises:
        ParameterInvalid: With every fault by name.
    """
    single: Mapping[str, object] = {name: values[0] if len(values) == 1 else None for name, values in given.items()}
    faults: dict[str, str] = {}
    webhook, deadline_s, priority = single.get(WEBHOOK), None, JobPriority.NORMAL
    if WEBHOOK in single and not is_plain_text(webhook, max_characters=MAX_WEBHOOK_CHARACTERS):
        faults[WEBHOOK] = f"must be one URL of at most {MAX_WEBHOOK_CHARACTERS} characters"
    if DEADLINE_S in single:
        deadline_s = number_in(single[DEADLINE_S], least=0, most=MAX_DEADLINE_S)
        if not deadline_s:
            faults[DEADLINE_S] = f"must be one number of seconds above 0 and up to {MAX_DEADLINE_S:.0f}"
    if PRIORITY in single:
        named = {level.name.lower(): level for level in JobPriority}
        wanted = single[PRIORITY]
        if isinstance(wanted, str) and wanted in named:
            priority = named[wanted]
        else:
            faults[PRIORITY] = f"must be one of {', '.join(named)}"
    keep = _yes_or_no(single.get(KEEP, False))
    if keep is None:
        faults[KEEP] = "must be true or false"
    if faults:
        text = "; ".join(f"{name!r} {fault}" for name, fault in faults.items())
        raise ParameterInvalid(f"{text}.", faults=faults)
    return Terms(webhook if isinstance(webhook, str) else None, deadline_s, priority, keep is True)


def _yes_or_no(value: object) -> bool | None:
    """Return what was said, in JSON or as a text; None where it is neither yes nor no."""
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))


def shown_name(name: str | None) -> str | None:
    """Return a client's word for a file as it is kept: it is only ever shown, never used as a path."""
    return _UNSAFE.sub("\ufffd", name[:MAX_NAME_CHARACTERS]) if name else None
