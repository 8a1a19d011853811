"""Aliases: names for versions, held in the database. ``prod`` is what the bare name means, ``candidate`` comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from saccade.models.names import RESERVED_VERSIONS

PROD = "prod"
CANDIDATE = "candidate"
#: All that there are; no version may be called so.
ALIASES = (PROD, CANDIDATE)
assert frozenset(ALIASES) == RESERVED_VERSIONS  # noqa: S101 - said twice, for names are below


class ChangeKind(StrEnum):
    """How an alias came to mean what it means."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias means now.

    Attributes:
        model: ``name@version``.
        digest: Of the package that was promoted; other files under the same version are not meant.
        promotion_id: The promotion on which this rests; after a rollback an older one.
        changed_at_us: Microseconds since 1970, UTC, by the database's clock.
    """

    name: str
    alias: str
    model: str
    digest: str
    promotion_id: int
    changed_at_us: int


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change of an alias that is to be made.

    Attributes:
        model: ``name@version``; None takes the alias away.
        condition: As it was written; None if there was none.
        evaluation_id: Of the evaluation that was looked at.
        figures: Those that the condition names.
        rests_on: Id of the promotion that a rollback goes back to; None if this change is its own ground.
    """

    name: str
    alias: str
    kind: ChangeKind
    model: str | None
    digest: str | None
    principal: str
    condition: str | None = None
    evaluation_id: str | None = None
    figures: Mapping[str, float] | None = None
    rests_on: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made; it stays on record for ever."""

    id: int
    name: str
    alias: str
    kind: ChangeKind
    model: str | None
    digest: str | None
    replaced: str | None
    replaced_digest: str | None
    condition: str | None
    evaluation_id: str | None
    figures: Mapping[str, float] | None
    principal: str
    created_at_us: int


class Aliases(Protocol):
    """Keeps aliases and their history. Each method is one transaction; all raise DatabaseUnreachable."""

    def all(self) -> list[Alias]:
        """Return every alias of every model."""

    def find(self, name: str, alias: str) -> Alias | None:
        """Return what an alias means; None if it means nothing."""

    def history(self, name: str, *, alias: str | None = None, limit: int | None = 100) -> list[Change]:
        """Return the changes of a model's aliases, newest first; without a limit all that there ever were."""

    def made(self, change_id: int) -> Change | None:
        """Return one change; None if there is none of this id."""

    def change(self, new: NewChange, *, seen: Alias | None) -> Change:
        """Change an alias, if it still means what was seen; write down what it meant before.

        Raises:
            AliasMoved: Somebody else changed it meanwhile.
        """


def standing(history: Iterable[Change]) -> list[Change]:
    """Return the promotions that an alias stands on, the one in force last.

    A rollback takes the last one away, so that the one before is in force again and nobody comes back to what was
    rolled away from. Taking the alias away ends them all.

    Args:
        history: All changes of one alias, oldest first.
    """
    found: list[Change] = []
    for change in history:
        match change.kind:
            case ChangeKind.PROMOTE:
                found.append(change)
            case ChangeKind.ROLLBACK:
                found = found[:-1]
            case ChangeKind.REMOVE:
                found = []
    return found
