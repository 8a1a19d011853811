"""Remembering the images of jobs: in the transaction that ends their items, so that both are there or neither.

A blob that was written for a record and is not named by one becomes garbage in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from saccade.backends.database.endings import CHUNK
from saccade.backends.database.image_rows import read_row, traits_in
from saccade.backends.database.image_writing import add_to_image, ensure_image, locked_image
from saccade.backends.database.schema import garbage, image
from saccade.images.records import NewImage
from saccade.jobs.records import HandedBack, Keeping, Outcome, Succeeded


def kept_image(tx: Connection, owner: str, sha256: str) -> NewImage | None:
    """Return what a record says of its bytes and where they lie; None if there is no record."""
    row = read_row(tx, owner, sha256)
    return None if row is None else NewImage(row.owner, traits_in(row), row.blob_key)


def keep_images(tx: Connection, outcomes: Sequence[Outcome], accepted: Sequence[Outcome], *, now: int) -> list[Outcome]:
    """Remember what accepted outcomes bring, and let go of what refused ones do.

    Args:
        tx: The transaction that holds the items' rows.
        outcomes: All that were given.
        accepted: Those of them that are written.
        now: The database's time.

    Returns:
        The accepted outcomes. One whose record was erased since it was found goes back into the queue instead.
    """
    if not any(_kept_of(outcome) for outcome in outcomes):
        return list(accepted)
    accepted_ids = {id(outcome) for outcome in accepted}
    refused = [kept for outcome in outcomes if id(outcome) not in accepted_ids and (kept := _kept_of(outcome))]
    # Always in this order, so that no two transactions wait for each other.
    ordered = sorted(accepted, key=lambda outcome: (_key_of(outcome), outcome.claim.id))
    spare: list[str] = []
    written = [_written(tx, outcome, spare, now=now) for outcome in ordered]
    spare += _unnamed(tx, [kept.image.blob_key for kept in refused if kept.is_new_blob])
    if spare:
        tx.execute(insert(garbage), [{"blob_key": key, "created_at": now} for key in spare])
    return written


def _kept_of(outcome: Outcome) -> Keeping | None:
    return outcome.kept if isinstance(outcome, Succeeded) else None


def _key_of(outcome: Outcome) -> tuple[str, str]:
    kept = _kept_of(outcome)
    return ("", "") if kept is None else (kept.image.owner, kept.image.traits.sha256)


def _written(tx: Connection, outcome: Outcome, spare: list[str], *, now: int) -> Outcome:
    """Remember what an outcome brings; a key that is not needed goes to the ``spare`` ones."""
    kept = _kept_of(outcome)
    if kept is None:
        return outcome
    new = kept.image
    held = ensure_image(tx, new, now=now) if kept.is_new_blob else locked_image(tx, new.owner, new.traits.sha256)
    if held is None:
        return HandedBack(outcome.claim)
    add_to_image(tx, held, [kept.prediction], file_name=new.file_name, now=now)
    if kept.is_new_blob and held.blob_key != new.blob_key:
        spare.append(new.blob_key)
    return outcome


def _unnamed(tx: Connection, keys: Sequence[str]) -> list[str]:
    """Return those of these keys that nothing names: an earlier run of this may have been committed unheard."""
    named: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        some = keys[start : start + CHUNK]
        for column in (image.c.blob_key, garbage.c.blob_key):
            named.update(tx.execute(select(column).where(column.in_(some))).scalars())
    return [key for key in keys if key not in named]
