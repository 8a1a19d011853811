"""Every table once. Times are microseconds since 1970, UTC; texts are equal only if their letters are.

``migrations/`` brings a database to this shape; a test holds the two against each other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Float,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    false,
)

from saccade.backends.database.model_tables import evaluation as evaluation  # noqa: PLC0414 - offered here too
from saccade.backends.database.model_tables import model_alias as model_alias  # noqa: PLC0414 - offered here too
from saccade.backends.database.model_tables import model_promotion as model_promotion  # noqa: PLC0414 - offered here too
from saccade.backends.database.model_tables import (
    model_registration as model_registration,  # noqa: PLC0414 - offered here too
)
from saccade.backends.database.tables import (
    ID,
    LONG_TEXT,
    NAME,
    SERIAL,
    SERVICE,
    STATE,
    WORD,
    partial,
    table,
)
from saccade.backends.database.tables import metadata as metadata  # noqa: PLC0414 - offered here too

#: Revision of the newest migration; ``saccade migrate`` and the check at start compare with it.
HEAD = "0004"

#: Name of a service that was given none.
DEFAULT_SERVICE = "saccade"

job = table(
    "job",
    Column("id", ID, primary_key=True),
    Column("principal", NAME, nullable=False),
    Column("state", STATE, nullable=False),
    Column("total", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("cancelled", Integer, nullable=False, default=0),
    Column("expired", Integer, nullable=False, default=0),
    Column("event_seq", Integer, nullable=False, default=0),  # items that have ended: each gets the next number
    Column("images", Integer, nullable=False),
    Column("models", LONG_TEXT, nullable=False),  # JSON list of references
    Column("options", LONG_TEXT, nullable=False),  # JSON object
    Column("priority", SmallInteger, nullable=False),
    Column("webhook", Text),
    Column("retry_of", ID),
    Column("request_id", NAME),
    Column("service", SERVICE, nullable=False, server_default=DEFAULT_SERVICE),
    Column("keep", Boolean, nullable=False, server_default=false()),  # whether its images become records that last
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("cancelled_at", BigInteger),
    Column("deadline_at", BigInteger),
    Index("ix_job_principal", "principal", "id"),
    Index("ix_job_open", "state", "principal"),
    Index("ix_job_finished", "finished_at"),
)

job_image = table(
    "job_image",
    Column("job_id", ID, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("principal", NAME, nullable=False),
    Column("file_name", String(1024)),
    Column("source_url", Text),
    Column("sha256", String(64)),  # null until a picture from a URL was fetched
    Column("blob_key", String(128)),
    Column("size_bytes", BigInteger),
    Index("ix_job_image_hash", "principal", "sha256"),
    Index("ix_job_image_blob", "blob_key"),
)

item = table(
    "item",
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("job_id", ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("model_index", SmallInteger, nullable=False),
    Column("principal", NAME, nullable=False),
    Column("model", String(200), nullable=False),
    Column("digest", String(80), nullable=False),  # of the package, pinned when the job was accepted
    Column("state", STATE, nullable=False),
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
    partial("ix_item_event", "job_id", "event_seq", where="event_seq IS NOT NULL"),
    partial("ix_item_claim", "state", "digest", "principal", "priority", "not_before", "id", where="state = 'queued'"),
    partial("ix_item_hint", "state", "hinted_at", where="state = 'queued'"),
    partial("ix_item_deadline", "state", "deadline_at", where="state = 'queued' AND deadline_at IS NOT NULL"),
    partial("ix_item_lease", "state", "lease_until", where="state = 'running'"),
    partial("ix_item_running", "job_id", "state", where="state = 'running'"),
    is_numbered=True,
)

result = table(
    "result",
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", ID, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("prediction", LONG_TEXT, nullable=False),
)

usage_event = table(
    "usage_event",
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("item_id", BigInteger, unique=True),  # null for what was answered at once
    Column("principal", NAME, nullable=False),
    Column("model", String(200), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("outcome", STATE, nullable=False),
    Column("pixels", BigInteger, nullable=False),
    Column("compute_ms", Float().with_variant(Double, "mysql", "mariadb"), nullable=False),  # FLOAT has 7 digits
    Column("cached", Boolean, nullable=False),
    Column("service", SERVICE, nullable=False, server_default=DEFAULT_SERVICE),
    Column("created_at", BigInteger, nullable=False),
    # A report reads these from end to end and sorts nothing: what it sums up stands in them.
    Index("ix_usage_principal", "principal", "created_at", "outcome", "cached", "pixels", "compute_ms", "service"),
    Index("ix_usage_model", "model", "outcome", "cached", "created_at", "item_id", "pixels", "compute_ms", "service"),
    Index("ix_usage_created", "created_at"),
    is_numbered=True,
)

idempotency = table(
    "idempotency",
    Column("principal", NAME, primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("token", ID, nullable=False),  # of the request that holds the key
    Column("job_id", ID),  # null while that request is being worked on
    Column("reserved_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_idempotency_expires", "expires_at"),
    Index("ix_idempotency_job", "job_id"),
)

garbage = table(
    "garbage",
    Column("blob_key", String(128), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

worker = table(
    "worker",
    Column("id", String(128), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("models", LONG_TEXT, nullable=False),  # JSON object: reference to digest
    Column("concurrency", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

delivery = table(
    "delivery",
    Column("id", ID, primary_key=True),
    Column("job_id", ID, nullable=False),
    Column("principal", NAME, nullable=False),
    Column("url", Text, nullable=False),
    Column("event", String(64), nullable=False),
    Column("state", STATE, nullable=False),
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

webhook_secret = table(
    "webhook_secret",
    Column("principal", NAME, primary_key=True),
    Column("secret", String(128), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

account = table(
    "account",
    Column("name", String(128), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("roles", String(255), nullable=False),  # separated by commas, sorted
    Column("full_name", String(255)),
    Column("email", String(255)),
    Column("agency", String(255)),
    Column("is_disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

access_key = table(
    "access_key",
    Column("id", String(32), primary_key=True),  # sorts by time
    Column("kind", String(16), nullable=False),
    Column("owner", NAME, nullable=False),
    Column("owner_name", NAME, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("roles", String(255)),  # null: those of the owner's account
    Column("scopes", Text),  # JSON list; null for sessions
    Column("service", String(64)),
    Column("detail", Text, nullable=False),
    Column("rotated_from", String(32)),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("disabled_at", BigInteger),
    Column("disabled_by", NAME),
    Column("last_used_at", BigInteger),
    Index("ix_access_key_owner", "owner", "kind", "id"),
)

ledger_batch = table(
    "ledger_batch",
    Column("id", ID, primary_key=True),  # of rows that were written together: a batch sent twice is kept once
    Column("created_at", BigInteger, nullable=False),
    Index("ix_ledger_batch_created", "created_at"),
)

request_event = table(
    "request_event",
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("service", SERVICE, nullable=False),
    Column("principal", NAME, nullable=False),
    Column("user_name", NAME, nullable=False),
    Column("via", String(16), nullable=False),
    Column("method", String(8), nullable=False),
    Column("route", String(200), nullable=False),  # the template, not the path
    Column("model", String(200), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("latency_class", SmallInteger, nullable=False),  # of duration_us, so that histograms are one GROUP BY
    Column("request_id", String(128), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # A report reads these from end to end and sorts nothing: what it sums up stands in them.
    Index("ix_request_principal", "principal", "created_at", "status", "bytes_in", "service"),
    Index(
        "ix_request_route", "route", "model", "method", "status", "latency_class", "created_at", "bytes_in", "service"
    ),
    Index("ix_request_created", "created_at", "status", "service"),
    is_numbered=True,
)

#: One picture of one owner. Nothing is shared between owners: an owner's statements name the owner in the key they use.
#: Where an owner is not the first of a key, admins use it too; ``ix_image_all`` are for those, who see everybody's.
image = table(
    "image",
    Column("id", SERIAL, primary_key=True, autoincrement=True),  # grows with time; never shown
    Column("owner", NAME, nullable=False),
    Column("sha256", String(64), nullable=False),  # the id that clients see
    Column("md5", String(32), nullable=False),
    Column("sha1", String(40), nullable=False),
    Column("phash", BigInteger, nullable=False),  # 64 bits, read as a signed number
    Column("phash_0", Integer, nullable=False),  # its highest 16 bits; whoever differs little is equal in some quarter
    Column("phash_1", Integer, nullable=False),
    Column("phash_2", Integer, nullable=False),
    Column("phash_3", Integer, nullable=False),
    Column("format", String(16), nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("blob_key", String(128), nullable=False),
    Column("file_names", LONG_TEXT, nullable=False),  # JSON list, first seen first
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ux_image_hash", "sha256", "owner", unique=True),
    Index("ix_image_owner", "owner", "id", "size_bytes", "created_at"),
    Index("ix_image_md5", "md5", "owner", "id"),
    Index("ix_image_created", "owner", "created_at", "id"),
    Index("ix_image_size", "owner", "size_bytes", "id"),
    Index("ix_image_all_created", "created_at", "id"),
    Index("ix_image_all_size", "size_bytes", "id"),
    Index("ix_image_blob", "blob_key"),
    Index("ix_image_phash_0", "phash_0", "owner", "phash", "id"),
    Index("ix_image_phash_1", "phash_1", "owner", "phash", "id"),
    Index("ix_image_phash_2", "phash_2", "owner", "phash", "id"),
    Index("ix_image_phash_3", "phash_3", "owner", "phash", "id"),
    is_numbered=True,
)

#: What one version of a model said of an image; written with all its objects and labels, or not at all.
image_prediction = table(
    "image_prediction",
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("image_id", BigInteger, nullable=False),
    Column("model_name", String(100), nullable=False),
    Column("model", String(200), nullable=False),  # name@version
    Column("digest", String(80), nullable=False),
    Column("task", String(64), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("options", LONG_TEXT, nullable=False),  # JSON object
    Column("prediction", LONG_TEXT, nullable=False),  # JSON as clients see it
    Column("is_newest", Boolean, nullable=False),  # of this model's versions on this image: what is shown by default
    Column("created_at", BigInteger, nullable=False),
    Index("ux_image_prediction", "image_id", "model", unique=True),
    is_numbered=True,
)

image_object = table(
    "image_object",
    Column("id", ID, primary_key=True),
    Column("prediction_id", BigInteger, nullable=False),
    Column("image_id", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),  # best score first
    Column("label", String(255), nullable=False),
    Column("score", Double, nullable=False),
    Column("x_min", Double, nullable=False),
    Column("y_min", Double, nullable=False),
    Column("x_max", Double, nullable=False),
    Column("y_max", Double, nullable=False),
    Column("centroid_x", Double, nullable=False),
    Column("centroid_y", Double, nullable=False),
    Column("radius_px", Double, nullable=False),
    Index("ix_image_object_prediction", "prediction_id", "position"),
    Index("ix_image_object_image", "image_id"),
)

#: What search reads: each label that a prediction holds, with its best score. Its keys hold all that search asks.
image_label = table(
    "image_label",
    Column("prediction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("label", String(255), primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("image_id", BigInteger, nullable=False),
    Column("model_name", String(100), nullable=False),
    Column("model", String(200), nullable=False),
    Column("is_newest", Boolean, nullable=False),
    Column("score", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Index("ix_image_label_recent", "label", "owner", "image_id", "model", "is_newest", "score"),
    Index("ix_image_label_score", "label", "owner", "score", "image_id", "model", "is_newest"),
    Index("ix_image_label_model", "owner", "model_name", "image_id", "model", "is_newest", "score"),
    Index("ix_image_label_image", "image_id", "label", "model", "is_newest", "score"),
)

#: Words of file names and labels, for search.
image_word = table(
    "image_word",
    Column("owner", NAME, primary_key=True),
    Column("word", WORD, primary_key=True),
    Column("image_id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_image_word_all", "word", "image_id"),
    Index("ix_image_word_image", "image_id", "word"),
)
