"""``saccade users``: the accounts of this server, made and changed in its database. The first admin is made here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from saccade.access.principals import Role
from saccade.cli.opened_access import opened_access
from saccade.cli.options import AsJson
from saccade.cli.output import stdout, write_json
from saccade.cli.secret_input import FromStdin, read_password

if TYPE_CHECKING:
    from saccade.access.accounts import AccountBook
    from saccade.access.records import Account

users = typer.Typer(
    help="Make and change the accounts in SACCADE_DATABASE_URL; no server need run.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]

_PAGE = 200


@users.command("create")
def create_user(
    name: Name,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
    roles: Annotated[
        list[Role] | None, typer.Option("--role", help="What they may do; may be given several times.")
    ] = None,
    full_name: Annotated[str | None, typer.Option(metavar="TEXT", help="How people call them.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where they are reached.")] = None,
    agency: Annotated[str | None, typer.Option(metavar="TEXT", help="Where they belong to.")] = None,
    password_stdin: FromStdin = False,
) -> None:
    """Make an account. Its password is asked for twice; without a role it may only see its own profile."""
    given = frozenset(roles or ()) | (frozenset({Role.ADMIN}) if admin else frozenset())
    with opened_access() as (book, _):
        book.check_free(name)
        password = read_password(lambda text: book.check_password(name, text), from_stdin=password_stdin)
        profile = {"full_name": full_name, "email": email, "agency": agency}
        account = book.create(name, password, roles=given, profile=profile)
    _tell(f"{account.name} was made: {_roles_of(account)}.")


@users.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List all accounts by name."""
    with opened_access() as (book, _):
        accounts = list(_all(book))
    from saccade.cli.access_tables import account_to_json, accounts_table, least_width

    if as_json:
        write_json([account_to_json(account) for account in accounts], indent=2)
    elif not accounts:
        _tell("There is no account yet; saccade users create NAME --admin makes the first admin.")
    else:
        console, table = stdout(), accounts_table(accounts)
        console.width = max(console.width, least_width(console, table))
        console.print(table)


@users.command("show")
def show_user(name: Name, *, as_json: AsJson = False) -> None:
    """Show an account."""
    with opened_access() as (book, ring):
        account = book.find(name)
        keys = ring.list(account.name, limit=_PAGE)
    from saccade.cli.access_tables import account_page, account_to_json

    if as_json:
        write_json(account_to_json(account), indent=2)
    else:
        stdout().print(account_page(account, keys))


@users.command("role")
def change_role(
    name: Name,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="investigator, researcher or admin.")],
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take it instead of giving it.")] = False,
) -> None:
    """Give an account a role, or take it. The last admin who may come in keeps theirs."""
    with opened_access() as (book, _):
        account = book.set_role(name, role, has=not remove)
    _tell(f"{account.name} is now: {_roles_of(account)}.")


@users.command("password")
def change_password(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Give an account a new password. All its sessions end; its keys go on."""
    with opened_access() as (book, _):
        known = book.find(name).name
        password = read_password(lambda text: book.check_password(known, text), from_stdin=password_stdin)
        book.set_password(known, password)
    _tell(f"{known} has a new password; all sessions ended.")


@users.command("disable")
def disable_user(name: Name) -> None:
    """Shut an account out, with all its keys and sessions. The last admin who may come in stays."""
    with opened_access() as (book, _):
        account = book.set_disabled(name, disabled=True)
    _tell(f"{account.name} is disabled, with all keys and sessions.")


@users.command("enable")
def enable_user(name: Name) -> None:
    """Let a disabled account in again, with the keys and sessions that it had."""
    with opened_access() as (book, _):
        account = book.set_disabled(name, disabled=False)
    _tell(f"{account.name} may come in.")


def _all(book: AccountBook) -> Iterator[Account]:
    after = None
    while page := book.list(after=after, limit=_PAGE):
        yield from page
        after = page[-1].name


def _roles_of(account: Account) -> str:
    return ", ".join(sorted(account.roles)) or "no role"


def _tell(text: str) -> None:
    stdout().print(text, soft_wrap=True, markup=False)
