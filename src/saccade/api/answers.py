"""JSON answers, written straight from plain values: no model is validated on the way out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response


def to_json(content: object) -> bytes:
    """Return compact JSON.

    Non-ASCII is escaped, so that lone surrogates in a client's own text cannot fail the answer. NaN is our bug: it
    raises.
    """
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class JsonAnswer(Response):
    """An ``application/json`` answer."""

    media_type = "application/json"

    def __init__(self, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Write the content as JSON.

        Args:
            content: Plain values: dicts, lists, strings, numbers, booleans, None.
            status: HTTP status.
            headers: Further headers.
        """
        super().__init__(to_json(content), status_code=status, headers=headers)


def cacheable(request: Request, content: object) -> Response:
    """Answer with JSON and a strong ETag, or 304 when the client has this very content."""
    body = to_json(content)
    headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def is_known(request: Request, etag: str) -> bool:
    """Tell whether the client says that it has the content of this ETag."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return etag.removeprefix("W/") in known or "*" in known
