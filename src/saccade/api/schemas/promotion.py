"""Aliases of models, and what their promotion rests on."""

from __future__ import annotations

from pydantic import Field

from saccade.api.schemas.shape import Request, Shape


class Promotion(Request):
    """Which version an alias is to mean, and on what condition."""

    version: str = Field(min_length=1, max_length=64)

    condition: str | None = Field(None, max_length=500, alias="if")
    """As in ``f1@0.5 >= 0.9 and ap >= prod - 0.01``; the newest evaluation of the very files must say so."""

    dataset: str | None = Field(None, min_length=1, max_length=255)
    """Only evaluations on this dataset count: its name, or name and hash as evaluations are listed."""


class Alias(Shape):
    """What an alias means."""

    alias: str
    model: str
    digest: str
    """Of the files that were promoted; no others are answered from."""
    changed_at: str
    problem: str | None
    """Why nobody is answered under it by this server: the version is not there, or its files are others now."""


class AliasRecord(Shape):
    """One change of an alias; it stays on record."""

    id: int
    name: str
    alias: str
    kind: str
    """promote, rollback or remove."""
    model: str | None
    digest: str | None
    replaced: str | None
    """What the alias meant before."""
    condition: str | None
    evaluation: str | None
    figures: dict[str, float] | None
    """Those that the condition names."""
    principal: str
    at: str


class AliasChange(AliasRecord):
    """What became of an alias."""

    changed: bool
    """Whether this request changed anything; if not, the rest is the change by which it came to mean this."""


class AliasList(Shape):
    """A model's aliases and their history."""

    name: str
    aliases: list[Alias]
    history: list[AliasRecord]
    """Newest first, the last hundred."""


class NewEvaluation(Request):
    """What an evaluation found."""

    id: str = Field(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
    """UUID version 7; the same one twice is kept once."""
    digest: str = Field(min_length=1, max_length=80)
    task: str = Field(min_length=1, max_length=64)
    dataset: str = Field(min_length=1, max_length=255)
    images: int = Field(ge=1, le=2_000_000_000)
    figures: dict[str, float] = Field(min_length=1, max_length=200)


class Evaluation(Shape):
    """What an evaluation found."""

    id: str
    model: str
    digest: str
    task: str
    dataset: str
    images: int
    figures: dict[str, float]
    principal: str
    created_at: str


class EvaluationList(Shape):
    """One page of a model's evaluations, newest first."""

    evaluations: list[Evaluation]
    next: str | None
