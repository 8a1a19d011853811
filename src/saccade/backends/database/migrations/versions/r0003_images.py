"""Images that last, with what models said of them; aliases of models, and what their promotion rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.schema import SchemaItem

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")
# A beginning of a word is a range of words, so they are ordered by their letters' numbers on every database.
WORD = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")

_TABLES = (
    "image",
    "image_prediction",
    "image_object",
    "image_label",
    "image_word",
    "model_alias",
    "model_promotion",
    "evaluation",
)


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
    """Make the tables and the column."""
    op.add_column("job", sa.Column("keep", sa.Boolean(), nullable=False, server_default=sa.false()))
    _upgrade_images()
    _upgrade_models()


def _upgrade_images() -> None:
    """Make the tables of images."""
    _create(
        "image",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("sha1", sa.String(length=40), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("phash_0", sa.Integer(), nullable=False),
        sa.Column("phash_1", sa.Integer(), nullable=False),
        sa.Column("phash_2", sa.Integer(), nullable=False),
        sa.Column("phash_3", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", sa.String(length=128), nullable=False),
        sa.Column("file_names", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        is_numbered=True,
    )
    op.create_index("ix_image_all_created", "image", ["created_at", "id"])
    op.create_index("ix_image_all_size", "image", ["size_bytes", "id"])
    op.create_index("ix_image_blob", "image", ["blob_key"])
    op.create_index("ix_image_created", "image", ["owner", "created_at", "id"])
    op.create_index("ix_image_md5", "image", ["md5", "owner", "id"])
    op.create_index("ix_image_owner", "image", ["owner", "id", "size_bytes", "created_at"])
    op.create_index("ix_image_phash_0", "image", ["phash_0", "owner", "phash", "id"])
    op.create_index("ix_image_phash_1", "image", ["phash_1", "owner", "phash", "id"])
    op.create_index("ix_image_phash_2", "image", ["phash_2", "owner", "phash", "id"])
    op.create_index("ix_image_phash_3", "image", ["phash_3", "owner", "phash", "id"])
    op.create_index("ix_image_size", "image", ["owner", "size_bytes", "id"])
    op.create_index("ux_image_hash", "image", ["sha256", "owner"], unique=True)
    _create(
        "image_prediction",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("options", LONG_TEXT, nullable=False),
        sa.Column("prediction", LONG_TEXT, nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        is_numbered=True,
    )
    op.create_index("ux_image_prediction", "image_prediction", ["image_id", "model"], unique=True)
    _create(
        "image_object",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("prediction_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("x_min", sa.Double(), nullable=False),
        sa.Column("y_min", sa.Double(), nullable=False),
        sa.Column("x_max", sa.Double(), nullable=False),
        sa.Column("y_max", sa.Double(), nullable=False),
        sa.Column("centroid_x", sa.Double(), nullable=False),
        sa.Column("centroid_y", sa.Double(), nullable=False),
        sa.Column("radius_px", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_image_object_image", "image_object", ["image_id"])
    op.create_index("ix_image_object_prediction", "image_object", ["prediction_id", "position"])
    _create(
        "image_label",
        sa.Column("prediction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prediction_id", "label"),
    )
    op.create_index("ix_image_label_image", "image_label", ["image_id", "label", "model", "is_newest", "score"])
    op.create_index(
        "ix_image_label_model", "image_label", ["owner", "model_name", "image_id", "model", "is_newest", "score"]
    )
    op.create_index(
        "ix_image_label_recent", "image_label", ["label", "owner", "image_id", "model", "is_newest", "score"]
    )
    op.create_index(
        "ix_image_label_score", "image_label", ["label", "owner", "score", "image_id", "model", "is_newest"]
    )
    _create(
        "image_word",
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("word", WORD, nullable=False),
        sa.Column("image_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("owner", "word", "image_id"),
    )
    op.create_index("ix_image_word_all", "image_word", ["word", "image_id"])
    op.create_index("ix_image_word_image", "image_word", ["image_id", "word"])


def _upgrade_models() -> None:
    """Make the tables of aliases and evaluations."""
    _create(
        "model_alias",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("alias", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("promotion_id", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "alias"),
    )
    _create(
        "model_promotion",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("alias", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=200)),
        sa.Column("digest", sa.String(length=80)),
        sa.Column("replaced", sa.String(length=200)),
        sa.Column("replaced_digest", sa.String(length=80)),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("condition", sa.Text()),
        sa.Column("evaluation_id", sa.String(length=36)),
        sa.Column("figures", LONG_TEXT),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        is_numbered=True,
    )
    op.create_index("ix_model_promotion_alias", "model_promotion", ["name", "alias", "id"])
    _create(
        "evaluation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=255), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("figures", LONG_TEXT, nullable=False),
        sa.Column("principal", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_evaluation_model", "evaluation", ["name", "digest", "id"])


def downgrade() -> None:
    """Drop them; the blobs of images become ownerless and are swept."""
    for name in reversed(_TABLES):
        op.drop_table(name)
    op.drop_column("job", "keep")
