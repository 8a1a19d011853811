"""What workers do: claim, keep, finish. Every write is fenced by owner, attempt and state."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Connection, Row, String, and_, bindparam, func, select, update

from saccade.backends.database.candidates import candidates
from saccade.backends.database.clock import now_us
from saccade.backends.database.conditions import IS_QUEUED, IS_RUNNING
from saccade.backends.database.connection import Database
from saccade.backends.database.endings import CHUNK, Ending, end_items
from saccade.backends.database.keeping import keep_images, kept_image
from saccade.backends.database.schema import item, job, job_image
from saccade.errors import ImageErased
from saccade.failpoints import pass_failpoint
from saccade.images.records import NewImage
from saccade.jobs.records import Claim, Expired, Failed, HandedBack, Outcome, Succeeded, TryAgain
from saccade.jobs.states import ItemState

_SECOND_US = 1_000_000
#: An item fails with its third crash: the first was perhaps a neighbour's fault, the others were its own.
CRASHES_TO_FAIL = 3

# Statements are built once: building them anew costs more than running them.
_IDS = item.c.id.in_(bindparam("ids", expanding=True, type_=BigInteger))
_IS_MINE = and_(IS_RUNNING, item.c.lease_owner == bindparam("b_owner", type_=String))
_CLAIM = (
    update(item)
    .where(_IDS, IS_QUEUED)
    .values(
        state=ItemState.RUNNING.value,
        attempt=item.c.attempt + 1,
        lease_owner=bindparam("b_owner", type_=String),
        lease_until=bindparam("b_until", type_=BigInteger),
        started_at=bindparam("b_now", type_=BigInteger),
    )
)
_CLAIMED = (
    select(
        item,
        job_image.c.file_name,
        job_image.c.source_url,
        job_image.c.sha256,
        job_image.c.blob_key,
        job.c.options,
        job.c.keep,
    )
    .select_from(
        item.join(job_image, and_(job_image.c.job_id == item.c.job_id, job_image.c.position == item.c.position)).join(
            job, job.c.id == item.c.job_id
        )
    )
    .where(_IDS, _IS_MINE)
    .order_by(item.c.priority, item.c.not_before, item.c.id)
)
_EXTEND = update(item).where(_IDS, _IS_MINE).values(lease_until=bindparam("b_until", type_=BigInteger))
_MINE = select(item.c.id).where(_IDS, _IS_MINE)
_HELD = select(item.c.id, item.c.attempt).where(_IDS, _IS_MINE).order_by(item.c.id).with_for_update()


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

        def work(tx: Connection) -> tuple[list[Claim], dict[str, str]]:
            now, seen = now_us(tx), {}
            for digest in digests[start:] + digests[:start]:
                ids, seen[digest] = candidates(tx, digest, after=last.get(digest, ""), most=most, now=now)
                if ids:
                    claims = _take(tx, ids, owner=owner, now=now, lease_us=int(lease_s * _SECOND_US))
                    pass_failpoint("claim.before_commit")
                    return claims, seen
            return [], seen

        claims, seen = self._database.write(work)
        with self._lock:
            self._last_principal.update(seen)
        if claims:
            pass_failpoint("claim.after_commit")
        return claims

    def extend(self, owner: str, item_ids: Sequence[int], *, lease_s: float) -> set[int]:
        """Lengthen leases; see the port."""

        def work(tx: Connection) -> set[int]:
            until = now_us(tx) + int(lease_s * _SECOND_US)
            mine: set[int] = set()
            for start in range(0, len(item_ids), CHUNK):
                held = {"ids": item_ids[start : start + CHUNK], "b_owner": owner}
                tx.execute(_EXTEND, {**held, "b_until": until})
                mine.update(tx.execute(_MINE, held).scalars())
            return mine

        return self._database.write(work) if item_ids else set()

    def finish(self, owner: str, outcomes: Sequence[Outcome]) -> set[int]:
        """Write what became of items; see the port."""

        def work(tx: Connection) -> set[int]:
            now = now_us(tx)
            accepted = keep_images(tx, outcomes, _accepted(tx, owner, outcomes), now=now)
            endings = [ending for outcome in accepted for ending in [_ending_of(outcome)] if ending is not None]
            end_items(tx, endings, now=now)
            ended = {ending.item_id for ending in endings}
            again = [_return_row(outcome, now=now) for outcome in accepted if outcome.claim.id not in ended]
            if again:
                tx.execute(_RETURN, again)
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
                .where(place, job_image.c.blob_key.is_(None), job_image.c.source_url.is_not(None))
                .values(sha256=sha256, blob_key=blob_key, size_bytes=size_bytes)
            )
            if noted.rowcount:
                return None
            row = tx.execute(select(job_image.c.blob_key, job_image.c.source_url).where(place)).one_or_none()
            if row is not None and row.source_url is None:
                raise ImageErased("Its owner erased the image.")
            known: str | None = None if row is None else row.blob_key
            return None if known == blob_key else known  # ours, if an earlier run of this was committed unheard

        return self._database.write(work)

    def remembered(self, principal: str, sha256: str) -> NewImage | None:
        """Return what a record says of its bytes; see the port."""
        return self._database.read(lambda tx: kept_image(tx, principal, sha256))


def _take(tx: Connection, ids: Sequence[int], *, owner: str, now: int, lease_us: int) -> list[Claim]:
    """Claim what is still queued of these, and read what is needed to work on it."""
    tx.execute(_CLAIM, {"ids": ids, "b_owner": owner, "b_until": now + lease_us, "b_now": now})
    return [_claim_of(row, now=now) for row in tx.execute(_CLAIMED, {"ids": ids, "b_owner": owner})]


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
        keep=row.keep,
    )


def _accepted(tx: Connection, owner: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of items that are still the owner's at the attempt that it claimed, and lock their rows.

    Of two outcomes of one item the first counts.
    """
    attempts: dict[int, int] = {}
    ids = sorted({outcome.claim.id for outcome in outcomes})
    for start in range(0, len(ids), CHUNK):
        rows = tx.execute(_HELD, {"ids": ids[start : start + CHUNK], "b_owner": owner})
        attempts.update({row.id: row.attempt for row in rows})
    return [outcome for outcome in outcomes if attempts.pop(outcome.claim.id, None) == outcome.claim.attempt]


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


_RETURN = (
    update(item)
    .where(item.c.id == bindparam("b_id"), IS_RUNNING)
    .values(
        state=ItemState.QUEUED.value,
        attempt=item.c.attempt - bindparam("b_untried"),
        crash_count=item.c.crash_count + bindparam("b_crashed"),
        not_before=func.coalesce(bindparam("b_not_before", type_=BigInteger), item.c.not_before),
        lease_owner=None,
        lease_until=None,
        hinted_at=0,
    )
)


def _return_row(outcome: Outcome, *, now: int) -> dict[str, object]:
    """Return how an item goes back: later and with its attempt counted, or as if it had never been claimed."""
    again = outcome if isinstance(outcome, TryAgain) else None
    return {
        "b_id": outcome.claim.id,
        "b_untried": 1 if isinstance(outcome, HandedBack) else 0,
        "b_crashed": 1 if again and again.crashed else 0,
        "b_not_before": now + int(again.delay_s * _SECOND_US) if again else None,
    }
