"""The ledger as sums: a few statements, each one walk along an index, all in one transaction that only reads.

A report over everything walks from end to end of indexes that hold whatever it sums up, so nothing is sorted and no
row is fetched; one over a short window takes the rows of that window by their time and sorts those. SQLite does not
know which is shorter, so it is told: ``created_at + 0`` is what it cannot look up in an index by time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Table,
    case,
    desc,
    func,
    literal_column,
    select,
)

from saccade.backends.database.connection import Database
from saccade.backends.database.schema import request_event, usage_event
from saccade.usage.figures import (
    LEAST_ERROR,
    Edges,
    ModelCell,
    RecentRequest,
    RouteCell,
    Slice,
    SlotCell,
    UserFigures,
)
from saccade.usage.ports import LedgerSnapshot

T = TypeVar("T")

#: Rows that are taken from the database at once: what a scan holds in memory.
_AT_ONCE = 2000
#: A window with this share of the ledger's time, or more, is read from end to end.
_WIDE = 0.2

#: Columns of a request that is shown, beside its time.
_SHOWN = (
    "service", "principal", "user_name", "via", "method", "route", "model", "status", "bytes_in", "duration_us",
    "request_id",
)  # fmt: skip

_request = request_event.c
_usage = usage_event.c
_ERRORS = func.sum(case((_request.status >= LEAST_ERROR, 1), else_=0))


class SqlLedgerReader:
    """``LedgerReader`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Read a database."""
        self._database = database

    def read(self, work: Callable[[LedgerSnapshot], T]) -> T:
        """Run work on a snapshot; see the port."""

        def run(connection: Connection) -> T:
            if self._database.dialect != "sqlite":  # there a transaction that reads is a snapshot by itself
                connection.execution_options(isolation_level="REPEATABLE READ")
            return work(_SqlSnapshot(connection))

        return self._database.read(run)


class _SqlSnapshot:
    """``LedgerSnapshot`` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    def principals(self, name: str, *, among: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return ids; see the port."""
        # Not the bare column: SQLite would follow its index and fetch every row, to have them distinct in that order.
        query = select(func.coalesce(_request.principal, "")).distinct().where(_request.user_name == name)
        if among is not None:
            query = query.where(_request.principal.in_(among))
        found = set(self._connection.execute(query).scalars())
        if among is None or name in among:
            found.add(name)  # who has rows of predictions only
        return tuple(sorted(found))

    def edges(self, chosen: Slice) -> Edges:
        """Return the edges; see the port."""
        first: list[int] = []
        after = 0
        for table in (request_event, usage_event):
            whose = _whose(table, chosen)
            oldest = self._connection.execute(select(func.min(table.c.created_at)).where(*whose)).scalar_one()
            if oldest is not None:
                first.append(int(oldest))
            later = select(func.count()).select_from(table).where(*whose, table.c.created_at >= chosen.until_us)
            after += int(self._connection.execute(later).scalar_one())
        return Edges(min(first, default=None), after)

    def routes(self, chosen: Slice) -> Iterator[RouteCell]:
        """Yield requests by route; see the port."""
        kind = (_request.route, _request.model, _request.method, _request.status, _request.latency_class)
        sums = (func.count(), func.sum(_request.bytes_in), func.min(_request.created_at), func.max(_request.created_at))
        query = select(*kind, *sums).where(*self._where(request_event, chosen)).group_by(*kind).order_by(*kind)
        cells = cast("Iterator[tuple[str, str, str, int, int, int, int, int, int]]", self._stream(query))
        for *alike, requests, bytes_in, first, last in cells:
            route, model, method, status, latency = cast("tuple[str, str, str, int, int]", tuple(alike))
            yield RouteCell(
                route, model, method, int(status), int(latency), int(requests), int(bytes_in), int(first), int(last)
            )

    def slots(self, chosen: Slice, *, width_us: int) -> Iterator[SlotCell]:
        """Yield requests by time; see the port."""
        # Written out, not bound: a database must see that it groups by what it selects. And no division, for MySQL's
        # is not exact.
        start = _request.created_at - _request.created_at % literal_column(str(int(width_us)))
        query = select(start, func.count(), _ERRORS).where(*self._where(request_event, chosen)).group_by(start)
        for begun, requests, errors in cast("Iterator[tuple[int, int, int]]", self._stream(query)):
            yield SlotCell(int(begun), int(requests), int(errors))

    def users(self, chosen: Slice, *, most: int) -> tuple[list[UserFigures], int]:
        """Return those with most requests; see the port."""
        each = (
            select(
                _request.principal,
                func.count().label("requests"),
                _ERRORS.label("errors"),
                func.sum(_request.bytes_in).label("bytes_in"),
            )
            .where(*self._where(request_event, chosen))
            .group_by(_request.principal)
            .subquery()
        )
        busiest = select(each, func.count().over()).order_by(desc(each.c.requests), each.c.principal).limit(most)
        rows = self._connection.execute(busiest).all()
        ids = [str(row.principal) for row in rows]
        spent, names = self._spent(chosen, ids), self._names(chosen, ids)
        found = [
            UserFigures(
                row.principal, names[row.principal], int(row.requests), int(row.errors), int(row.bytes_in),
                *spent.get(row.principal, (0, 0, 0.0)),
            )
            for row in rows
        ]  # fmt: skip
        return found, int(rows[0][-1]) if rows else 0

    def models(self, chosen: Slice) -> Iterator[ModelCell]:
        """Yield predictions by model; see the port."""
        kind = (_usage.model, _usage.outcome, _usage.cached)
        sums = (
            func.count(),
            func.count(_usage.item_id),
            func.sum(_usage.pixels),
            func.sum(_usage.compute_ms),
            func.min(_usage.created_at),
            func.max(_usage.created_at),
        )
        query = select(*kind, *sums).where(*self._where(usage_event, chosen)).group_by(*kind)
        # Few cells, for all these models were served: no cursor, in which PostgreSQL would work on one core.
        cells = cast(
            "Iterator[tuple[str, str, bool, int, int, int, float, int, int]]", iter(self._connection.execute(query))
        )
        for model, outcome, cached, number, jobs, pixels, compute_ms, first, last in cells:
            yield ModelCell(
                model, outcome == "succeeded", bool(cached), int(number), int(jobs), int(pixels), float(compute_ms),
                int(first), int(last),
            )  # fmt: skip

    def recent(self, chosen: Slice, *, most: int) -> list[RecentRequest]:
        """Return the last requests; see the port."""
        fields = (_request.created_at.label("at_us"), *(_request[name] for name in _SHOWN))
        newest = (desc(_request.created_at), desc(_request.id))
        query = select(*fields).where(*_whose(request_event, chosen), *_when(_request.created_at, chosen))
        rows = self._connection.execute(query.order_by(*newest).limit(most)).mappings()
        return [RecentRequest(**row) for row in rows]

    def _spent(self, chosen: Slice, ids: Sequence[str]) -> dict[str, tuple[int, int, float]]:
        """Return predictions, pixels and compute time of some principals."""
        query = (
            select(_usage.principal, func.count(), func.sum(_usage.pixels), func.sum(_usage.compute_ms))
            .where(*self._where(usage_event, chosen), _usage.principal.in_(ids))
            .group_by(_usage.principal)
        )
        return {row[0]: (int(row[1]), int(row[2]), float(row[3])) for row in self._connection.execute(query)}

    def _names(self, chosen: Slice, ids: Sequence[str]) -> dict[str, str]:
        """Return what each was called in their last request."""
        named: dict[str, str] = {}
        for principal in ids:
            query = select(_request.user_name).where(
                *_whose(request_event, chosen), *_when(_request.created_at, chosen), _request.principal == principal
            )
            last = query.order_by(desc(_request.created_at), desc(_request.id)).limit(1)
            named[principal] = self._connection.execute(last).scalar_one()
        return named

    def _where(self, table: Table, chosen: Slice) -> list[ColumnElement[bool]]:  # type: ignore[explicit-any]  # what its columns are called
        created: ColumnElement[int] = table.c.created_at
        if self._is_sqlite and self._is_wide(table, chosen):
            created = created + literal_column("0")
        return [*_whose(table, chosen), *_when(created, chosen)]

    def _is_wide(self, table: Table, chosen: Slice) -> bool:  # type: ignore[explicit-any]  # what its columns are called
        """Say whether the window holds so much of the table's time that looking rows up would cost more."""
        if chosen.since_us is None:
            return True
        # Two statements: SQLite finds one end by an index, but not both at once.
        ends = (self._connection.execute(select(end(table.c.created_at))).scalar_one() for end in (func.min, func.max))
        first, last = (int(value or 0) for value in ends)
        return min(chosen.until_us, last) - max(chosen.since_us, first) >= _WIDE * (last - first)

    def _stream(self, query: Executable) -> Iterator[object]:
        """Yield rows without holding them all."""
        yield from self._connection.execute(query, execution_options={"yield_per": _AT_ONCE})


def _whose(table: Table, chosen: Slice) -> list[ColumnElement[bool]]:  # type: ignore[explicit-any]  # what its columns are called
    """Return the conditions on whose rows count."""
    found: list[ColumnElement[bool]] = []
    if chosen.service is not None:
        found.append(table.c.service == chosen.service)
    if chosen.principals is not None:
        found.append(table.c.principal.in_(chosen.principals))
    return found


def _when(created: ColumnElement[int], chosen: Slice) -> list[ColumnElement[bool]]:
    """Return the conditions on the window."""
    found = [created < chosen.until_us]
    return found if chosen.since_us is None else [*found, created >= chosen.since_us]
