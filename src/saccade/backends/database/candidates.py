"""Whose turn it is: which items a claim takes, in turns over the principals that wait."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Connection, Integer, String, bindparam, func, or_, select

from saccade.backends.database.conditions import IS_QUEUED
from saccade.backends.database.schema import item

#: Principals that one claim looks at, at most; those behind them are looked at by the next one.
MOST_PRINCIPALS = 64

_waiting = select(func.min(item.c.principal)).where(IS_QUEUED, item.c.digest == bindparam("digest", type_=String))
#: The first principal that waits for a model behind another one: one look into the index.
_NEXT = _waiting.where(item.c.principal > bindparam("after", type_=String))
#: A principal's items that may run now: by priority, then by age.
_DUE = (
    select(item.c.id)
    .where(
        IS_QUEUED,
        item.c.digest == bindparam("digest", type_=String),
        item.c.principal == bindparam("principal", type_=String),
        item.c.not_before <= bindparam("now", type_=BigInteger),
        or_(item.c.deadline_at.is_(None), item.c.deadline_at > bindparam("now", type_=BigInteger)),
    )
    .order_by(item.c.priority, item.c.not_before, item.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)


def candidates(tx: Connection, digest: str, *, after: str, most: int, now: int) -> tuple[list[int], str]:
    """Return ids of one model's items that may be claimed, locked where the database can.

    Each principal gets the same share, and what one does not need goes to the others. Nobody waits for more turns than
    there are principals, however many items the others have.

    Returns:
        The ids, and the last principal that was looked at: the next claim begins behind it.
    """
    waiting = _waiting_principals(tx, digest, after=after)
    last = after
    while principals := list(itertools.islice(waiting, most)):
        last = principals[-1]
        taken = _shared(tx, digest, principals, most=most, now=now)
        if taken:
            return taken, last
    return [], last


def _shared(tx: Connection, digest: str, principals: Sequence[str], *, most: int, now: int) -> list[int]:
    share = -(-most // len(principals))
    taken: list[int] = []
    hungry: list[tuple[str, int]] = []
    for principal in principals:
        wanted = min(share, most - len(taken))
        found = _due(tx, digest, principal, most=wanted, now=now) if wanted else []
        taken += found
        if found and len(found) == wanted:
            hungry.append((principal, wanted))
    for principal, had in hungry:  # what others did not need
        room = most - len(taken)
        if room:  # its own locks do not hide what it has already
            known = set(taken)
            found = _due(tx, digest, principal, most=had + room, now=now)
            taken += [item_id for item_id in found if item_id not in known][:room]
    return taken


def _waiting_principals(tx: Connection, digest: str, *, after: str) -> Iterator[str]:
    """Yield who waits for a model: those behind ``after`` first, then from the beginning up to it."""
    cursor, is_wrapped = after, not after
    for _ in range(MOST_PRINCIPALS):
        principal = tx.execute(_NEXT, {"digest": digest, "after": cursor}).scalar_one_or_none()
        if principal is None and not is_wrapped:
            is_wrapped = True
            principal = tx.execute(_NEXT, {"digest": digest, "after": ""}).scalar_one_or_none()
        if principal is None or (is_wrapped and after and principal > after):
            return
        yield principal
        if is_wrapped and principal == after:
            return
        cursor = principal


def _due(tx: Connection, digest: str, principal: str, *, most: int, now: int) -> list[int]:
    query = {"digest": digest, "principal": principal, "most": most, "now": now}
    return list(tx.execute(_DUE, query).scalars())
