"""What tables are made of: how they are declared, and the types that they share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, MetaData, String, Table, Text, text
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.schema import SchemaItem

metadata = MetaData()

ID = String(36)
NAME = String(255)
STATE = String(9)
SERVICE = String(64)
SERIAL = BigInteger().with_variant(Integer, "sqlite")
#: A beginning of a word is a range of words, so they are ordered by their letters' numbers on every database.
WORD = String(64).with_variant(String(64, collation="C"), "postgresql")
LONG_TEXT = Text().with_variant(LONGTEXT, "mysql", "mariadb")


def table(name: str, *parts: SchemaItem, is_numbered: bool = False) -> Table:  # type: ignore[explicit-any]  # what its columns are called
    """Return a table of ours.

    Args:
        name: Of the table.
        parts: Columns and indexes.
        is_numbered: Whether its ids are numbers that grow, and are never given twice.
    """
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        sqlite_autoincrement=is_numbered,  # an id is never given twice, not even after its row was erased
    )


def partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of the few rows that are looked for; MySQL has none such and indexes all rows.

    What has ended leaves these indexes, so a claim costs the same behind a million ended items. The databases use them
    only where a query has the very same condition written out, not bound.
    """
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
