"""Promotion: pointing an alias at a version, if its evaluation says so; and pointing it back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from saccade.errors import (
    AliasUnknown,
    DatabaseUnreachable,
    EvaluationMissing,
    ModelFailed,
    ModelUnknown,
    NothingToRollBack,
    ParameterInvalid,
    PromotionRefused,
)
from saccade.models.aliases import ALIASES, PROD, Alias, Aliases, Change, ChangeKind, NewChange, standing
from saccade.models.conditions import hold, read_condition
from saccade.models.evaluations import EvaluationRecord, Evaluations
from saccade.models.status import ModelState, ModelStatus


class Versions(Protocol):
    """What promotion asks of the registry."""

    def status(self, reference: str) -> ModelStatus:
        """Return one version.

        Raises:
            ModelUnknown: There is none.
        """

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Return every version of every model."""

    def set_aliases(self, aliases: Mapping[tuple[str, str], tuple[str, str]]) -> None:
        """Let aliases mean these versions: (name, alias) to (reference, digest)."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A condition after it was looked at: with what it rests on."""

    text: str
    evaluation: EvaluationRecord
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion came to.

    Attributes:
        change: The change by which the alias means what it means; an older one if nothing was to be changed.
        is_new: Whether it was made now.
    """

    change: Change
    is_new: bool


class Promoter:
    """Moves aliases. Thread-safe, and blocking."""

    def __init__(self, aliases: Aliases, evaluations: Evaluations, versions: Versions) -> None:
        """Tie the parts together."""
        self.aliases = aliases
        self.evaluations = evaluations
        self._versions = versions
        self._observing = threading.Lock()

    def observe(self) -> None:
        """Let this process see all aliases as they are in the database.

        Raises:
            DatabaseUnreachable: The database does not answer; what was seen before stays.
        """
        with self._observing:  # else what one thread read before a change could be set by it after the change
            meant = {(each.name, each.alias): (each.model, each.digest) for each in self.aliases.all()}
            self._versions.set_aliases(meant)

    def problem(self, alias: Alias) -> str | None:
        """Return why nobody is answered under an alias here; None if all is well."""
        try:
            _, digest = self._pinned(alias.model)
        except ModelUnknown:
            return f"{alias.model} is not here."
        except ModelFailed as error:
            return str(error)
        return None if digest == alias.digest else f"{alias.model} has other files now than those that were promoted."

    def told(self, name: str) -> tuple[list[tuple[Alias, str | None]], list[Change]]:
        """Return a model's aliases, each with its problem, and their history, newest first.

        A model that is not here any more has them all the same.

        Raises:
            ModelUnknown: There is no such model, and there never was an alias of it.
        """
        history = self.aliases.history(name)
        if not history:
            self.check_known(name)
        meant = sorted((each for each in self.aliases.all() if each.name == name), key=lambda each: each.alias)
        return [(each, self.problem(each)) for each in meant], history

    def check_known(self, name: str) -> None:
        """Return if there is any version of a model, whatever its bare name means.

        Raises:
            ModelUnknown: There is none.
        """
        if all(status.reference.partition("@")[0] != name for status in self._versions.statuses()):
            raise ModelUnknown(f"There is no model {name[:128]!r}.")

    def promote(
        self,
        reference: str,
        *,
        principal: str,
        alias: str = PROD,
        condition: str | None = None,
        dataset: str | None = None,
    ) -> Promoted:
        """Point an alias at a version. What it means already is looked at in the same way, and nothing is changed.

        Args:
            reference: ``name@version``.
            principal: Who does it.
            alias: ``prod`` or ``candidate``.
            condition: What the newest evaluation of these very files must say; None asks nothing.
            dataset: Only evaluations on this dataset count: its name, or name and hash as they are on record.

        Raises:
            AliasUnknown: There is no such alias.
            ParameterInvalid: The reference names no version.
            ModelUnknown: There is no such version here.
            ModelFailed: Its package cannot be read or loaded.
            ConditionInvalid: The condition cannot be read.
            EvaluationMissing: These very files were not evaluated.
            PromotionRefused: The figures do not meet the condition.
            AliasMoved: Somebody else moved the alias meanwhile.
        """
        _check_alias(alias)
        asked = None if condition is None else read_condition(condition)
        name, digest = self._fit(reference)
        seen = self.aliases.find(name, alias)
        looked = None
        if asked is not None and condition is not None:
            record = self._evaluation(name, reference, digest, dataset)
            in_service = self.aliases.find(name, PROD)
            of_prod = None if in_service is None else self._figures_of(in_service, record.dataset)
            held = hold(asked, record.figures, of_prod, is_in_service=in_service is not None)
            unmet = [each.sentence() for each in held if not each.is_met]
            if unmet:
                raise PromotionRefused(
                    f"{reference} is not promoted: {'; '.join(unmet)} (on {record.images} images of {record.dataset})."
                )
            looked = Looked(condition, record, {each.comparison.figure: each.value or 0.0 for each in held})
        known = None if seen is None else self.aliases.made(seen.promotion_id)
        if seen is not None and known is not None and (seen.model, seen.digest) == (reference, digest):
            return Promoted(known, is_new=False)  # it means that already, and a rollback must not stay where it is
        new = NewChange(
            name,
            alias,
            ChangeKind.PROMOTE,
            reference,
            digest,
            principal,
            condition=None if looked is None else looked.text,
            evaluation_id=None if looked is None else looked.evaluation.id,
            figures=None if looked is None else looked.figures,
        )
        return Promoted(self._changed(new, seen), is_new=True)

    def rollback(self, name: str, *, principal: str, alias: str = PROD) -> Change:
        """Point an alias back at what it meant before; again, and it goes one further back.

        Raises:
            AliasUnknown: There is no such alias, or it means nothing.
            NothingToRollBack: It meant nothing before.
            ModelUnknown: What it meant before is not here any more.
            ModelFailed: Its files are others now, or cannot be loaded.
            AliasMoved: Somebody else moved the alias meanwhile.
        """
        seen = self._known(name, alias)
        stood = standing(reversed(self.aliases.history(name, alias=alias, limit=None)))
        before = stood[-2] if len(stood) > 1 else None
        if before is None or before.model is None:
            raise NothingToRollBack(f"Before {seen.model}, {alias} of {name} meant nothing.")
        if self._fit(before.model)[1] != before.digest:
            raise ModelFailed(
                f"{before.model} has other files now than when it was promoted, so {alias} cannot go back to it."
            )
        new = NewChange(name, alias, ChangeKind.ROLLBACK, before.model, before.digest, principal, rests_on=before.id)
        return self._changed(new, seen)

    def remove(self, name: str, *, principal: str, alias: str) -> Change:
        """Take an alias away; the bare name means the newest version again, if it was ``prod``.

        Raises:
            AliasUnknown: There is no such alias, or it means nothing.
            AliasMoved: Somebody else moved the alias meanwhile.
        """
        seen = self._known(name, alias)
        return self._changed(NewChange(name, alias, ChangeKind.REMOVE, None, None, principal), seen)

    def note(self, record: EvaluationRecord) -> EvaluationRecord:
        """Write down an evaluation of files that are known here.

        Raises:
            ModelUnknown: There is no such version here, or it has other files.
            DatabaseUnreachable: The database does not answer.
        """
        if self._pinned(record.model)[1] != record.digest:
            raise ModelUnknown(
                f"{record.model[:128]!a} has other files here than those that were evaluated.",
                hint="Evaluate the files that this server serves.",
            )
        return self.evaluations.add(record)

    def _changed(self, new: NewChange, seen: Alias | None) -> Change:
        change = self.aliases.change(new, seen=seen)
        with suppress(DatabaseUnreachable):  # it is done: an error would make people do it again; it is observed later
            self.observe()
        return change

    def _known(self, name: str, alias: str) -> Alias:
        _check_alias(alias)
        found = self.aliases.find(name, alias)
        if found is None:
            raise AliasUnknown(f"{name[:128]!a} has no alias {alias}.")
        return found

    def _pinned(self, reference: str) -> tuple[str, str]:
        """Return a version's name and the digest of its files."""
        name, at, version = reference.partition("@")
        if not at or version in ALIASES:
            fault = "must name a version, as in circles@2"
            raise ParameterInvalid(f"The model {fault}.", faults={"version": fault})
        status = self._versions.status(reference)
        if status.card is None:
            raise ModelFailed(f"{reference} cannot be read: {status.detail}")
        return name, status.card.digest

    def _fit(self, reference: str) -> tuple[str, str]:
        """Return the same of a version that may go in service."""
        pinned, status = self._pinned(reference), self._versions.status(reference)
        if status.state is ModelState.FAILED:
            raise ModelFailed(f"{reference} cannot be loaded: {status.detail}", hint="Mend it and load it first.")
        return pinned

    def _evaluation(self, name: str, reference: str, digest: str, dataset: str | None) -> EvaluationRecord:
        record = self.evaluations.newest(name, digest, dataset=dataset)
        if record is None:
            on = "" if dataset is None else f" on {dataset[:100]!a}"
            raise EvaluationMissing(
                f"No evaluation{on} of the files of {reference} is on record.",
                hint=f"saccade evaluate {reference} … writes one down.",
            )
        return record

    def _figures_of(self, in_service: Alias, dataset: str) -> Mapping[str, float] | None:
        record = self.evaluations.newest(in_service.name, in_service.digest, dataset=dataset)
        return None if record is None else record.figures


def _check_alias(alias: str) -> None:
    if alias not in ALIASES:
        raise AliasUnknown(f"There is no alias {alias[:64]!a}; there are {' and '.join(ALIASES)}.")
