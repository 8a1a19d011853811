"""``saccade keys``: keys of accounts, made, listed, disabled and rotated in the database of this server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from saccade.access.policy import SCOPES
from saccade.access.principals import Service
from saccade.cli.opened_access import opened_access, operator
from saccade.cli.options import AsJson
from saccade.cli.output import stderr, stdout, write_json

if TYPE_CHECKING:
    from saccade.access.keys import KeyRing, MadeKey
    from saccade.access.records import KeyRecord

keys = typer.Typer(
    help="Make and change the keys in SACCADE_DATABASE_URL; no server need run.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

KeyId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="Id of a key.")]

_PAGE = 200


@keys.command("create")
def create_key(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Name of the account that it acts for.")],
    *,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it opens, of what its owner may; may be given several times: predict:MODEL, predict:*, "
            f"{', '.join(SCOPES)}.",
        ),
    ] = None,
    service: Annotated[
        Service | None, typer.Option(help="Make a key for a service instead, which opens what that needs.")
    ] = None,
    detail: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    lasts: Annotated[
        str | None, typer.Option(metavar="SPAN", help="How long it lasts, as in 12h, 90d or 2w; else for ever.")
    ] = None,
) -> None:
    """Make a key. It alone goes to stdout, this one time; nobody can read it again."""
    lasts_s = None if lasts is None else _span_s("lasts", lasts)
    with opened_access() as (book, ring):
        made = ring.make(
            operator(),
            scopes=frozenset(scopes or ()),
            service=service,
            detail=detail,
            lasts_s=lasts_s,
            owner=book.find(owner),
        )
    from saccade.cli.access_tables import opens

    _hand_over(made, f"Key {made.record.id} of {made.record.owner} opens {opens(made.record)}")


@keys.command("list")
def list_keys(
    owner: Annotated[
        str | None, typer.Argument(metavar="[OWNER]", help="Only those of one: an account, or jwt:SUBJECT.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List keys, newest first, with those that open nothing any more."""
    with opened_access() as (_, ring):
        found = list(_all(ring, owner))
    from saccade.cli.access_tables import key_to_json, keys_table, least_width

    if as_json:
        write_json([key_to_json(key) for key in found], indent=2)
    elif not found:
        stdout().print("There is no key yet; saccade keys create OWNER makes one.", soft_wrap=True)
    else:
        console, table = stdout(), keys_table(found)
        console.width = max(console.width, least_width(console, table))
        console.print(table)


@keys.command("disable")
def disable_key(key_id: KeyId) -> None:
    """Let a key open nothing any more, on every server within SACCADE_ACCESS_RECHECK_S."""
    with opened_access() as (_, ring):
        key = ring.disable(operator(), key_id)
    stdout().print(f"{key.id} of {key.owner} opens nothing any more.", soft_wrap=True, markup=False)


@keys.command("rotate")
def rotate_key(
    key_id: KeyId,
    *,
    overlap: Annotated[
        str, typer.Option(metavar="SPAN", help="How long the old key opens yet, at most 30d; 0 ends it at once.")
    ] = "24h",
) -> None:
    """Make a key in the place of another one. It alone goes to stdout, this one time; nobody can read it again."""
    overlap_s = 0.0 if overlap.strip() == "0" else _span_s("overlap", overlap)
    by = operator()
    with opened_access() as (_, ring):
        made = ring.rotate(by, key_id, overlap_s=overlap_s)
        old = ring.find(by, key_id)
    from saccade.cli.access_tables import shown_end

    place = f"takes the place of {old.id}, which {shown_end(old)}"
    _hand_over(made, f"Key {made.record.id} of {made.record.owner} {place}")


def _hand_over(made: MadeKey, what: str) -> None:
    """Write the key alone to stdout, and what it is to stderr."""
    from saccade.cli.access_tables import shown_end

    told = f"{what}, and {shown_end(made.record)}. Keep it: it is shown this one time."
    stderr().print(told, soft_wrap=True, markup=False)
    sys.stdout.write(made.text + "\n")
    sys.stdout.flush()


def _all(ring: KeyRing, owner: str | None) -> Iterator[KeyRecord]:
    after = None
    while page := ring.list(owner, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _span_s(option: str, text: str) -> float:
    """Return the seconds of a span.

    Raises:
        ParameterInvalid: It is none.
    """
    from saccade.durations import parse_duration_s
    from saccade.errors import ParameterInvalid

    try:
        return parse_duration_s(text)
    except ValueError as fault:
        raise ParameterInvalid(f"--{option}: {fault}.") from None
