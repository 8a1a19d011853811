"""The bytes of an item: from the store, or from the URL that its owner named, which makes them stored ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from saccade.errors import ImageErased, ObjectMissing, ObjectsUnreachable
from saccade.failpoints import pass_failpoint
from saccade.images.blobs import IMAGE_BLOBS, new_blob_key
from saccade.jobs.ports import Objects
from saccade.jobs.records import Claim
from saccade.jobs.store import Claims
from saccade.worker.trouble import Trouble


class StoreAway(Exception):
    """The whole place of stored bytes does not answer; no item is at fault."""


class Pictures:
    """Gets the bytes of items. Thread-safe."""

    def __init__(self, claims: Claims, objects: Objects, *, fetch: Callable[[str], bytes], trouble: Trouble) -> None:
        """Tie the parts together.

        Args:
            claims: Where it is noted that an image has arrived.
            objects: Where bytes lie.
            fetch: Gets the picture of a URL, under the guard.
            trouble: Told whether the place of bytes answers.
        """
        self._claims = claims
        self._objects = objects
        self._fetch = fetch
        self._trouble = trouble

    def of(self, claim: Claim) -> bytes:
        """Return the bytes of an item's image.

        Raises:
            ObjectMissing: They are gone.
            ImageErased: The image was erased while it was fetched.
            UrlRefused: The URL points where this server does not go.
            UrlUnreachable: Nothing usable answered.
            ImageTooLarge: The picture has too many bytes.
            ObjectsUnreachable: This one blob cannot be had now.
            StoreAway: None can.
            DatabaseUnreachable: It could not be noted that the image has arrived.
        """
        try:
            data = self._bytes(claim)
        except ObjectsUnreachable as error:
            self._ask_whether_away()
            raise error from None
        self._trouble.over()
        return data

    def keep(self, data: bytes) -> str:
        """Write a picture where remembered images lie, and return its key.

        Raises:
            ObjectsFull: There is no room left.
            ObjectsUnreachable: This one blob cannot be written now.
            StoreAway: None can.
        """
        key = new_blob_key(place=IMAGE_BLOBS)
        try:
            self._objects.put_many({key: data})
        except ObjectsUnreachable as error:
            self._ask_whether_away()
            raise error from None
        self._trouble.over()
        return key

    def _bytes(self, claim: Claim) -> bytes:
        if claim.blob_key is not None:
            return self._objects.get(claim.blob_key)
        if claim.source_url is None:
            raise ObjectMissing("The image has neither bytes nor a URL.")
        return self._fetched(claim, claim.source_url)

    def _fetched(self, claim: Claim, url: str) -> bytes:
        """Fetch a picture and keep its bytes; where somebody was faster, theirs are the ones that count."""
        pass_failpoint("run.before_fetch")
        data = self._fetch(url)
        key = new_blob_key()
        self._objects.put_many({key: data})
        pass_failpoint("run.after_fetch")
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            first = self._claims.image_arrived(claim, sha256=sha256, blob_key=key, size_bytes=len(data))
        except ImageErased:
            self._objects.delete_many([key])
            raise
        if first is None or first == key:
            return data
        self._objects.delete_many([key])
        return self._objects.get(first)

    def _ask_whether_away(self) -> None:
        """Tell one blob's trouble from that of the whole place.

        Raises:
            StoreAway: It gives no sign of life.
        """
        try:
            self._objects.check()
        except ObjectsUnreachable as error:
            self._trouble.met(error)
            raise StoreAway from error
