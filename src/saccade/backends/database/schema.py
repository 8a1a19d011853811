"""Every table once. Times are microseconds since 1970, UTC; texts are equal only if their letters are.

``migrations/`` brings a database to this shape; a test holds the two against each other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.schema import SchemaItem

#: Revision of the newest migration; ``saccade migrate`` and the check at start compare with it.
HEAD = "0001"

metadata = MetaData()

_ID = String(36)
_NAME = String(255)
_STATE = String(9)
_SERIAL = BigInteger().with_variant(Integer, "sqlite")
_LONG_TEXT = Text().with_variant(LONGTEXT, "mysql", "mariadb")


def _table(name: str, *parts: SchemaItem, is_numbered: bool = False) -> Table:  # type: ignore[explicit-any]  # what its columns are called
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        sqlite_autoincrement=is_numbered,  # an id is never given twice, not even after its row was erased
    )


def _partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of the few rows that are looked for; MySQL has none such and indexes all rows.

    What has ended leaves these indexes, so a claim costs the same behind a million ended items. The databases use them
    only where a query has the very same condition written out, not bound.
    """
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


job = _table(
    "job",
    Column("id", _ID, primary_key=True),
    Column("principal", _NAME, nullable=False),
    Column("state", _STATE, nullable=False),
    Column("total", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("cancelled", Integer, nullable=False, default=0),
    Column("expired", Integer, nullable=False, default=0),
    Column("event_seq", Integer, nullable=False, default=0),  # items that have ended: each gets the next number
    Column("images", Integer, nullable=False),
    Column("models", _LONG_TEXT, nullable=False),  # JSON list of references
    Column("options", _LONG_TEXT, nullable=False),  # JSON object
    Column("priority", SmallInteger, nullable=False),
    Column("webhook", Text),
    Column("retry_of", _ID),
    Column("request_id", _NAME),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("cancelled_at", BigInteger),
    Column("deadline_at", BigInteger),
    Index("ix_job_principal", "principal", "id"),
    Index("ix_job_open", "state", "principal"),
    Index("ix_job_finished", "finished_at"),
)

job_image = _table(
    "job_image",
    Column("job_id", _ID, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("principal", _NAME, nullable=False),
    Column("file_name", String(1024)),
    Column("source_url", Text),
    Column("sha256", String(64)),  # null until a picture from a URL was fetched
    Column("blob_key", String(128)),
    Column("size_bytes", BigInteger),
    Index("ix_job_image_hash", "principal", "sha256"),
    Index("ix_job_image_blob", "blob_key"),
)

item = _table(
    "item",
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("job_id", _ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("model_index", SmallInteger, nullable=False),
    Column("principal", _NAME, nullable=False),
    Column("model", String(200), nullable=False),
    Column("digest", String(80), nullable=False),  # of the package, pinned when the job was accepted
    Column("state", _STATE, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),  # counted at the claim
    Column("max_attempts", Integer, nullable=False),
    Column("crash_count", Integer, nullable=False, default=0),  # 1: its worker died; each death alone adds one
    Column("not_before", BigInteger, nullable=False),
    Column("deadline_at", BigInteger),
    Column("lease_owner", String(128)),
    Column("lease_until", BigInteger),
    Column("hinted_at", BigInteger, nullable=False, default=0),  # 0: it needs a hint
    Column("event_seq", Integer),
    Column("error_code", String(64)),
    Column("error_detail", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Index("ux_item_place", "job_id", "position", "model_index", unique=True),
    _partial("ix_item_event", "job_id", "event_seq", where="event_seq IS NOT NULL"),
    _partial("ix_item_claim", "state", "digest", "principal", "priority", "not_before", "id", where="state = 'queued'"),
    _partial("ix_item_hint", "state", "hinted_at", where="state = 'queued'"),
    _partial("ix_item_deadline", "state", "deadline_at", where="state = 'queued' AND deadline_at IS NOT NULL"),
    _partial("ix_item_lease", "state", "lease_until", where="state = 'running'"),
    _partial("ix_item_running", "job_id", "state", where="state = 'running'"),
    is_numbered=True,
)

result = _table(
    "result",
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", _ID, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("prediction", _LONG_TEXT, nullable=False),
)

usage_event = _table(
    "usage_event",
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("item_id", BigInteger, unique=True),  # null for what was answered at once
    Column("principal", _NAME, nullable=False),
    Column("model", String(200), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("outcome", _STATE, nullable=False),
    Column("pixels", BigInteger, nullable=False),
    Column("compute_ms", Float, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_usage_principal", "principal", "created_at"),
    Index("ix_usage_created", "created_at"),
    is_numbered=True,
)

idempotency = _table(
    "idempotency",
    Column("principal", _NAME, primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("token", _ID, nullable=False),  # of the request that holds the key
    Column("job_id", _ID),  # null while that request is being worked on
    Column("reserved_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_idempotency_expires", "expires_at"),
    Index("ix_idempotency_job", "job_id"),
)

garbage = _table(
    "garbage",
    Column("blob_key", String(128), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

worker = _table(
    "worker",
    Column("id", String(128), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("models", _LONG_TEXT, nullable=False),  # JSON object: reference to digest
    Column("concurrency", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

delivery = _table(
    "delivery",
    Column("id", _ID, primary_key=True),
    Column("job_id", _ID, nullable=False),
    Column("principal", _NAME, nullable=False),
    Column("url", Text, nullable=False),
    Column("event", String(64), nullable=False),
    Column("state", _STATE, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_at", BigInteger),
    Column("lease_owner", String(128)),
    Column("lease_until", BigInteger),
    Column("status_code", Integer),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("ix_delivery_due", "state", "next_at"),
    Index("ix_delivery_job", "job_id"),
)

webhook_secret = _table(
    "webhook_secret",
    Column("principal", _NAME, primary_key=True),
    Column("secret", String(128), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
