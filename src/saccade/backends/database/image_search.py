"""Search over remembered images: what is asked becomes conditions, and a walk finds what fulfils them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from saccade.backends.database.connection import Database
from saccade.backends.database.image_rows import records_of
from saccade.backends.database.image_search_conditions import (
    Condition,
    label_conditions,
    traits_condition,
    word_condition,
)
from saccade.backends.database.image_search_dates import narrowed
from saccade.backends.database.image_search_likeness import near_among, near_images
from saccade.backends.database.image_search_lists import walk_for
from saccade.backends.database.image_search_numbers import number_in, table_of
from saccade.backends.database.image_search_walk import Bounds, Walk
from saccade.backends.database.image_search_wishes import check, is_possible
from saccade.backends.database.schema import image
from saccade.images.search import MOST_COUNTED, Count, FoundId, FoundImage, IdPage, ImageQuery, Page, Place

#: Images whose records are read together.
READ_TOGETHER = 15
#: Characters of predictions with which a page ends, however few its images are: it is held in memory as a whole, and
#: one picture may have thousands of objects.
MOST_CHARACTERS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Slice:
    """What a page holds: number and distance of each image, and where the next page begins."""

    images: list[tuple[int, int]]
    following: Place | None = None


class SqlImageSearch:
    """``ImageSearch`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Search a database."""
        self._database = database

    def page(self, query: ImageQuery, *, after: Place | None = None, limit: int = 15) -> Page:
        """Return records; see the port."""
        return self._database.read(lambda tx: _page(tx, query, _slice(tx, query, after, limit)))

    def ids(self, query: ImageQuery, *, after: Place | None = None, limit: int = 10_000) -> IdPage:
        """Return what names the records; see the port."""

        def work(tx: Connection) -> IdPage:
            found = _slice(tx, query, after, limit)
            table = table_of([number for number, _ in found.images])
            names = select(image.c.id, image.c.owner, image.c.sha256, image.c.md5).select_from(table)
            rows = {row.id: row for row in tx.execute(names.join(image, image.c.id == number_in(table)))}
            return IdPage(
                tuple(
                    FoundId(
                        number,
                        rows[number].owner,
                        rows[number].sha256,
                        rows[number].md5,
                        _shown(query, apart),
                    )
                    for number, apart in found.images
                    if number in rows
                ),
                found.following,
            )

        return self._database.read(work)

    def count(self, query: ImageQuery) -> Count:
        """Count what is found; see the port."""
        return self._database.read(lambda tx: _count(tx, query))


def _slice(tx: Connection, query: ImageQuery, after: Place | None, limit: int) -> _Slice:
    """Return which images a page holds."""
    check(query)
    if not is_possible(query):
        return _Slice([])
    bounds = narrowed(tx, query)
    if query.similar_to is not None:
        return _likest(tx, query, query.similar_to, bounds, after, limit)
    bounds = bounds if after is None else bounds.behind(after.number)
    found = walk_for(tx, _conditions(query), bounds).find(bounds, limit)
    following = None if found.behind is None else Place(found.behind)
    return _Slice([(number, 0) for number in found.numbers], following)


def _page(tx: Connection, query: ImageQuery, found: _Slice) -> Page:
    """Return the records of a slice, or of its beginning where their predictions are long."""
    shown: list[FoundImage] = []
    characters, last = 0, None
    for start in range(0, len(found.images), READ_TOGETHER):
        some = found.images[start : start + READ_TOGETHER]
        rows = tx.execute(select(image).where(image.c.id.in_([number for number, _ in some]))).all()
        records = {record.number: record for record in records_of(tx, rows)}
        for number, apart in some:
            record = records.get(number)
            if record is None:  # somebody has just erased it
                continue
            characters += sum(len(said.prediction) for said in record.predictions)
            if last is not None and characters > MOST_CHARACTERS:
                return Page(tuple(shown), last)
            shown.append(FoundImage(record, _shown(query, apart)))
            last = Place(number, apart)
    return Page(tuple(shown), found.following)


def _likest(tx: Connection, query: ImageQuery, phash: int, bounds: Bounds, after: Place | None, limit: int) -> _Slice:
    """Return a page in the order of likeness: first those with the very hash, then those near it."""
    images: list[tuple[int, int]] = []
    if after is None or not after.distance:
        within = bounds if after is None else bounds.behind(after.number)
        found = walk_for(tx, _conditions(query, phash), within).find(within, limit)
        images = [(number, 0) for number in found.numbers]
        if found.behind is not None:
            return _Slice(images, Place(found.behind))
    near, walk = _near(tx, query, phash, bounds)
    if after is not None and after.distance:
        near = [each for each in near if (each[0], -each[1]) > (after.distance, -after.number)]
    looked_at = near[: walk.most_checked()]
    passing = walk.passing([number for _, number in looked_at])
    images += [(number, apart) for apart, number in looked_at if number in passing]
    if len(images) > limit:
        number, apart = images[limit - 1]
        return _Slice(images[:limit], Place(number, apart))
    if len(near) > len(looked_at):
        apart, number = looked_at[-1]
        return _Slice(images, Place(number, apart))
    return _Slice(images)


def _near(tx: Connection, query: ImageQuery, phash: int, bounds: Bounds) -> tuple[list[tuple[int, int]], Walk]:
    """Return distances and numbers of the pictures near a hash, and who knows the other conditions."""
    walk = walk_for(tx, _conditions(query), bounds)
    if not query.max_distance:
        return [], walk
    if walk.listed is not None:
        return near_among(tx, walk.listed.numbers, phash, query.max_distance), walk
    return near_images(tx, query.owner, phash, query.max_distance, bounds), walk


def _count(tx: Connection, query: ImageQuery) -> Count:
    check(query)
    if not is_possible(query):
        return Count(0)
    bounds = narrowed(tx, query)
    same = walk_for(tx, _conditions(query, query.similar_to), bounds).count(bounds)
    if query.similar_to is None or not query.max_distance:
        return same
    near, walk = _near(tx, query, query.similar_to, bounds)
    looked_at = near[: walk.most_checked()]
    images = same.images + len(walk.passing([number for _, number in looked_at]))
    is_exact = same.is_exact and len(looked_at) == len(near) and images <= MOST_COUNTED
    return Count(min(images, MOST_COUNTED), is_exact)


def _conditions(query: ImageQuery, phash: int | None = None) -> list[Condition]:
    """Return all conditions of a query but that of likeness; of a hash, if given, that it is just this one."""
    return [
        traits_condition(query, phash=phash),
        *(word_condition(query.owner, word) for word in query.words),
        *(each for label in query.labels for each in label_conditions(query.owner, label)),
    ]


def _shown(query: ImageQuery, apart: int) -> int | None:
    """Return the distance where likeness was asked for."""
    return None if query.similar_to is None else apart
