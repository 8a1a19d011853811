"""A list of images' numbers as a table, so that a statement is the same however long the list is."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias


class json_rows(FunctionElement[int]):  # noqa: N801 - named as the SQL function that it is
    """The rows of a list that comes as one JSON text."""

    name = "json_rows"
    inherit_cache = True


@compiles(json_rows, "sqlite")
def _sqlite(element: json_rows, compiler: SQLCompiler, **_kw: object) -> str:
    return f"json_each({compiler.process(element.clauses)})"


@compiles(json_rows, "postgresql")
def _postgresql(element: json_rows, compiler: SQLCompiler, **_kw: object) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses)} AS JSONB))"


@compiles(json_rows, "mysql")
@compiles(json_rows, "mariadb")
def _mysql(element: json_rows, compiler: SQLCompiler, **_kw: object) -> str:
    return f"JSON_TABLE({compiler.process(element.clauses)}, '$[*]' COLUMNS (value BIGINT PATH '$'))"


def table_of(numbers: Sequence[int]) -> TableValuedAlias:
    """Return a table of one column."""
    return json_rows(bindparam(None, json.dumps(list(numbers)), type_=Text())).table_valued("value")


def number_in(table: TableValuedAlias) -> ColumnElement[int]:
    """Return the column of ``table_of``."""
    return cast(table.c.value, BigInteger)
