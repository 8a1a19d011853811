"""Request bodies, read whole and within bounds: raw bytes, JSON, multipart forms."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Scope
from typing_extensions import override

from saccade.errors import BodyTooLarge, BodyUnreadable, MediaTypeUnsupported, RequestError

#: Room for names, parameters and boundaries beside the pictures.
ENVELOPE_BYTES = 1 << 20
MAX_FIELDS = 64
MAX_FIELD_BYTES = 1 << 16
#: Values in a JSON body. A picture is one; each costs some twenty times its bytes, and holds up every other request.
MAX_JSON_VALUES = 100_000

#: Digits of a length that are read; more make it only larger still, and Python refuses to read very many.
_LENGTH_DIGITS = 20

#: So much of a body is looked at before it may be refused.
_WINDOW_BYTES = 1 << 20


class Kind(StrEnum):
    """How a body is to be read."""

    RAW = "raw"
    JSON = "json"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One file of a form; its name and type are the client's words: shown, never used as a path nor believed."""

    field: str
    file_name: str
    data: bytes
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart form: its text fields and its files, in the order sent."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[UploadedFile, ...]


def kind_of(request: Request) -> Kind:
    """Return how the body is to be read.

    Whatever is neither JSON nor a form is taken as the picture itself, for many clients send no Content-Type or a
    wrong one; its own first bytes tell what it is.

    Raises:
        MediaTypeUnsupported: The body is text, compressed, or a multipart that is no form.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise MediaTypeUnsupported("The body is compressed.", hint="Send it without Content-Encoding.")
    if headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
        raise MediaTypeUnsupported("The body is compressed for the transfer.", hint="Send it chunked and no more.")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return Kind.JSON
    if media_type == "multipart/form-data":
        return Kind.FORM
    if media_type.startswith(("text/", "multipart/", "message/")):
        raise MediaTypeUnsupported(f"A body of type {media_type[:100]!a} holds no picture.")
    return Kind.RAW


async def read_raw(request: Request, *, max_bytes: int, refusal: RequestError) -> bytes:
    """Return the whole body.

    Args:
        request: Whose body.
        max_bytes: Largest body.
        refusal: Raised when it is larger; by its announced length before anything is read.
    """
    return b"".join([chunk async for chunk in _bounded(request, max_bytes=max_bytes, refusal=refusal)])


async def read_json(request: Request, *, max_bytes: int) -> dict[str, object]:
    """Return the body's JSON object.

    Raises:
        BodyTooLarge: It has more bytes than ``max_bytes``.
        BodyUnreadable: It is no JSON object.
    """
    body = await read_raw(request, max_bytes=max_bytes, refusal=_too_large(max_bytes))
    return parse_json(body)


def parse_json(body: bytes) -> dict[str, object]:
    """Return the JSON object in these bytes: UTF-8, no NaN, no key twice.

    Raises:
        BodyTooLarge: They hold more values than ``MAX_JSON_VALUES``.
        BodyUnreadable: They hold no such object.
    """
    if not body.strip():
        raise BodyUnreadable("The body is empty, and should be a JSON object.")
    _check_values(body)
    try:
        value: object = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise BodyUnreadable("The body is not UTF-8.") from None
    except RecursionError:
        raise BodyUnreadable("The JSON is nested too deep.") from None
    except ValueError as error:
        raise BodyUnreadable(f"The body is not JSON: {str(error)[:200]}.") from None
    if not isinstance(value, dict):
        raise BodyUnreadable("The body is JSON, but not an object.")
    return value


async def read_form(request: Request, *, max_bytes: int, max_files: int, max_fields: int = MAX_FIELDS) -> Form:
    """Return the body's form; every file stays in memory, so no disk is needed.

    Raises:
        BodyTooLarge: It has more bytes, files or fields than allowed.
        BodyUnreadable: It is not well-formed.
    """
    headers = Headers({"content-type": request.headers.get("content-type", "")})
    stream = _bounded(request, max_bytes=max_bytes, refusal=_too_large(max_bytes))
    parser = _InMemoryParser(headers, stream, max_files=max_files, max_fields=max_fields, max_part_size=MAX_FIELD_BYTES)
    try:
        data = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith(("Too many", "Part exceeded")):
            raise BodyTooLarge(error.message) from None
        raise BodyUnreadable(error.message) from None
    except (ValueError, LookupError) as error:
        # The parser trusts the charset that the client names, and some of Python's codecs are not for text.
        raise BodyUnreadable("The form is not well-formed.") from error
    fields: list[tuple[str, str]] = []
    files: list[UploadedFile] = []
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            data_of_file, media_type = value.file.read(), value.content_type or ""
            files.append(UploadedFile(name, value.filename or "", data_of_file, media_type))
            value.file.close()  # its bytes are here now, and need not be held twice while the others are read
        else:
            fields.append((name, value))
    parser.close_files()
    if not parser.ended:
        raise BodyUnreadable("The form is cut short: its closing boundary is missing.")
    return Form(fields=tuple(fields), files=tuple(files))


def announced_bytes(scope: Scope) -> int | None:
    """Return the length that the headers announce, or None when only the body's end will tell."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:_LENGTH_DIGITS])
    return None


class _InMemoryParser(MultiPartParser):
    """A parser that never spools to disk: the body is bounded, and the disk may be read-only."""

    spool_max_size = 1 << 62
    ended = False

    @override
    def on_end(self) -> None:
        """Note that the closing boundary came."""
        self.ended = True

    def close_files(self) -> None:
        """Give all files back, also those of parts that were cut short."""
        for file in self._files_to_close_on_error:
            file.close()


async def _bounded(request: Request, *, max_bytes: int, refusal: RequestError) -> AsyncGenerator[bytes, None]:
    """Yield the body's chunks while it is small enough."""
    if (announced_bytes(request.scope) or 0) > max_bytes:
        raise refusal
    left_bytes = max_bytes
    async for chunk in request.stream():
        left_bytes -= len(chunk)
        if left_bytes < 0:
            raise refusal
        yield chunk


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"This route takes at most {max_bytes} bytes of such a body.")


def _check_values(body: bytes) -> None:
    """Refuse far too many values before any is made: each begins behind a comma or a bracket.

    Those inside of texts count too; base64 has none, and a URL few.
    """
    values = 0
    for start in range(0, len(body), _WINDOW_BYTES):
        values += sum(body.count(mark, start, start + _WINDOW_BYTES) for mark in b",[{")
        if values > MAX_JSON_VALUES:
            raise BodyTooLarge(f"The JSON holds more than {MAX_JSON_VALUES} values.")


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object, refusing keys that stand twice: which one counts would be anybody's guess."""
    value = dict(pairs)
    if len(value) != len(pairs):
        message = "a key stands twice in one object"
        raise ValueError(message)
    return value
