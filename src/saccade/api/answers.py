"""JSON answers, written straight from plain values: no model is validated on the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
