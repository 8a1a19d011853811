"""Aliases, their history and evaluations, as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.jobs.render import time_text
from saccade.models.aliases import Alias, Change
from saccade.models.evaluations import EvaluationRecord


def aliases_to_json(
    name: str, meant: Sequence[tuple[Alias, str | None]], history: Sequence[Change]
) -> dict[str, object]:
    """Return a model's aliases, each with its problem, and their history."""
    return {
        "name": name,
        "aliases": [_alias_to_json(alias, problem) for alias, problem in meant],
        "history": [_record_to_json(change) for change in history],
    }


def _alias_to_json(alias: Alias, problem: str | None) -> dict[str, object]:
    """Return what an alias means, and why nobody is answered under it if that is so."""
    return {
        "alias": alias.alias,
        "model": alias.model,
        "digest": alias.digest,
        "changed_at": time_text(alias.changed_at_us),
        "problem": problem,
    }


def change_to_json(change: Change, *, is_new: bool = True) -> dict[str, object]:
    """Return the change that a request made; or the one that had made it before, if nothing was to be changed."""
    return {**_record_to_json(change), "changed": is_new}


def _record_to_json(change: Change) -> dict[str, object]:
    """Return one change of an alias, and what it rested on."""
    return {
        "id": change.id,
        "name": change.name,
        "alias": change.alias,
        "kind": change.kind.value,
        "model": change.model,
        "digest": change.digest,
        "replaced": change.replaced,
        "condition": change.condition,
        "evaluation": change.evaluation_id,
        "figures": None if change.figures is None else dict(change.figures),
        "principal": change.principal,
        "at": time_text(change.created_at_us),
    }


def evaluation_to_json(record: EvaluationRecord) -> dict[str, object]:
    """Return one evaluation."""
    return {
        "id": record.id,
        "model": record.model,
        "digest": record.digest,
        "task": record.task,
        "dataset": record.dataset,
        "images": record.images,
        "figures": dict(record.figures),
        "principal": record.principal,
        "created_at": time_text(record.created_at_us),
    }
