"""What can be told of a picture by its bytes alone."""

from __future__ import annotations

import hashlib

from saccade.images.intake import Picture
from saccade.images.records import Traits
from saccade.vision.phash import phash


def traits_of(data: bytes, picture: Picture) -> Traits:
    """Return the traits of a picture that was let in.

    Args:
        data: The file, as it was sent.
        picture: What was decoded from these bytes.
    """
    return Traits(
        sha256=picture.id,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        phash=phash(picture.rgb),
        format=picture.format.value.lower(),
        width_px=picture.width_px,
        height_px=picture.height_px,
        size_bytes=len(data),
    )
