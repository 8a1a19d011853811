"""Pictures that look alike: whose perceptual hashes differ in few bits.

A hash is kept in four quarters of 16 bits. If two hashes differ in at most d bits, then for any four numbers whose sum
is d - 3 some quarter differs in at most its number of bits. So of each quarter only few values need be looked up, and
what they bring is compared bit by bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Select, literal_column, select

from saccade.backends.database.image_rows import phash_of, quarters_of, signed_of
from saccade.backends.database.image_search_numbers import number_in, table_of
from saccade.backends.database.image_search_walk import Bounds
from saccade.backends.database.schema import image
from saccade.errors import ParameterInvalid
from saccade.vision.phash import distance

#: Images that one call compares.
MOST_COMPARED = 20_000
_QUARTER_BITS = 16
_ROWS_AT_ONCE = 256
_NOTHING: ColumnElement[int] = literal_column("0")
_COLUMNS = (image.c.phash_0, image.c.phash_1, image.c.phash_2, image.c.phash_3)


def near_images(
    tx: Connection, owner: str | None, phash: int, most_distance: int, bounds: Bounds
) -> list[tuple[int, int]]:
    """Return the images whose hashes differ in at least one bit and at most so many.

    Returns:
        Distance and number of each, likest first, then newest first.

    Raises:
        ParameterInvalid: More images than are compared share a quarter, or nearly do.
    """
    found: dict[int, int] = {}
    left = MOST_COMPARED
    of_owner = () if owner is None else (image.c.owner == owner,)
    for terms in _lookups(phash, most_distance):
        query = select(image.c.id, image.c.phash).where(*terms, *of_owner, *bounds.terms(image.c.id + 0))
        some = _distances(tx, query.limit(left + 1), phash)
        left -= len(some)
        if left < 0:
            raise ParameterInvalid(
                "More images look somewhat like this one than can be compared.",
                hint="Ask for a smaller distance (0 always works), a shorter time, or one more condition.",
            )
        found |= some
    return _in_order(found, most_distance)


def near_among(tx: Connection, numbers: Sequence[int], phash: int, most_distance: int) -> list[tuple[int, int]]:
    """Return the same of some images that are known."""
    table = table_of(numbers)
    query = select(image.c.id, image.c.phash).select_from(table).join(image, image.c.id == number_in(table))
    return _in_order(_distances(tx, query, phash), most_distance)


def _lookups(phash: int, most_distance: int) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """Yield what to look up; hashes that are just this one are left out, for there may be any number of them."""
    least, more = divmod(most_distance - 3, len(_COLUMNS))
    for index, (column, own) in enumerate(zip(_COLUMNS, quarters_of(phash), strict=True)):
        bits = least + (index < more)
        if bits < 0:
            continue
        values = table_of([own, *(own ^ mask for mask in _masks(bits))])
        yield column.in_(select(number_in(values))), image.c.phash + _NOTHING != signed_of(phash)


def _masks(most_bits: int) -> Iterator[int]:
    """Yield every change of one to so many bits of a quarter."""
    for count in range(1, most_bits + 1):
        for places in itertools.combinations(range(_QUARTER_BITS), count):
            yield sum(1 << place for place in places)


def _distances(tx: Connection, query: Select[int, int], phash: int) -> Mapping[int, int]:
    """Return the distance of each image that a statement finds.

    Thousands of rows at once would make Python look through all its memory for garbage, which takes longer than all
    the rest; so they come in small parts.
    """
    found: dict[int, int] = {}
    for rows in tx.execute(query).partitions(_ROWS_AT_ONCE):
        found.update((number, distance(phash, phash_of(signed))) for number, signed in rows)
    return found


def _in_order(distances: Mapping[int, int], most_distance: int) -> list[tuple[int, int]]:
    near = [(apart, number) for number, apart in distances.items() if 0 < apart <= most_distance]
    return sorted(near, key=lambda each: (each[0], -each[1]))
