"""Access and usage: accounts, keys with sessions, one row a request, and the service that a job came through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create(name: str, *parts: SchemaItem, is_numbered: bool = False) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        sqlite_autoincrement=is_numbered,
    )


def upgrade() -> None:
    """Make the tables and columns."""
    for name in ("job", "usage_event"):
        op.add_column(name, sa.Column("service", sa.String(length=64), nullable=False, server_default="saccade"))
    _create(
        "account",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.String(length=255), nullable=False),
        sa.Column("full_name", sa.String(length=255)),
        sa.Column("email", sa.String(length=255)),
        sa.Column("agency", sa.String(length=255)),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _create(
        "access_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("owner_name", sa.String(length=255), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(length=255)),
        sa.Column("scopes", sa.Text()),
        sa.Column("service", sa.String(length=64)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("rotated_from", sa.String(length=32)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("disabled_by", sa.String(length=255)),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_key_owner", "access_key", ["owner", "kind", "id"])
    _create(
        "ledger_batch",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ledger_batch_created", "ledger_batch", ["created_at"])
    _create(
        "request_event",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("latency_class", sa.SmallInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        is_numbered=True,
    )
    op.create_index(
        "ix_request_principal", "request_event", ["principal", "created_at", "status", "bytes_in", "service"]
    )
    op.create_index(
        "ix_request_route",
        "request_event",
        ["route", "model", "method", "status", "latency_class", "created_at", "bytes_in", "service"],
    )
    op.create_index("ix_request_created", "request_event", ["created_at", "status", "service"])
    op.drop_index("ix_usage_principal", "usage_event")
    op.create_index(
        "ix_usage_principal",
        "usage_event",
        ["principal", "created_at", "outcome", "cached", "pixels", "compute_ms", "service"],
    )
    op.create_index(
        "ix_usage_model",
        "usage_event",
        ["model", "outcome", "cached", "created_at", "item_id", "pixels", "compute_ms", "service"],
    )


def downgrade() -> None:
    """Drop them; who came in with an account or a key cannot any more."""
    op.drop_index("ix_usage_model", "usage_event")
    op.drop_index("ix_usage_principal", "usage_event")
    op.create_index("ix_usage_principal", "usage_event", ["principal", "created_at"])
    op.drop_table("request_event")
    op.drop_table("ledger_batch")
    op.drop_table("access_key")
    op.drop_table("account")
    for name in ("usage_event", "job"):
        op.drop_column(name, "service")
