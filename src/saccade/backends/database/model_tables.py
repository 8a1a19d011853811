"""The tables of models: aliases, their history, evaluations, and models that registered themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Text

from saccade.backends.database.tables import ID, LONG_TEXT, NAME, SERIAL, table

#: Which version a name means: ``prod`` is what the bare name means, other aliases are asked for as name@alias.
model_alias = table(
    "model_alias",
    Column("name", String(100), primary_key=True),
    Column("alias", String(32), primary_key=True),
    Column("model", String(200), nullable=False),  # name@version
    Column("digest", String(80), nullable=False),
    Column("promotion_id", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

#: Every change of an alias, and what it rested on. Nothing here is ever changed.
model_promotion = table(
    "model_promotion",
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    Column("alias", String(32), nullable=False),
    Column("model", String(200)),  # null: the alias was taken away
    Column("digest", String(80)),
    Column("replaced", String(200)),  # name@version that the alias meant before
    Column("replaced_digest", String(80)),
    Column("kind", String(16), nullable=False),  # promote or rollback
    Column("condition", Text),
    Column("evaluation_id", String(36)),
    Column("figures", LONG_TEXT),  # JSON object: those that the condition names
    Column("principal", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_model_promotion_alias", "name", "alias", "id"),
    is_numbered=True,
)

#: What an evaluation found, as far as promotion needs to know it.
evaluation = table(
    "evaluation",
    Column("id", ID, primary_key=True),  # sorts by time
    Column("name", String(100), nullable=False),
    Column("model", String(200), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("task", String(64), nullable=False),
    Column("dataset", NAME, nullable=False),  # name and hash of pictures and truth
    Column("images", Integer, nullable=False),
    Column("figures", LONG_TEXT, nullable=False),  # JSON object: name of a figure to its number
    Column("principal", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_evaluation_model", "name", "digest", "id"),
)

#: Services that said that they run a model. Another one takes the row's place only where its owner says so.
model_registration = table(
    "model_registration",
    Column("name", String(100), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("place", String(64), nullable=False, unique=True),  # sha256 of who answers: two models cannot be at one
    Column("protocol", String(16), nullable=False),
    Column("model", NAME, nullable=False),  # its name there
    Column("task", String(64), nullable=False),
    Column("labels", LONG_TEXT, nullable=False),  # JSON list
    Column("description", Text, nullable=False),
    Column("license", String(100)),
    Column("threshold", Double),
    Column("timeout_s", Double, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("principal", NAME, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
