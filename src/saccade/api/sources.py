"""Where the picture of a one-picture request comes from: exactly one of body, form file, URL or base64."""

from __future__ import annotations

from starlette.requests import Request

from saccade.api.bodies import ENVELOPE_BYTES, Kind, kind_of, read_form, read_json, read_raw
from saccade.api.dependencies import fetches_of, platform_of, predictions_of
from saccade.api.options import Given, given_by, is_plain_text, items_of
from saccade.errors import ImageEmpty, ImageTooLarge, ParameterInvalid, SourceAmbiguous
from saccade.jobs.submission import Source

FILE = "file"
IMAGE_URL = "image_url"
IMAGE_BASE64 = "image_base64"

MAX_URL_CHARACTERS = 8192

#: Files that are read before it is said that one was meant.
_MAX_FILES = 8
#: Fields beside the file: models, options with a hundred labels, and some too many, so that those are named.
_MAX_FIELDS = 256


async def read_source(request: Request) -> tuple[bytes, Given]:
    """Return the encoded picture and the options given beside it, by name.

    Raises:
        SourceAmbiguous: There is no source, or more than one.
        ImageEmpty: The body, or the file, has no bytes.
        ImageTooLarge: The body alone is larger than a picture may be.
    """
    source, given = await read_unfetched(request)
    if source.url is not None:
        return await fetch(request, source.url, parameter=IMAGE_URL), given
    return source.data or b"", given


async def read_unfetched(request: Request) -> tuple[Source, Given]:
    """Return the source, a URL not yet fetched, and the options given beside it, by name.

    Raises:
        SourceAmbiguous: There is no source, or more than one.
        ImageEmpty: The body has no bytes.
        ImageTooLarge: The body alone is larger than a picture may be.
        ParameterInvalid: The URL is no text that could be one.
    """
    kind = kind_of(request)
    if kind is Kind.FORM:
        return await _from_form(request)
    if kind is Kind.JSON:
        return await _from_json(request)
    max_bytes = platform_of(request).settings.image.max_bytes
    refusal = ImageTooLarge(f"The picture has more than {max_bytes} bytes.")
    data = await read_raw(request, max_bytes=max_bytes, refusal=refusal)
    if not data:
        raise ImageEmpty("The body has no bytes.")
    return Source(data=data), given_by(request)


async def _from_form(request: Request) -> tuple[Source, Given]:
    max_bytes = platform_of(request).settings.image.max_bytes + ENVELOPE_BYTES
    form = await read_form(request, max_bytes=max_bytes, max_files=_MAX_FILES, max_fields=_MAX_FIELDS)
    if [file.field for file in form.files] != [FILE]:
        raise SourceAmbiguous(f"The form has {len(form.files)} files where one, named {FILE!r}, is needed.")
    file = form.files[0]
    return Source(file_name=file.file_name or None, data=file.data), given_by(request, form.fields)


async def _from_json(request: Request) -> tuple[Source, Given]:
    document = await read_json(request, max_bytes=base64_bytes(platform_of(request).settings.image.max_bytes))
    sources = [name for name in (IMAGE_URL, IMAGE_BASE64) if document.get(name) is not None]
    if len(sources) != 1:
        raise SourceAmbiguous(f"The JSON names {len(sources)} pictures where one is needed.")
    [name] = sources
    given = given_by(request, items_of({key: value for key, value in document.items() if key != name}))
    if name == IMAGE_URL:
        return Source(url=checked_url(document[name], parameter=name)), given
    return Source(data=await decode(request, document[name], parameter=name)), given


async def fetch(request: Request, url: object, *, parameter: str) -> bytes:
    """Return the picture that a URL points to, through the platform's guard.

    Raises:
        ParameterInvalid: It is no text that could be a URL.
        UrlRefused: It points where this server does not go.
        UrlUnreachable: It could not be fetched.
    """
    return await fetches_of(request).run(platform_of(request).fetch, checked_url(url, parameter=parameter))


def checked_url(url: object, *, parameter: str) -> str:
    """Return what may be a URL.

    Raises:
        ParameterInvalid: It is no text, or none of sane length.
    """
    if not isinstance(url, str) or not is_plain_text(url, max_characters=MAX_URL_CHARACTERS):
        fault = f"must be a text of at most {MAX_URL_CHARACTERS} characters"
        raise ParameterInvalid(f"{parameter!r} {fault}.", faults={parameter: fault})
    return url


async def decode(request: Request, text: object, *, parameter: str) -> bytes:
    """Return the picture that stands in base64.

    Raises:
        ParameterInvalid: It is no text.
        ImageUnreadable: It is no base64.
        ImageTooLarge: It holds more bytes than a picture may have.
    """
    from saccade.images.sources import from_base64

    if not isinstance(text, str):
        raise ParameterInvalid(f"{parameter!r} must be a text.", faults={parameter: "must be a text"})
    return await predictions_of(request).run(from_base64, text, platform_of(request).limits)


def base64_bytes(max_bytes: int) -> int:
    """Return how large a JSON body may be that carries one picture of ``max_bytes``."""
    return max_bytes * 4 // 3 + ENVELOPE_BYTES
