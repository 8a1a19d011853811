"""What is to be remembered of an item's image: it is made ready here, and written together with the item's end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from saccade.images.records import NewImage, NewPrediction, Traits
from saccade.jobs.records import Claim, Keeping
from saccade.jobs.store import Claims
from saccade.worker.pictures import Pictures


class Keeper:
    """Makes ready what an item's end brings to the records. Thread-safe."""

    def __init__(self, claims: Claims, pictures: Pictures, *, traits: Callable[[bytes], Traits]) -> None:
        """Tie the parts together.

        Args:
            claims: Tells which records there are.
            pictures: Writes blobs.
            traits: Tells the traits of a picture.
        """
        self._claims = claims
        self._pictures = pictures
        self._traits = traits

    def kept(self, claim: Claim, data: bytes, said: NewPrediction, *, traits: Traits | None = None) -> Keeping:
        """Return what is to be remembered; the bytes are durable then under a key of the record's own.

        The picture is decoded, and its bytes are written, only where its owner has no record of it.

        Args:
            claim: The item.
            data: The encoded picture.
            said: What the model said of it.
            traits: The picture's, if they are known; it is not decoded here then.

        Raises:
            ObjectsUnreachable: The bytes cannot be written now.
            ObjectsFull: There is no room for them.
            StoreAway: The place of bytes is away.
            DatabaseUnreachable: It cannot be told whether there is a record.
        """
        found = self._claims.remembered(claim.principal, hashlib.sha256(data).hexdigest())
        if found is not None:
            return Keeping(replace(found, file_name=claim.file_name), said, is_new_blob=False)
        traits = traits or self._traits(data)
        new = NewImage(claim.principal, traits, self._pictures.keep(data), claim.file_name)
        return Keeping(new, said, is_new_blob=True)
