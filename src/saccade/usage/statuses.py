"""What HTTP statuses mean, in a few words."""

from __future__ import annotations

from http import HTTPStatus

#: Of a request whose client left before the answer; nginx made the number, and HTTP has none.
CLIENT_LEFT = 499


def phrase(status: int) -> str:
    """Return what a status means; nothing where nobody knows."""
    if status == CLIENT_LEFT:
        return "Client left"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
