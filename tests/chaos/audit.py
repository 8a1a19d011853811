"""A witness inside the database: triggers that copy every change of an item, with its time and with who wrote it.

They exist only in databases of chaos runs. What the rows say of themselves could be wrong; the witness cannot be talked
out of it: that a terminal state was left, or that somebody wrote who did not hold the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, select, text

from saccade.backends.database.connection import Database

metadata = MetaData()

_SERIAL = BigInteger().with_variant(Integer, "sqlite")

audit = Table(
    "chaos_audit",
    metadata,
    Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(1), nullable=False),  # i, u, d: insert, update, delete
    Column("item_id", BigInteger, nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("old_state", String(9)),
    Column("new_state", String(9)),
    Column("old_attempt", Integer),
    Column("new_attempt", Integer),
    Column("max_attempts", Integer),
    Column("old_owner", String(128)),
    Column("new_owner", String(128)),
    Column("old_until", BigInteger),
    Column("writer", String(128)),
    mysql_engine="InnoDB",
)

#: For each kind of change: the columns of the witness, read from the row as it was (OLD) and as it is (NEW).
_VALUES = {
    "i": "'i', NEW.id, NEW.job_id, NULL, NEW.state, NULL, NEW.attempt, NEW.max_attempts, NULL, NEW.lease_owner, NULL",
    "u": "'u', NEW.id, NEW.job_id, OLD.state, NEW.state, OLD.attempt, NEW.attempt, NEW.max_attempts, OLD.lease_owner,"
    " NEW.lease_owner, OLD.lease_until",
    "d": "'d', OLD.id, OLD.job_id, OLD.state, NULL, OLD.attempt, NULL, OLD.max_attempts, OLD.lease_owner, NULL,"
    " OLD.lease_until",
}
_EVENTS = {"i": "INSERT", "u": "UPDATE", "d": "DELETE"}
_COLUMNS = (
    "kind, item_id, job_id, old_state, new_state, old_attempt, new_attempt, max_attempts, old_owner, new_owner,"
    " old_until, at_us, writer"
)
#: A new hint changes nothing that matters.
_MATTERS = (
    "OLD.state <> NEW.state OR OLD.attempt <> NEW.attempt OR COALESCE(OLD.lease_owner, '') <>"
    " COALESCE(NEW.lease_owner, '') OR COALESCE(OLD.lease_until, 0) <> COALESCE(NEW.lease_until, 0)"
    " OR OLD.state NOT IN ('queued', 'running')"
)
#: The database's clock, and the name that ``inside`` gave to the connection.
_CLOCK_AND_WRITER = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), chaos_writer()",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT),"
    " current_setting('chaos.writer', true)",
    "mysql": "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED), @chaos_writer",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item, as the witness saw it; times are microseconds on the database's clock."""

    seq: int
    at_us: int
    kind: str
    item_id: int
    job_id: str
    old_state: str | None
    new_state: str | None
    old_attempt: int | None
    new_attempt: int | None
    max_attempts: int
    old_owner: str | None
    new_owner: str | None
    old_until: int | None
    writer: str | None


def install(database: Database) -> None:
    """Put the witness into a database whose schema is there."""
    with database.engine.begin() as connection:
        metadata.create_all(connection)
        for statement in _statements(database.dialect):
            connection.execute(text(statement))


def read(database: Database) -> list[Change]:
    """Return all that the witness saw, item by item in the order in which it happened."""
    query = select(*(audit.c[name] for name in Change.__slots__)).order_by(audit.c.item_id, audit.c.seq)
    return database.read(lambda tx: [Change(*row) for row in tx.execute(query)])


def _statements(dialect: str) -> Sequence[str]:
    clock = _CLOCK_AND_WRITER["mysql" if dialect == "mariadb" else dialect]
    inserts = {
        kind: f"INSERT INTO chaos_audit ({_COLUMNS}) VALUES ({values}, {clock})" for kind, values in _VALUES.items()
    }
    made = []
    for kind, insert in inserts.items():
        event, matters = _EVENTS[kind], _MATTERS if kind == "u" else "1 = 1"
        if dialect == "sqlite":
            made.append(f"CREATE TRIGGER chaos_item_{kind} AFTER {event} ON item WHEN {matters} BEGIN {insert}; END")
        elif dialect == "postgresql":
            back = "OLD" if kind == "d" else "NEW"
            made.append(
                f"CREATE FUNCTION chaos_item_{kind}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN {insert}; RETURN {back}; END $$"
            )
            made.append(
                f"CREATE TRIGGER chaos_item_{kind} AFTER {event} ON item FOR EACH ROW"
                f" WHEN ({matters}) EXECUTE FUNCTION chaos_item_{kind}()"
            )
        else:
            made.append(
                f"CREATE TRIGGER chaos_item_{kind} AFTER {event} ON item FOR EACH ROW"
                f" BEGIN IF {matters} THEN {insert}; END IF; END"
            )
    return made
