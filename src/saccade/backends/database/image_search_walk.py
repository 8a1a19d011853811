"""Walking through images, newest first, so that no call reads more than so many rows, whatever is asked for.

A walk goes in rounds. In the first one each lead yields its newest images, and the one whose images lie farthest apart
leads from then on. What it yields is checked for all other conditions. After the last round the walk stops where it is,
and says so: whoever goes on from there misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from saccade.backends.database.image_search_conditions import Condition, Number, Rows
from saccade.backends.database.image_search_numbers import number_in, table_of
from saccade.images.search import MOST_COUNTED, Count

#: Checks of one call; each is a look into an index, some microseconds.
MOST_CHECKS = 2_000
#: Rows that one call reads of one index without looking anywhere else.
MOST_READ = 40_000
#: Each round may do such a part of what a call may; the first ones are short, for often they are enough.
_ROUNDS = (20, 5, 1)
_ONE: ColumnElement[int] = literal_column("1")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers images are looked for, both exclusive."""

    above: int = 0
    below: int | None = None

    def terms(self, number: Number) -> tuple[ColumnElement[bool], ...]:
        """Return the same in SQL."""
        low = (number > self.above,) if self.above else ()
        return low if self.below is None else (*low, number < self.below)

    def hold(self, number: int) -> bool:
        """Say whether a number lies between."""
        return self.above < number and (self.below is None or number < self.below)

    def behind(self, number: int) -> Bounds:
        """Return the part that comes behind a number, newest first."""
        return replace(self, below=number if self.below is None else min(number, self.below))

    def down_to(self, last: int | None) -> Bounds:
        """Return the part down to a number, itself included; all of it for None."""
        return self if last is None else replace(self, above=max(self.above, last - 1))


