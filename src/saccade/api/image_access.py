"""How routes come to one image: whose it is, its record, the database asked on a thread."""

from __future__ import annotations

import re

from starlette.requests import Request

from saccade.api.cursors import single
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.options import is_plain_text
from saccade.api.principals import caller_of
from saccade.errors import ImageUnknown, ParameterInvalid
from saccade.images.records import ImageRecord
from saccade.jobs.ids import is_id
from saccade.predictions.album import Album

IMAGE_ID = re.compile(r"[0-9a-f]{64}")
_MOST_NAMED = 5
_OWNER_CHARACTERS = 255
#: Id that no object has: what is asked for in the place of an id that can be none.
_NO_OBJECT = "00000000-0000-7000-8000-000000000000"


def album_of(request: Request) -> Album:
    """Return the images of everybody.

    Raises:
        UnavailableError: They are not open yet.
    """
    return platform_of(request).album


def checked_image_id(image_id: str) -> str:
    """Return what may be the id of an image; anything else is as unknown as an image that never was.

    Raises:
        ImageUnknown: It can be none.
    """
    if not IMAGE_ID.fullmatch(image_id):
        raise unknown()
    return image_id


def sane_object_id(object_id: str) -> str:
    """Return what may be the id of an object; anything else is as unknown to the image as an object that never was."""
    return object_id if is_id(object_id) else _NO_OBJECT


async def image_owner(request: Request, image_id: str) -> str:
    """Return whose image is meant: the caller's own, or, for an admin, that of the owner who is named.

    An admin who has no such image and names nobody means the one owner who has it. Whoever is no admin and names
    somebody else is told what they were told of an image that never was.

    Raises:
        ImageUnknown: The caller may not ask for the owner who is named.
        ParameterInvalid: Several owners have the image, and the admin names none.
        UnavailableError: The database does not answer.
    """
    caller, named = caller_of(request), single(request, "owner")
    if named is not None and named != caller.id:
        if not caller.is_admin or not is_plain_text(named, max_characters=_OWNER_CHARACTERS):
            raise unknown()
        return named
    if named is not None or not caller.is_admin:
        return caller.id
    owners = await lookups_of(request).run(album_of(request).records.owners_of, checked_image_id(image_id))
    if caller.id in owners or not owners:
        return caller.id
    if len(owners) > 1:
        shown = ", ".join(owners[:_MOST_NAMED])
        fault = f"must say whose: {shown}" + (" …" if len(owners) > _MOST_NAMED else "")
        raise ParameterInvalid(f"'owner' {fault}.", faults={"owner": fault})
    return owners[0]


async def image_of(request: Request, image_id: str) -> ImageRecord:
    """Return an image that the caller may see.

    Raises:
        ImageUnknown: There is none for the caller.
        UnavailableError: The database does not answer.
    """
    owner = await image_owner(request, image_id)
    return await lookups_of(request).run(album_of(request).records.image, owner, checked_image_id(image_id))


def unknown() -> ImageUnknown:
    """Return the refusal of an image that the caller does not have."""
    return ImageUnknown("There is no such image.")
