"""What evaluations found, as far as promotion needs it: figures by name, with the digest of the very package."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from saccade.errors import ParameterInvalid

#: What a dataset's name may have of the column's room; the hash has the rest.
_DATASET_NAME_LETTERS = 180
#: Figures of one evaluation, at most.
MOST_FIGURES = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}(@[0-9.]{1,8})?")
#: Larger numbers are no figures, and not every database keeps them.
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One model's figures on one dataset.

    Attributes:
        id: UUID that sorts by time.
        name: Of the model.
        model: ``name@version``.
        digest: Of the package that answered.
        dataset: Its name and the hash of its pictures and truth, ``coins sha256:…``.
        images: How many pictures.
        figures: By name: ``f1@0.5``, ``ap``, ``top1`` …
        principal: Who wrote it down.
        created_at_us: Microseconds since 1970, UTC, by the database's clock; 0 before it is written.
    """

    id: str
    name: str
    model: str
    digest: str
    task: str
    dataset: str
    images: int
    figures: Mapping[str, float]
    principal: str
    created_at_us: int = 0


class Evaluations(Protocol):
    """Keeps evaluations. Every method is one transaction; all raise DatabaseUnreachable when there is no answer."""

    def add(self, record: EvaluationRecord) -> EvaluationRecord:
        """Write one down; one with this id that is there already is returned as it is."""

    def newest(self, name: str, digest: str, *, dataset: str | None = None) -> EvaluationRecord | None:
        """Return the newest of exactly this package, by the database's clock; None if there is none.

        Args:
            name: Of the model.
            digest: Of the package.
            dataset: On this one only: its name and hash as they are on record, or the name alone.
        """

    def list(self, name: str, *, after: str | None = None, limit: int = 50) -> list[EvaluationRecord]:
        """Return a model's evaluations, newest first by the database's clock, from behind an id on if there is one."""


def dataset_beginning(name: str) -> str:
    """Return how a dataset of this name begins on record, up to its hash."""
    return f"{name[:_DATASET_NAME_LETTERS]} sha256:"


def checked_figures(figures: Mapping[str, object]) -> dict[str, float]:
    """Return figures as they may be kept.

    Raises:
        ParameterInvalid: A name is none, a number is none or not finite, or there are too many.
    """
    if not 0 < len(figures) <= MOST_FIGURES:
        raise _invalid(f"must be 1 to {MOST_FIGURES} numbers by name")
    kept: dict[str, float] = {}
    for name, value in figures.items():
        if not is_figure(name):
            raise _invalid("must have names as in f1@0.5, ap, macro_f1")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _invalid(f"must be numbers, and {name} is none")
        if not math.isfinite(value) or abs(value) > _MOST:
            raise _invalid(f"must be finite numbers, and {name} is none")
        kept[name] = float(value)
    return kept


def is_figure(text: str) -> bool:
    """Say whether a text may be the name of a figure."""
    return _NAME.fullmatch(text) is not None


def _invalid(fault: str) -> ParameterInvalid:
    return ParameterInvalid(f"'figures' {fault}.", faults={"figures": fault})
