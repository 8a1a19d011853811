"""Cursors of a search for images.

Where a list goes on is told by an image of the owner whose list it is, and not by the number of its record: numbers are
counted over all owners, so two of them would tell how many images others sent in between.
"""

from __future__ import annotations

import re

from starlette.requests import Request

from saccade.api.cursors import no_cursor, single, unwrapped, wrapped
from saccade.errors import ImageUnknown
from saccade.images.search import IdPage, ImageQuery, Page, Place
from saccade.predictions.album import Album

#: In the place of an id: the image stood there no more, and the list goes on with the next one at its time or before.
_NO_IMAGE = "0" * 64
#: Before the first number of a record.
_END = 1
_MARK = re.compile(r"([0-9a-f]{64})\.([0-9]{1,18})\.([0-9]{1,2})")
#: For lists of everybody's images, which only admins see.
_NUMBER = re.compile(r"([0-9]{1,18})\.([0-9]{1,2})")


def read_cursor(request: Request) -> str | None:
    """Return the text of the cursor that a request has, None for the first page.

    Raises:
        ParameterInvalid: It is no word of ours.
    """
    text = single(request, "cursor")
    return None if text is None else unwrapped(text)


def page_of(album: Album, query: ImageQuery, text: str | None, limit: int) -> tuple[Page, str | None]:
    """Return a page of images, and the cursor of the next one. Blocking.

    Args:
        album: The images.
        query: Which.
        text: From ``read_cursor``.
        limit: Most of them.

    Raises:
        ParameterInvalid: The cursor is none of such a list, or the search says so.
        UnavailableError: The database does not answer.
    """
    page = album.search.page(query, after=_after(album, query, text), limit=limit)
    return page, _following(album, query, page.following)


def ids_of(album: Album, query: ImageQuery, text: str | None, limit: int) -> tuple[IdPage, str | None]:
    """Return a page of ids, and the cursor of the next one; as ``page_of``."""
    page = album.search.ids(query, after=_after(album, query, text), limit=limit)
    return page, _following(album, query, page.following)


def place_of(album: Album, owner: str | None, text: str) -> Place:
    """Return where the page begins. Blocking.

    Args:
        album: The images.
        owner: Whose are listed; None for everybody's.
        text: From ``read_cursor``.

    Raises:
        ParameterInvalid: It is no cursor of such a list.
        UnavailableError: The database does not answer.
    """
    match = (_NUMBER if owner is None else _MARK).fullmatch(text)
    if match is None:
        raise no_cursor()
    if owner is None:
        return Place(int(match[1]), int(match[2]))
    sha256, created_at_us, distance = match[1], int(match[2]), int(match[3])
    try:
        record = album.records.image(owner, sha256)
        if record.created_at_us == created_at_us:
            return Place(record.number, distance)
    except ImageUnknown:
        pass
    # Erased since, and perhaps sent again: the list goes on with what is as old or older.
    query = ImageQuery(owner, until_us=created_at_us + 1)
    older = album.search.ids(query, limit=1)
    while not older.images and older.following is not None:
        older = album.search.ids(query, after=older.following, limit=1)
    return Place(older.images[0].number + 1 if older.images else _END, distance)


def cursor_of(album: Album, owner: str | None, place: Place) -> str | None:
    """Return the cursor of what comes behind a place; None if nothing does. Blocking.

    Args:
        album: The images.
        owner: Whose are listed; None for everybody's.
        place: Where the page ended.

    Raises:
        UnavailableError: The database does not answer.
    """
    if owner is None:
        return wrapped(f"{place.number}.{place.distance}")
    while there := album.search.ids(ImageQuery(owner), after=Place(place.number + 1), limit=1).images:
        [found] = there
        try:
            created_at_us = album.records.image(owner, found.sha256).created_at_us
        except ImageUnknown:  # erased between the two looks
            continue
        mark = found.sha256 if found.number == place.number else _NO_IMAGE
        return wrapped(f"{mark}.{created_at_us}.{place.distance}")
    return None


def _after(album: Album, query: ImageQuery, text: str | None) -> Place | None:
    return None if text is None else place_of(album, query.owner, text)


def _following(album: Album, query: ImageQuery, place: Place | None) -> str | None:
    return None if place is None else cursor_of(album, query.owner, place)
