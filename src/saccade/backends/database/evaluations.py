"""Evaluations over SQL."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import evaluation
from saccade.backends.database.texts import fit
from saccade.models.evaluations import EvaluationRecord, dataset_beginning

_DATASET_CHARACTERS = 255
#: Ids are made by clients, whose clocks may be wrong, so that they only tell apart what came at the same moment. The
#: index finds the few of one package, and these are sorted.
_NEWEST_FIRST = (evaluation.c.created_at.desc(), evaluation.c.id.desc())


class SqlEvaluations:
    """``Evaluations`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def add(self, record: EvaluationRecord) -> EvaluationRecord:
        """Write one down; see the port."""

        def work(tx: Connection) -> EvaluationRecord:
            known = tx.execute(select(evaluation).where(evaluation.c.id == record.id)).one_or_none()
            if known is None:
                tx.execute(insert(evaluation), {**_row(record), "created_at": now_us(tx)})
                known = tx.execute(select(evaluation).where(evaluation.c.id == record.id)).one()
            return _record(known)

        try:
            return self._database.write(work, is_repeatable=True)
        except IntegrityError:  # somebody wrote the same one at this moment; now it is there
            return self._database.write(work, is_repeatable=True)

    def newest(self, name: str, digest: str, *, dataset: str | None = None) -> EvaluationRecord | None:
        """Return the newest of exactly this package; see the port."""
        query = select(evaluation).where(evaluation.c.name == name, evaluation.c.digest == digest)
        if dataset is not None:
            query = query.where(_is_on(dataset))
        query = query.order_by(*_NEWEST_FIRST).limit(1)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else _record(row)

    def list(self, name: str, *, after: str | None = None, limit: int = 50) -> list[EvaluationRecord]:
        """Return a model's evaluations, newest first; see the port."""
        query = select(evaluation).where(evaluation.c.name == name).order_by(*_NEWEST_FIRST).limit(limit)
        if after is not None:
            last = select(evaluation.c.created_at).where(evaluation.c.id == after).scalar_subquery()
            is_older, is_as_old = evaluation.c.created_at < last, evaluation.c.created_at == last
            query = query.where(or_(is_older, and_(is_as_old, evaluation.c.id < after)))
        return self._database.read(lambda tx: [_record(row) for row in tx.execute(query)])


def _is_on(dataset: str) -> ColumnElement[bool]:
    """Return what is true of evaluations on a dataset: the whole text on record, or its name with any hash behind it.

    Nothing of the text is a pattern, whatever letters it has.
    """
    whole, beginning = (fit(text, _DATASET_CHARACTERS) or "" for text in (dataset, dataset_beginning(dataset)))
    behind = func.substr(evaluation.c.dataset, len(beginning) + 1)
    begins = func.substr(evaluation.c.dataset, 1, len(beginning)) == beginning
    # A hash has no blanks: a longer name that goes on behind a beginning like this is another dataset.
    return or_(evaluation.c.dataset == whole, and_(begins, behind.not_like("% %")))


def _row(record: EvaluationRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "name": record.name,
        "model": record.model,
        "digest": record.digest,
        "task": record.task,
        "dataset": fit(record.dataset, _DATASET_CHARACTERS),
        "images": record.images,
        "figures": json.dumps(dict(record.figures), allow_nan=False),
        "principal": record.principal,
    }


def _record(row: Row[*tuple[object, ...]]) -> EvaluationRecord:
    return EvaluationRecord(
        row.id,
        row.name,
        row.model,
        row.digest,
        row.task,
        row.dataset,
        row.images,
        json.loads(row.figures),
        row.principal,
        row.created_at,
    )
