"""Accounts and keys as tables for people, and as JSON for scripts. No hash of a password or secret is in either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from saccade.clock import utc_now

if TYPE_CHECKING:
    from rich.console import Console

    from saccade.access.records import Account, KeyRecord
    from saccade.predictions.render import Json

_SECOND_US = 1_000_000
_GAP = 2
_LEAST_OWNER = 10
_LEAST_TEXT = 13
_STYLES = {"active": "green", "usable": "green", "ending": "yellow", "expired": "dim", "disabled": "red"}


def accounts_table(accounts: Sequence[Account]) -> Table:
    """Return one row for each account; who it is stands in one column, so that it fits on a narrow terminal."""
    table = _table()
    table.add_column("Name", no_wrap=True)
    table.add_column("Roles", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Person", overflow="fold", min_width=_LEAST_TEXT)
    table.add_column("Created", no_wrap=True)
    for account in accounts:
        said = (account.full_name, account.email, account.agency)
        table.add_row(
            Text(account.name),
            "\n".join(sorted(account.roles)) or Text("none", "dim"),
            _styled(_state_of(account)),
            Text("\n".join(text for text in said if text)),
            f"{_at(account.created_at_us):%Y-%m-%d}",
        )
    return table


def account_page(account: Account, keys: Sequence[KeyRecord]) -> Table:
    """Return everything that is known of an account, a line each."""
    page = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    page.add_row("name", Text(account.name, "bold"))
    page.add_row("state", _styled(_state_of(account)))
    page.add_row("roles", ", ".join(sorted(account.roles)) or "none: may see and change its own profile")
    for name, text in (("full name", account.full_name), ("email", account.email), ("agency", account.agency)):
        if text is not None:
            page.add_row(name, Text(text))
    usable = sum(key.is_usable for key in keys)
    page.add_row("keys", f"{usable} usable, {len(keys) - usable} not" if keys else "none")
    page.add_row("created", _moment(account.created_at_us))
    return page


def keys_table(keys: Sequence[KeyRecord]) -> Table:
    """Return one row for each key, with what it is for below what it opens."""
    table = _table()
    table.add_column("Key", no_wrap=True)
    table.add_column("Owner", overflow="fold", min_width=_LEAST_OWNER)
    table.add_column("Opens", overflow="fold", min_width=_LEAST_TEXT)
    table.add_column("State", no_wrap=True)
    table.add_column("Ends", no_wrap=True)
    table.add_column("Used", no_wrap=True)
    for key in keys:
        what = Text(opens(key))
        if key.detail:
            what.append(f"\n{key.detail}", "dim")
        state = _state_of_key(key, keys)
        used = Text("never", "dim") if key.last_used_at_us is None else Text(_ago(key.last_used_at_us))
        table.add_row(key.id, Text(key.owner), what, _styled(state), _end(key), used)
    return table


def least_width(console: Console, table: Table) -> int:
    """Return the width below which names and ids, which are there to be copied, would be cut."""
    fixed = [column for column in table.columns if column.no_wrap]
    broken = [column for column in table.columns if not column.no_wrap]
    cells = sum(max(console.measure(cell).maximum for cell in (column.header, *column.cells)) for column in fixed)
    return cells + sum(column.min_width or 0 for column in broken) + _GAP * (len(table.columns) - 1)


def opens(key: KeyRecord) -> str:
    """Return what a key opens, in words: its scopes or its service."""
    return key.service.value if key.service else ", ".join(sorted(key.scopes or ()))


def shown_end(key: KeyRecord) -> str:
    """Return until when a key opens anything."""
    return "never ends" if key.expires_at_us is None else f"ends {_moment(key.expires_at_us)}"


def account_to_json(account: Account) -> dict[str, Json]:
    """Return an account as scripts read it."""
    return {
        "name": account.name,
        "roles": [*sorted(account.roles)],
        "full_name": account.full_name,
        "email": account.email,
        "agency": account.agency,
        "is_disabled": account.is_disabled,
        "created_at": _iso(account.created_at_us),
    }


def key_to_json(key: KeyRecord) -> dict[str, Json]:
    """Return a key as scripts read it."""
    return {
        "id": key.id,
        "owner": key.owner,
        "owner_name": key.owner_name,
        "scopes": [*sorted(key.scopes or ())],
        "service": key.service.value if key.service else None,
        "detail": key.detail,
        "is_usable": key.is_usable,
        "created_at": _iso(key.created_at_us),
        "expires_at": _iso(key.expires_at_us),
        "disabled_at": _iso(key.disabled_at_us),
        "disabled_by": key.disabled_by,
        "rotated_from": key.rotated_from,
        "last_used_at": _iso(key.last_used_at_us),
    }


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def _state_of(account: Account) -> str:
    return "disabled" if account.is_disabled else "active"


def _state_of_key(key: KeyRecord, keys: Sequence[KeyRecord]) -> str:
    """Return the state in one word; ``ending`` has been rotated and opens for a while yet."""
    if key.is_usable:
        return "ending" if any(other.rotated_from == key.id for other in keys) else "usable"
    if key.disabled_at_us is None and key.expires_at_us is not None and _age_s(key.expires_at_us) >= 0:
        return "expired"
    return "disabled"


def _styled(state: str) -> Text:
    return Text(state, _STYLES[state])


def _end(key: KeyRecord) -> Text:
    """Return in how long a key ends; of one that is over, when that was."""
    if key.disabled_at_us is not None:
        return Text(_ago(key.disabled_at_us))
    if key.expires_at_us is None:
        return Text("never", "dim")
    left_s = -_age_s(key.expires_at_us)
    return Text(f"in {_span(left_s)}" if left_s > 0 else _ago(key.expires_at_us))


def _ago(at_us: int) -> str:
    age_s = _age_s(at_us)
    return f"{_span(age_s)} ago" if age_s >= 1 else "now"


def _span(span_s: float) -> str:
    """Return a span in the unit that keeps it short."""
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60)):
        if span_s >= seconds:
            return f"{span_s / seconds:.0f}{unit}"
    return f"{max(1.0, span_s):.0f}s"


def _age_s(at_us: int) -> float:
    return utc_now().timestamp() - at_us / _SECOND_US


def _moment(at_us: int) -> str:
    """Return a moment to the second, as people read it; it is in UTC."""
    return f"{_at(at_us):%Y-%m-%d %H:%M:%S} UTC"


def _iso(at_us: int | None) -> str | None:
    return None if at_us is None else _at(at_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _at(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / _SECOND_US, UTC)
