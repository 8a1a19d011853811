"""The conditions of a search as SQL: how each is checked on one image, and by which index it leads to images.

A *lead* is an index that yields a condition's images newest first, from any image on. A *span* is a part of an index
that holds them in another order; it is of use where it is short. What else a condition says stands in ``rest``, so
written that no database takes another index for its sake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from sqlalchemy import ColumnElement, func, literal_column, select, true

from saccade.backends.database.image_rows import quarters_of, signed_of
from saccade.backends.database.schema import image, image_label, image_word
from saccade.backends.database.texts import fit
from saccade.images.search import ImageQuery, LabelQuery
from saccade.images.words import STAR

_LABEL_CHARACTERS = 255
#: No letter of any word comes behind it.
_LAST_LETTER = "\U0010ffff"
_ONE: ColumnElement[int] = literal_column("1")
_NOTHING: ColumnElement[int] = literal_column("0")

T = TypeVar("T", int, float, str)

Number: TypeAlias = ColumnElement[int]
Terms: TypeAlias = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of an index that hold images' numbers.

    Attributes:
        number: The column that holds the number.
        place: Which part of the index, as it begins.
        rest: What else must be true of a row.
        repeats: Whether an image may have several rows.
    """

    number: Number
    place: Terms
    rest: Terms = ()
    repeats: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One thing that must be true of an image.

    Attributes:
        check: Makes the term that says so of an image's number; None if nothing needs to be said.
        lead: Its images, newest first.
        spans: Its images in any order; every one of them holds them all.
        leads_far: Its lead goes to all images of the owner, fulfil they the condition or not.
    """

    check: Callable[[Number], ColumnElement[bool]] | None
    lead: Rows | None = None
    spans: tuple[Rows, ...] = field(default=())
    leads_far: bool = False


def label_conditions(owner: str | None, wanted: LabelQuery) -> list[Condition]:
    """Return the condition that a model sees a label, and what follows from it and may lead faster."""
    table = image_label.c
    label = fit(wanted.label, _LABEL_CHARACTERS)
    name = None if wanted.model is None else wanted.model.partition("@")[0]
    of_owner = () if owner is None else (table.owner == owner,)
    of_label = () if label is None else (table.label == label,)
    said = _said_by(table.model, table.is_newest, wanted.model)
    loose = (*said, *_between(table.score + _NOTHING, wanted.min_score, wanted.max_score))

    def check(number: Number) -> ColumnElement[bool]:
        row = image_label.alias().c
        return _is_there(
            row.image_id == number,
            *(() if label is None else (row.label == label,)),
            *_said_by(row.model, row.is_newest, wanted.model),
            *_between(row.score, wanted.min_score, wanted.max_score),
        )

    if owner is None:  # rows of all owners do not come in the images' order
        return [Condition(check, None, (Rows(table.image_id, of_label, loose),) if of_label else ())]
    found = []
    if label is not None:
        scored = (*of_label, *of_owner, *_between(table.score, wanted.min_score, wanted.max_score))
        lead = Rows(table.image_id, (*of_label, *of_owner), loose, repeats=name is None)
        found.append(Condition(check, lead, (Rows(table.image_id, scored, said),)))
    if name is not None:  # a model that has seen few images leads faster than a label that others see everywhere
        lead = Rows(table.image_id, (*of_owner, table.model_name == name), loose, repeats=True)
        found.append(Condition(check if label is None else None, lead))
    return found


def word_condition(owner: str | None, word: str) -> Condition:
    """Return the condition that a word, or one with a beginning, stands in a file name or a label."""
    table = image_word.c
    of_owner = () if owner is None else (table.owner == owner,)
    beginning = word.removesuffix(STAR)
    is_beginning = beginning != word

    def check(number: Number) -> ColumnElement[bool]:
        row = image_word.alias().c
        return _is_there(
            row.image_id == number,
            *(_between(row.word, beginning, beginning + _LAST_LETTER) if is_beginning else (row.word == word,)),
        )

    if not is_beginning:
        return Condition(check, Rows(table.image_id, (*of_owner, table.word == word)))
    within = _between(table.word, beginning, beginning + _LAST_LETTER)
    return Condition(check, None, (Rows(table.image_id, (*of_owner, *within), repeats=True),))


def traits_condition(query: ImageQuery, *, phash: int | None = None) -> Condition:
    """Return the condition of what stands in an image's own row; it leads to every image of the owner.

    Args:
        query: What is asked for.
        phash: If given, the picture's hash must be just this.
    """
    table = image.c
    of_owner = () if query.owner is None else (table.owner == query.owner,)
    md5 = None if query.md5 is None else query.md5.lower()
    dates = (query.since_us, None if query.until_us is None else query.until_us - 1)
    sizes = (query.min_bytes, query.max_bytes)

    def check(number: Number) -> ColumnElement[bool]:
        row = image.alias().c
        return _is_there(
            row.id == number,
            *_between(row.created_at, *dates),
            *_between(row.size_bytes, *sizes),
            *(() if md5 is None else (row.md5 == md5,)),
            *(() if phash is None else (row.phash == signed_of(phash),)),
        )

    loose = (
        *_between(table.created_at + _NOTHING, *dates),
        *_between(table.size_bytes + _NOTHING, *sizes),
        *(() if md5 is None else (table.md5.concat("") == md5,)),
    )
    of_hash = () if phash is None else (table.phash_0 == quarters_of(phash)[0], table.phash == signed_of(phash))
    of_md5 = () if md5 is None else (table.md5 == md5,)
    places = (of_md5, of_hash, _between(table.size_bytes, *sizes), _between(table.created_at, *dates))
    alike = () if phash is None else (table.phash + _NOTHING == signed_of(phash),)
    spans = tuple(Rows(table.id, (*of_owner, *place), (*loose, *alike)) for place in places if place)
    if of_owner and (of_md5 or of_hash):
        rest = (*loose, *alike) if of_md5 else loose
        return Condition(check, Rows(table.id, (*(of_md5 or of_hash), *of_owner), rest), spans)
    return Condition(check if spans else None, Rows(table.id, of_owner, (*loose, *alike)), spans, leads_far=True)


def _between(column: ColumnElement[T], least: T | None, most: T | None) -> Terms:
    terms: list[ColumnElement[bool]] = []
    if least is not None:
        terms.append(column >= least)
    if most is not None:
        terms.append(column <= most)
    return tuple(terms)


def _said_by(model: ColumnElement[str], is_newest: ColumnElement[bool], wanted: str | None) -> Terms:
    """Return the terms that a row is of a version, of the newest one of a name, or of the newest one of any name."""
    if wanted is None:
        return (is_newest.is_(true()),)
    if "@" in wanted:
        return (model.concat("") == wanted,)
    return (is_newest.is_(true()), func.substr(model, 1, len(wanted) + 1) == f"{wanted}@")  # keys hold no bare names


def _is_there(*terms: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the term that a row is there, looked up image by image.

    As EXISTS it says the same, but PostgreSQL may then read a whole table to answer for many images at once.
    """
    return select(_ONE).where(*terms).limit(_ONE).scalar_subquery() == _ONE
