"""What owners see and do: jobs, items, events, the queue; cancelling and erasing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, Select, String, and_, bindparam, func, literal_column, or_, select

from saccade.backends.database.clock import now_us
from saccade.backends.database.conditions import IS_RUNNING, in_state
from saccade.backends.database.connection import Database
from saccade.backends.database.endings import cancel_job
from saccade.backends.database.forgetting import MOST_ROWS, forget_some, hide_job
from saccade.backends.database.schema import image, item, job, job_image, result, usage_event, worker
from saccade.errors import JobUnknown
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import ItemRecord, JobPriority, JobRecord, QueueReport, QueueRow, WorkerRecord
from saccade.jobs.states import OPEN, Counts, ItemState, JobState

_SECOND_US = 1_000_000
#: A worker that gave no sign for so long is not counted any more.
_WORKER_GONE_US = 60 * _SECOND_US

# What is asked again and again while somebody waits is made once.
_JOB = select(job).where(job.c.id == bindparam("b_job"), job.c.principal == bindparam("b_principal"))
_OWNER = select(job.c.principal).where(job.c.id == bindparam("b_job"))
_RUNNING = (
    select(item.c.job_id, func.count(), func.min(item.c.started_at))
    .where(item.c.job_id.in_(bindparam("b_jobs", expanding=True, type_=String)), IS_RUNNING)
    .group_by(item.c.job_id)
)


class SqlRecords:
    """``Records`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def job(self, principal: str, job_id: str) -> JobRecord:
        """Return a job; see the port."""
        return self._database.read(lambda tx: read_job(tx, principal, job_id))

    def owner_of(self, job_id: str) -> str | None:
        """Return whose job it is; see the port."""
        query = select(job.c.principal).where(job.c.id == job_id)
        return self._database.read(lambda tx: tx.execute(query).scalar_one_or_none())

    def jobs(
        self, principal: str | None, *, before: str | None = None, state: JobState | None = None, limit: int = 50
    ) -> list[JobRecord]:
        """Return the newest jobs; see the port."""
        query = select(job).order_by(job.c.id.desc()).limit(limit)
        if principal is not None:
            query = query.where(job.c.principal == principal)
        if before is not None:
            query = query.where(job.c.id < before)
        if state is not None:
            query = query.where(job.c.state == state.value)

        def work(tx: Connection) -> list[JobRecord]:
            rows = tx.execute(query).all()
            running = _running(tx, [row.id for row in rows if row.state == JobState.RUNNING.value])
            return [_job_of(row, running=running.get(row.id, (0, None))) for row in rows]

        return self._database.read(work)

    def items(
        self,
        principal: str,
        job_id: str,
        *,
        after: tuple[int, int] | None = None,
        states: Sequence[ItemState] = (),
        limit: int = 500,
    ) -> list[ItemRecord]:
        """Return items in their order; see the port."""
        query = _items().where(item.c.job_id == job_id).order_by(item.c.position, item.c.model_index).limit(limit)
        if after is not None:
            position, model_index = after
            behind = or_(item.c.position > position, item.c.model_index > model_index)
            query = query.where(item.c.position >= position, behind)  # so written, the index finds the place
        if states:
            query = query.where(item.c.state.in_([state.value for state in states]))

        def work(tx: Connection) -> list[ItemRecord]:
            _check_owner(tx, principal, job_id)
            return [_item_of(row) for row in tx.execute(query)]

        return self._database.read(work)

    def events(self, principal: str, job_id: str, *, after: int = 0, limit: int = 500) -> list[ItemRecord]:
        """Return ended items in the order in which they ended; see the port."""
        query = (
            _items().where(item.c.job_id == job_id, item.c.event_seq > after).order_by(item.c.event_seq).limit(limit)
        )

        def work(tx: Connection) -> list[ItemRecord]:
            _check_owner(tx, principal, job_id)
            return [_item_of(row) for row in tx.execute(query)]

        return self._database.read(work)

    def cancel(self, principal: str, job_id: str) -> JobRecord:
        """End every open item as cancelled; see the port."""

        def work(tx: Connection) -> JobRecord:
            _check_owner(tx, principal, job_id)
            cancel_job(tx, job_id, now=now_us(tx))
            pass_failpoint("cancel.before_commit")
            return read_job(tx, principal, job_id)

        return self._database.write(work)

    def erase(self, principal: str, job_id: str) -> None:
        """Cancel and forget a job; see the port."""

        def work(tx: Connection) -> None:
            _check_owner(tx, principal, job_id)
            hide_job(tx, job_id, now=now_us(tx))
            pass_failpoint("erase.before_commit")

        self._database.write(work)
        while not self._database.write(lambda tx: forget_some(tx, job_id, most=MOST_ROWS, now=now_us(tx)))[1]:
            continue
        pass_failpoint("erase.after_commit")

    def blob_of(self, principal: str, sha256: str) -> str | None:
        """Return the key of bytes with this hash; see the port."""
        remembered = select(image.c.blob_key).where(image.c.owner == principal, image.c.sha256 == sha256)
        in_jobs = (
            select(job_image.c.blob_key)
            .where(job_image.c.principal == principal, job_image.c.sha256 == sha256, job_image.c.blob_key.is_not(None))
            .limit(1)
        )

        def work(tx: Connection) -> str | None:
            key: str | None = tx.execute(remembered).scalar_one_or_none()
            return key if key is not None else tx.execute(in_jobs).scalar_one_or_none()

        return self._database.read(work)

    def latest_items(self, principal: str, sha256: str) -> list[ItemRecord]:
        """Return the newest item of each model on a picture; see the port."""
        place = and_(job_image.c.job_id == item.c.job_id, job_image.c.position == item.c.position)
        newest = (
            select(func.max(item.c.id))
            .select_from(item.join(job_image, place))
            .where(job_image.c.principal == principal, job_image.c.sha256 == sha256)
            .group_by(item.c.model)
        )

        def work(tx: Connection) -> list[ItemRecord]:
            ids = list(tx.execute(newest).scalars())  # asked apart, for MariaDB reads all items where it stands inside
            found = tx.execute(_items().where(item.c.id.in_(ids)).order_by(item.c.model)) if ids else ()
            return [_item_of(row) for row in found]

        return self._database.read(work)

    def open_items(self) -> Mapping[str, int]:
        """Return how many items of each principal have not ended; see the port."""
        ended = job.c.succeeded + job.c.failed + job.c.cancelled + job.c.expired
        query = (
            select(job.c.principal, func.sum(job.c.total - ended))
            .where(job.c.state == JobState.RUNNING.value)
            .group_by(job.c.principal)
        )
        return self._database.read(lambda tx: {principal: int(count) for principal, count in tx.execute(query)})

    def totals(self, principal: str | None) -> tuple[Counts, int]:
        """Return how the items of all kept jobs stand; see the port."""
        columns = (job.c.total, job.c.succeeded, job.c.failed, job.c.cancelled, job.c.expired)
        sums = select(*(func.coalesce(func.sum(column), 0) for column in columns))
        running = select(func.count()).select_from(item).where(IS_RUNNING)
        if principal is not None:
            sums, running = sums.where(job.c.principal == principal), running.where(item.c.principal == principal)

        def work(tx: Connection) -> tuple[Counts, int]:
            counts = Counts(*(int(each) for each in tx.execute(sums).one()))
            return counts, int(tx.execute(running).scalar_one())

        return self._database.read(work)

    def queue(self, *, span_s: float = 60.0) -> QueueReport:
        """Return the lines before all models, and who works on them; see the port."""

        def work(tx: Connection) -> QueueReport:
            now = now_us(tx)
            lines = [line for state in OPEN for line in tx.execute(_lines(state))]
            # Not the bare column: SQLite would follow the index of models through all rows, to have them in that order.
            model = func.coalesce(usage_event.c.model, literal_column("''"))
            recently = (  # what was cancelled or expired took nobody's time, and says nothing of how fast work goes
                select(model, usage_event.c.digest, func.count())
                .where(usage_event.c.created_at > now - int(span_s * _SECOND_US), usage_event.c.item_id.is_not(None))
                .group_by(model, usage_event.c.digest)
            )
            ended = {(model, digest): count for model, digest, count in tx.execute(recently)}
            alive = select(worker).where(worker.c.seen_at > now - _WORKER_GONE_US).order_by(worker.c.id)
            return QueueReport(
                rows=_queue_rows(lines, ended, now=now),
                workers=tuple(_worker_of(row) for row in tx.execute(alive)),
                ended_recently=sum(ended.values()),
                span_s=span_s,
                now_us=now,
            )

        return self._database.read(work)


def _lines(state: ItemState) -> Select[*tuple[object, ...]]:
    """Return the query for the items of one open state by model; two small indexes serve two states."""
    return (
        select(
            item.c.model,
            item.c.digest,
            item.c.state,
            func.count().label("items"),
            func.min(item.c.created_at).label("oldest"),
        )
        .where(in_state(state))
        .group_by(item.c.model, item.c.digest, item.c.state)
    )


def read_job(tx: Connection, principal: str, job_id: str) -> JobRecord:
    """Return a job of a principal.

    Raises:
        JobUnknown: There is none.
    """
    row = tx.execute(_JOB, {"b_job": job_id, "b_principal": principal}).one_or_none()
    if row is None:
        raise JobUnknown("There is no such job.")
    running = _running(tx, [job_id]) if row.state == JobState.RUNNING.value else {}
    return _job_of(row, running=running.get(job_id, (0, None)))


def _check_owner(tx: Connection, principal: str, job_id: str) -> None:
    if tx.execute(_OWNER, {"b_job": job_id}).scalar_one_or_none() != principal:
        raise JobUnknown("There is no such job.")


def _running(tx: Connection, job_ids: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Return for each job how many of its items run, and when the first of them was begun."""
    if not job_ids:
        return {}
    rows = tx.execute(_RUNNING, {"b_jobs": job_ids})
    return {job_id: (count, begun) for job_id, count, begun in rows}


def _job_of(row: Row[*tuple[object, ...]], *, running: tuple[int, int | None]) -> JobRecord:
    count, begun = running
    return JobRecord(
        id=row.id,
        principal=row.principal,
        state=JobState(row.state),
        counts=Counts(row.total, row.succeeded, row.failed, row.cancelled, row.expired),
        running=count,
        models=tuple(json.loads(row.models)),
        images=row.images,
        options=json.loads(row.options),
        priority=JobPriority(row.priority),
        webhook=row.webhook,
        retry_of=row.retry_of,
        event_seq=row.event_seq,
        created_at_us=row.created_at,
        started_at_us=row.started_at if row.started_at is not None else begun,
        finished_at_us=row.finished_at,
        cancelled_at_us=row.cancelled_at,
        deadline_at_us=row.deadline_at,
        keep=row.keep,
    )


def _items() -> Select[*tuple[object, ...]]:
    place = and_(job_image.c.job_id == item.c.job_id, job_image.c.position == item.c.position)
    columns = (job_image.c.file_name, job_image.c.source_url, job_image.c.sha256, job_image.c.blob_key)
    joined = item.join(job_image, place).outerjoin(result, result.c.item_id == item.c.id)
    return select(item, *columns, result.c.prediction).select_from(joined)


def _item_of(row: Row[*tuple[object, ...]]) -> ItemRecord:
    return ItemRecord(
        id=row.id,
        job_id=row.job_id,
        position=row.position,
        model_index=row.model_index,
        model=row.model,
        digest=row.digest,
        state=ItemState(row.state),
        attempt=row.attempt,
        file_name=row.file_name,
        source_url=row.source_url,
        sha256=row.sha256,
        blob_key=row.blob_key,
        error_code=row.error_code,
        error_detail=row.error_detail,
        prediction=row.prediction,
        event_seq=row.event_seq,
        created_at_us=row.created_at,
        started_at_us=row.started_at,
        finished_at_us=row.finished_at,
    )


def _queue_rows(
    lines: Sequence[Row[*tuple[object, ...]]], ended: Mapping[tuple[str, str], int], *, now: int
) -> tuple[QueueRow, ...]:
    """Return a row for each model with open items, or with items that ended lately."""
    found = {place: QueueRow(*place, 0, 0, None, ended_recently=count) for place, count in ended.items()}
    for line in lines:
        model, digest, state, count, oldest = line.model, line.digest, line.state, line.items, line.oldest
        before = found.get((model, digest), QueueRow(model, digest, 0, 0, None))
        is_queued = state == ItemState.QUEUED.value
        found[model, digest] = QueueRow(
            model,
            digest,
            queued=count if is_queued else before.queued,
            running=before.running if is_queued else count,
            oldest_age_s=(now - oldest) / _SECOND_US if is_queued else before.oldest_age_s,
            ended_recently=before.ended_recently,
        )
    return tuple(found[key] for key in sorted(found))


def _worker_of(row: Row[*tuple[object, ...]]) -> WorkerRecord:
    return WorkerRecord(
        id=row.id,
        host=row.host,
        pid=row.pid,
        models=json.loads(row.models),
        concurrency=row.concurrency,
        running=row.running,
        started_at_us=row.started_at,
        seen_at_us=row.seen_at,
    )