@dataclass(frozen=True, slots=True)
class Found:
    """Images, newest first; ``behind`` is the number behind which there may be more, None at the end."""

    numbers: list[int]
    behind: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """All images that fulfil some conditions, newest first."""

    numbers: Sequence[int]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """A search for images that fulfil conditions.

    Attributes:
        tx: The transaction.
        conditions: Those that are not behind the list.
        listed: None if no condition is known to hold for few images.
    """

    tx: Connection
    conditions: tuple[Condition, ...]
    listed: Listed | None = None

    def find(self, bounds: Bounds, limit: int) -> Found:
        """Return so many images at most; fewer, or none, does not mean that there are no more."""
        numbers: list[int] = []
        leader: Condition | None = None
        for index, (most, most_read) in enumerate(self._rounds(limit)):
            if index == 0:
                leader, yielded = self._first(bounds, most, most_read)
            else:
                yielded = self._yield(leader, bounds, most, most_read)
            passing = _passing(self.tx, yielded.numbers, self._checks_beside(leader))
            numbers += [number for number in yielded.numbers if number in passing]
            if len(numbers) > limit:
                return Found(numbers[:limit], numbers[limit - 1])
            if yielded.behind is None:
                return Found(numbers)
            bounds = bounds.behind(yielded.behind)
        return Found(numbers, bounds.below)

    def count(self, bounds: Bounds) -> Count:
        """Count the images, or as many of them as one call may look at."""
        most, most_read = next(self._rounds(1))
        leader, _ = self._first(bounds, most, most_read)
        checks = self._checks_beside(leader)
        if leader is not None and leader.lead is not None and not checks:
            return self._counted(leader.lead, bounds)
        yielded = self._yield(leader, bounds, MOST_CHECKS // max(1, len(checks)) if checks else MOST_COUNTED, MOST_READ)
        return Count(len(_passing(self.tx, yielded.numbers, checks)), is_exact=yielded.behind is None)

    def passing(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these images fulfil all conditions."""
        left = set(numbers) if self.listed is None else set(numbers).intersection(self.listed.numbers)
        return _passing(self.tx, sorted(left), self._checks_beside(None))

    def most_checked(self) -> int:
        """Return how many images of a list one call checks."""
        return MOST_CHECKS // max(1, len(self._checks_beside(None)))

    def _checks_beside(self, leader: Condition | None) -> list[Condition]:
        """Return what is to be checked of the images that a condition yields, or the list (None)."""
        behind_list = () if leader is None or self.listed is None else self.listed.conditions
        return [each for each in (*behind_list, *self.conditions) if each.check and each is not leader]

    def _rounds(self, limit: int) -> Iterator[tuple[int, int]]:
        """Yield how many images may be checked and how many rows be read, round by round."""
        checks = max(1, len(self._checks_beside(None)) + (len(self.listed.conditions) if self.listed else 0) - 1)
        for part in _ROUNDS:
            yield max(MOST_CHECKS, 2 * limit) // checks // part + 1, max(MOST_READ, 3 * limit) // part + 1

    def _first(self, bounds: Bounds, most: int, most_read: int) -> tuple[Condition | None, Found]:
        """Return who leads (None: the list), with what it yields first."""
        near: list[Condition | None] = [each for each in self.conditions if each.lead and not each.leads_far]
        if self.listed is not None:
            near.insert(0, None)
        if not near:  # then any image may be one; a condition of the traits is always there
            near.extend([each for each in self.conditions if each.lead][:1])
        yielded = [(leader, self._yield(leader, bounds, most, most_read)) for leader in near]
        top = bounds.below or max((found.numbers[0] for _, found in yielded if found.numbers), default=0) + 1
        return min(yielded, key=lambda each: _density(each[1], top))

    def _yield(self, leader: Condition | None, bounds: Bounds, most: int, most_read: int) -> Found:
        """Return the newest images of a lead, or of the list, before they are checked."""
        if leader is None or leader.lead is None:
            left = [number for number in (self.listed.numbers if self.listed else ()) if bounds.hold(number)]
            return Found(left[:most], left[most - 1] if len(left) > most else None)
        last = self._nth(leader.lead, bounds, most_read) if leader.lead.rest else None
        numbers = list(self.tx.execute(_newest(leader.lead, bounds.down_to(last), most)).scalars())
        return Found(numbers, numbers[-1] if len(numbers) == most else last)

    def _nth(self, rows: Rows, bounds: Bounds, count: int) -> int | None:
        """Return the number in the row that is so many rows back; None if there are not so many."""
        query = select(rows.number).where(*rows.place, *bounds.terms(rows.number))
        return self.tx.execute(query.order_by(rows.number.desc()).limit(_ONE).offset(count - 1)).scalar_one_or_none()

    def _counted(self, lead: Rows, bounds: Bounds) -> Count:
        """Count what needs no checks."""
        last = self._nth(lead, bounds, MOST_COUNTED) if lead.rest else None
        found = _newest(lead, bounds.down_to(last), MOST_COUNTED + 1).subquery()
        images = self.tx.execute(select(func.count()).select_from(found)).scalar_one()
        return Count(min(images, MOST_COUNTED), is_exact=last is None and images <= MOST_COUNTED)


def _density(found: Found, top: int) -> tuple[bool, float]:
    """Return how close together images lie; those of whom these are all come before all others."""
    if found.behind is None:
        return False, len(found.numbers)
    return True, len(found.numbers) / max(1, top - found.behind)


def _newest(rows: Rows, bounds: Bounds, limit: int) -> Select[int]:
    """Return the statement of the newest images of a lead."""
    query = select(rows.number).where(*rows.place, *bounds.terms(rows.number), *rows.rest)
    query = query.order_by(rows.number.desc()).limit(limit)
    return query.distinct() if rows.repeats else query


def _passing(tx: Connection, numbers: Sequence[int], checks: Sequence[Condition]) -> set[int]:
    """Return which of these images pass checks."""
    terms = [each.check for each in checks if each.check]
    if not terms or not numbers:
        return set(numbers)
    table = table_of(numbers)
    number = number_in(table)
    return set(tx.execute(select(number).select_from(table).where(*(term(number) for term in terms))).scalars())
