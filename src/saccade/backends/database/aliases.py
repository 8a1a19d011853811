"""Aliases of models over SQL: what they mean, and every change that there ever was."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import model_alias, model_promotion
from saccade.errors import AliasMoved
from saccade.models.aliases import Alias, Change, ChangeKind, NewChange


class SqlAliases:
    """``Aliases`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def all(self) -> list[Alias]:
        """Return every alias; see the port."""
        return self._database.read(lambda tx: [_alias(row) for row in tx.execute(select(model_alias))])

    def find(self, name: str, alias: str) -> Alias | None:
        """Return what an alias means; see the port."""
        row = self._database.read(lambda tx: tx.execute(select(model_alias).where(_is(name, alias))).one_or_none())
        return None if row is None else _alias(row)

    def history(self, name: str, *, alias: str | None = None, limit: int | None = 100) -> list[Change]:
        """Return changes, newest first; see the port."""
        query = select(model_promotion).where(model_promotion.c.name == name)
        if alias is not None:
            query = query.where(model_promotion.c.alias == alias)
        query = query.order_by(model_promotion.c.id.desc()).limit(limit)
        return self._database.read(lambda tx: [_change(row) for row in tx.execute(query)])

    def made(self, change_id: int) -> Change | None:
        """Return one change; see the port."""
        query = select(model_promotion).where(model_promotion.c.id == change_id)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else _change(row)

    def change(self, new: NewChange, *, seen: Alias | None) -> Change:
        """Change an alias if it still means what was seen; see the port."""
        try:
            return self._database.write(lambda tx: _changed(tx, new, seen))
        except IntegrityError:  # two gave a meaning to one that had none
            raise _moved(new) from None


def _is(name: str, alias: str) -> ColumnElement[bool]:
    return and_(model_alias.c.name == name, model_alias.c.alias == alias)


def _changed(tx: Connection, new: NewChange, seen: Alias | None) -> Change:
    now = now_us(tx)
    row = tx.execute(select(model_alias).where(_is(new.name, new.alias)).with_for_update()).one_or_none()
    held = None if row is None else _alias(row)
    if held != seen:
        raise _moved(new)
    written = {
        "name": new.name,
        "alias": new.alias,
        "kind": new.kind.value,
        "model": new.model,
        "digest": new.digest,
        "replaced": None if held is None else held.model,
        "replaced_digest": None if held is None else held.digest,
        "condition": new.condition,
        "evaluation_id": new.evaluation_id,
        "figures": None if new.figures is None else json.dumps(dict(new.figures)),
        "principal": new.principal,
        "created_at": now,
    }
    key = tx.execute(insert(model_promotion), written).inserted_primary_key
    change_id = int(key[0]) if key is not None else 0
    if new.model is None:
        tx.execute(delete(model_alias).where(_is(new.name, new.alias)))
    else:
        ground = change_id if new.rests_on is None else new.rests_on
        meaning = {"model": new.model, "digest": new.digest, "promotion_id": ground, "changed_at": now}
        if held is None:
            tx.execute(insert(model_alias), {"name": new.name, "alias": new.alias, **meaning})
        else:
            tx.execute(update(model_alias).where(_is(new.name, new.alias)).values(**meaning))
    return Change(
        change_id,
        new.name,
        new.alias,
        new.kind,
        new.model,
        new.digest,
        None if held is None else held.model,
        None if held is None else held.digest,
        new.condition,
        new.evaluation_id,
        new.figures,
        new.principal,
        now,
    )


def _moved(new: NewChange) -> AliasMoved:
    return AliasMoved(f"{new.alias} of {new.name} was moved by somebody else at this moment.")


def _alias(row: Row[*tuple[object, ...]]) -> Alias:
    return Alias(row.name, row.alias, row.model, row.digest, row.promotion_id, row.changed_at)


def _change(row: Row[*tuple[object, ...]]) -> Change:
    return Change(
        row.id,
        row.name,
        row.alias,
        ChangeKind(row.kind),
        row.model,
        row.digest,
        row.replaced,
        row.replaced_digest,
        row.condition,
        row.evaluation_id,
        None if row.figures is None else json.loads(row.figures),
        row.principal,
        row.created_at,
    )
