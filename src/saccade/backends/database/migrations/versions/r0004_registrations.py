"""Models that registered themselves; times of computing to more than seven digits on MySQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def _set_precision(kind: sa.types.TypeEngine[float]) -> None:
    """Change the type of the column where it means another one than on the other databases."""
    if op.get_bind().dialect.name in {"mysql", "mariadb"}:
        op.alter_column("usage_event", "compute_ms", type_=kind, existing_type=sa.Float(), existing_nullable=False)


def upgrade() -> None:
    """Make the table, and widen the column."""
    _set_precision(sa.Double())
    op.create_table(
        "model_registration",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("labels", LONG_TEXT, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("license", sa.String(length=100)),
        sa.Column("threshold", sa.Double()),
        sa.Column("timeout_s", sa.Double(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
        sa.UniqueConstraint("place"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    """Drop the table; services that are still there register again."""
    _set_precision(sa.Float())
    op.drop_table("model_registration")
