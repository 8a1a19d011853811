"""Where the bytes of images lie: the keys of blobs, and what keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from saccade.clock import utc_now

#: Where blobs of jobs lie, and those of remembered images.
JOB_BLOBS = "jobs/"
IMAGE_BLOBS = "images/"


class Blobs(Protocol):
    """Keeps bytes under keys; what is written is durable when the call returns."""

    def put_many(self, blobs: Mapping[str, bytes]) -> None:
        """Write all blobs.

        Raises:
            ObjectsFull: The place has no room left.
            ObjectsUnreachable: The place does not answer.
        """

    def get(self, key: str) -> bytes:
        """Return a blob.

        Raises:
            ObjectMissing: There is none under this key.
            ObjectsUnreachable: The place does not answer.
        """

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete blobs; those that are not there are no error.

        Raises:
            ObjectsUnreachable: The place does not answer.
        """


def new_blob_key(shelf: str | None = None, *, place: str = JOB_BLOBS) -> str:
    """Return a fresh random key; by day, so that what nobody owns is found among little.

    Args:
        shelf: From ``new_shelf``: blobs that are written together share one, for each folder costs a flush.
        place: ``JOB_BLOBS`` or ``IMAGE_BLOBS``.
    """
    return f"{place}{utc_now():%Y%m%d}/{shelf or new_shelf()}/{secrets.token_hex(16)}"


def new_shelf() -> str:
    """Return one of 16 places within a day; each is made once a day, which costs two flushes more."""
    return secrets.token_hex(1)[0]
