"""What workers do: claim, keep, finish. Every write is fenced by owner, attempt and state."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, or_, select, update

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.endings import CHUNK, Ending, end_items
from saccade.backends.database.schema import item, job, job_image
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import Claim, Expired, Failed, HandedBack, Outcome, Succeeded, TryAgain
from saccade.jobs.states import ItemState

_SECOND_US = 1_000_000
#: Principals that are looked at for one claim.
_PRINCIPALS = 16
#: An item fails with its third crash: the first was perhaps a neighbour's fault, the others were its own.
CRASHES_TO_FAIL = 3


class SqlClaims:
    """``Claims`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database
        self._lock = threading.Lock()
        self._last_principal: dict[str, str] = {}
        self._turn = 0

    def claim(self, owner: str, held: Mapping[str, str], *, most: int, lease_s: float) -> list[Claim]:
        """Take items of one model; see the port."""
        digests = sorted(set(held.values()))
        with self._lock:
            self._turn += 1
            start = self._turn % max(1, len(digests))
            last = dict(self._last_principal)

        def work(tx: Connection) -> tuple[list[Claim], str, str]:
            now = now_us(tx)
            for digest in digests[start:] + digests[:start]:
                ids, principal = _candidates(tx, digest, after=last.get(digest, ""), most=most, now=now)
                if ids:
                    claims = _take(tx, ids, owner=owner, now=now, lease_us=int(lease_s * _SECOND_US))
                    pass_failpoint("claim.before_commit")
                    return claims, digest, principal
            return [], "", ""

        claims, digest, principal = self._database.write(work)
        with self._lock:
            self._last_principal[digest] = principal
        if claims:
            pass_failpoint("claim.after_commit")
        return claims

    def extend(self, owner: str, item_ids: Sequence[int], *, lease_s: float) -> set[int]:
        """Lengthen leases; see the port."""

        def work(tx: Connection) -> set[int]:
            until = now_us(tx) + int(lease_s * _SECOND_US)
            mine: set[int] = set()
            for start in range(0, len(item_ids), CHUNK):
                held = and_(item.c.id.in_(item_ids[start : start + CHUNK]), _held_by(owner))
                tx.execute(update(item).where(held).values(lease_until=until))
                mine.update(tx.execute(select(item.c.id).where(held)).scalars())
            return mine

        return self._database.write(work)

    def finish(self, owner: str, outcomes: Sequence[Outcome]) -> set[int]:
        """Write what became of items; see the port."""

        def work(tx: Connection) -> set[int]:
            now = now_us(tx)
            accepted = _accepted(tx, owner, outcomes)
            endings = [ending for outcome in accepted for ending in [_ending_of(outcome)] if ending is not None]
            end_items(tx, endings, now=now)
            ended = {ending.item_id for ending in endings}
            again = [_return_row(outcome, now=now) for outcome in accepted if outcome.claim.id not in ended]
            if again:
                tx.execute(_RETURN_ITEM, again)
            pass_failpoint("finish.before_commit")
            return {outcome.claim.id for outcome in accepted}

        accepted = self._database.write(work)
        pass_failpoint("finish.after_commit")
        return accepted

    def image_arrived(self, claim: Claim, *, sha256: str, blob_key: str, size_bytes: int) -> str | None:
        """Note where the bytes of a fetched image lie; see the port."""
        place = and_(job_image.c.job_id == claim.job_id, job_image.c.position == claim.position)

        def work(tx: Connection) -> str | None:
            noted = tx.execute(
                update(job_image)
                .where(place, job_image.c.blob_key.is_(None))
                .values(sha256=sha256, blob_key=blob_key, size_bytes=size_bytes)
            )
            if noted.rowcount:
                return None
            return tx.execute(select(job_image.c.blob_key).where(place)).scalar_one_or_none()

        return self._database.write(work)


def _held_by(owner: str) -> ColumnElement[bool]:
    return and_(item.c.state == ItemState.RUNNING.value, item.c.lease_owner == owner)


def _candidates(tx: Connection, digest: str, *, after: str, most: int, now: int) -> tuple[list[int], str]:
    """Return ids that may be claimed, locked where the database can, in turns over the principals that wait.

    Returns:
        The ids, and the last principal that was looked at: the next claim begins behind it.
    """
    principals = _waiting_principals(tx, digest, after=after, most=min(most, _PRINCIPALS))
    if not principals:
        return [], after
    share = -(-most // len(principals))
    taken: list[int] = []
    served = principals[0]
    for principal in principals:
        room = min(share, most - len(taken))
        if room <= 0:
            break
        taken += _due(tx, digest, principal, most=room, but=(), now=now)
        served = principal
    for principal in principals:  # what some did not need goes to the others
        room = most - len(taken)
        if room > 0:
            taken += _due(tx, digest, principal, most=room, but=taken, now=now)
    return taken, served


def _waiting_principals(tx: Connection, digest: str, *, after: str, most: int) -> list[str]:
    """Return who waits for a model: those behind ``after`` first, then around. One index probe each."""
    found: list[str] = []
    queued = and_(item.c.state == ItemState.QUEUED.value, item.c.digest == digest)
    for first, last in ((after, None), ("", after)):
        cursor = first
        while len(found) < most:
            beyond = item.c.principal > cursor if last is None or cursor else item.c.principal >= cursor
            ahead = select(func.min(item.c.principal)).where(queued, beyond)
            if last is not None:
                ahead = ahead.where(item.c.principal <= last)
            principal = tx.execute(ahead).scalar_one_or_none()
            if principal is None:
                break
            found.append(principal)
            cursor = principal
        if not after:
            break
    return found


def _due(tx: Connection, digest: str, principal: str, *, most: int, but: Sequence[int], now: int) -> list[int]:
    """Return and lock a principal's items that may run now: by priority, then by age."""
    query = (
        select(item.c.id)
        .where(
            item.c.state == ItemState.QUEUED.value,
            item.c.digest == digest,
            item.c.principal == principal,
            item.c.not_before <= now,
            or_(item.c.deadline_at.is_(None), item.c.deadline_at > now),
        )
        .order_by(item.c.priority, item.c.not_before, item.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    if but:
        query = query.where(item.c.id.not_in(but))
    return list(tx.execute(query).scalars())


def _take(tx: Connection, ids: Sequence[int], *, owner: str, now: int, lease_us: int) -> list[Claim]:
    """Claim what is still queued of these, and read what is needed to work on it."""
    chosen = item.c.id.in_(ids)
    tx.execute(
        update(item)
        .where(chosen, item.c.state == ItemState.QUEUED.value)
        .values(
            state=ItemState.RUNNING.value,
            attempt=item.c.attempt + 1,
            lease_owner=owner,
            lease_until=now + lease_us,
            started_at=now,
        )
    )
    place = and_(job_image.c.job_id == item.c.job_id, job_image.c.position == item.c.position)
    images = (job_image.c.file_name, job_image.c.source_url, job_image.c.sha256, job_image.c.blob_key)
    rows = tx.execute(
        select(item, *images, job.c.options)
        .select_from(item.join(job_image, place).join(job, job.c.id == item.c.job_id))
        .where(chosen, _held_by(owner))
        .order_by(item.c.priority, item.c.not_before, item.c.id)
    )
    return [_claim_of(row, now=now) for row in rows]


def _claim_of(row: Row[*tuple[object, ...]], *, now: int) -> Claim:
    return Claim(
        id=row.id,
        job_id=row.job_id,
        principal=row.principal,
        position=row.position,
        model=row.model,
        digest=row.digest,
        options=json.loads(row.options),
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        crash_count=row.crash_count,
        deadline_in_s=None if row.deadline_at is None else (row.deadline_at - now) / _SECOND_US,
        waited_s=max(0, now - row.not_before) / _SECOND_US,
        file_name=row.file_name,
        source_url=row.source_url,
        sha256=row.sha256,
        blob_key=row.blob_key,
    )


def _accepted(tx: Connection, owner: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of items that are still the owner's at the attempt that it claimed, and lock their rows."""
    attempts: dict[int, int] = {}
    ids = sorted(outcome.claim.id for outcome in outcomes)
    for start in range(0, len(ids), CHUNK):
        rows = tx.execute(
            select(item.c.id, item.c.attempt)
            .where(item.c.id.in_(ids[start : start + CHUNK]), _held_by(owner))
            .order_by(item.c.id)
            .with_for_update()
        )
        attempts.update({row.id: row.attempt for row in rows})
    return [outcome for outcome in outcomes if attempts.get(outcome.claim.id) == outcome.claim.attempt]


def _ending_of(outcome: Outcome) -> Ending | None:
    """Return how the item ends by this outcome; None if it goes back into the queue."""
    claim = outcome.claim
    base = (claim.principal, claim.model, claim.digest, claim.attempt)
    match outcome:
        case Succeeded():
            return Ending(
                claim.id,
                claim.job_id,
                ItemState.SUCCEEDED,
                *base,
                prediction=outcome.prediction,
                pixels=outcome.pixels,
                compute_ms=outcome.compute_ms,
                cached=outcome.cached,
            )
        case Failed():
            return _failure(claim, outcome.code, outcome.detail, pixels=outcome.pixels, compute_ms=outcome.compute_ms)
        case Expired():
            return Ending(claim.id, claim.job_id, ItemState.EXPIRED, *base, error_code="deadline_passed")
        case TryAgain(crashed=True) if claim.crash_count + 1 >= CRASHES_TO_FAIL:
            return _failure(claim, "worker_crashed", outcome.detail)
        case TryAgain() if claim.attempt >= claim.max_attempts:
            return _failure(claim, outcome.code, f"{outcome.detail} That was attempt {claim.attempt}, the last one.")
        case _:
            return None


def _failure(claim: Claim, code: str, detail: str, *, pixels: int = 0, compute_ms: float = 0.0) -> Ending:
    return Ending(
        claim.id,
        claim.job_id,
        ItemState.FAILED,
        claim.principal,
        claim.model,
        claim.digest,
        claim.attempt,
        error_code=code,
        error_detail=detail,
        pixels=pixels,
        compute_ms=compute_ms,
    )


_RETURN_ITEM = (
    update(item)
    .where(item.c.id == bindparam("b_id"), item.c.state == ItemState.RUNNING.value)
    .values(
        state=ItemState.QUEUED.value,
        attempt=item.c.attempt - bindparam("b_untried"),
        crash_count=item.c.crash_count + bindparam("b_crashed"),
        not_before=bindparam("b_not_before"),
        lease_owner=None,
        lease_until=None,
        hinted_at=None,
    )
)


def _return_row(outcome: Outcome, *, now: int) -> dict[str, object]:
    """Return how an item goes back: later and with its attempt counted, or as if it had never been claimed."""
    again = outcome if isinstance(outcome, TryAgain) else None
    waited_us = int(outcome.claim.waited_s * _SECOND_US)
    return {
        "b_id": outcome.claim.id,
        "b_untried": 1 if isinstance(outcome, HandedBack) else 0,
        "b_crashed": 1 if again and again.crashed else 0,
        "b_not_before": now + int(again.delay_s * _SECOND_US) if again else now - waited_us,
    }
