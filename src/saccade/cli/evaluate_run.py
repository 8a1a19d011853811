"""Showing a dataset to models one after the other, each with its notes and its progress, and counting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from saccade import __version__
from saccade.cli.evaluate_models import find_models
from saccade.cli.evaluate_progress import progress, say
from saccade.cli.exits import ExitCode
from saccade.clock import utc_now
from saccade.errors import ModelLoading, SaccadeError
from saccade.evaluation.answers import renamed
from saccade.evaluation.document import Evaluation
from saccade.evaluation.figures import evaluated
from saccade.evaluation.labels import naming_of, read_label_map, require_used
from saccade.evaluation.notes import Asked, Notes
from saccade.evaluation.run import missing, see
from saccade.jobs.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saccade.cli.evaluate_models import Model, Place
    from saccade.evaluation.document import ModelEvaluation
    from saccade.evaluation.labels import Naming
    from saccade.evaluation.seen import Seen
    from saccade.evaluation.truth import Dataset


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of an evaluation, but for the models and the dataset.

    Attributes:
        output: The folder of notes and results.
        server: Who is asked; None: the models run here.
        threshold: The operating one; None: each model's own.
        label_map: ``model=truth`` each.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        fresh: Begin anew, whatever is noted.
    """

    output: Path
    server: str | None
    threshold: float | None
    label_map: Sequence[str]
    resamples: int
    seed: int
    fresh: bool


def run(place: Place, names: Sequence[str], dataset: Dataset, wish: Wish) -> tuple[Evaluation, list[list[Seen]]]:
    """Show the dataset to every model and count.

    Args:
        place: Where the models are.
        names: Which.
        dataset: What is shown.
        wish: How.

    Returns:
        What was found, and what each model said, with the truth's labels.

    Raises:
        Exit: Somebody pressed Ctrl-C; what was seen is noted.
        SaccadeError: A model is not there or not fit, or nobody answers; what was seen is noted.
    """
    wanted = read_label_map(wish.label_map)
    found = find_models(place, names, dataset.task, wish.threshold)
    require_used(wanted, [model.asking.labels for model in found], dataset.labels)
    namings = [naming_of(model.reference, model.asking.labels, dataset.labels, wanted) for model in found]
    say(*(remark for naming in namings for remark in naming.remarks))
    seen = [_seen(place, model, dataset, naming, wish) for model, naming in zip(found, namings, strict=True)]
    counted = [_counted(place, model, dataset, each, wish) for model, each in zip(found, seen, strict=True)]
    evaluation = Evaluation(
        id=new_id(),
        made_at=utc_now().isoformat(),
        saccade=__version__,
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        images=len(dataset.images),
        truths=sum(len(image.boxes) if image.label is None else 1 for image in dataset.images),
        server=wish.server,
        resamples=wish.resamples,
        seed=wish.seed,
        models=tuple(counted),
    )
    return evaluation, seen


def _seen(place: Place, model: Model, dataset: Dataset, naming: Naming, wish: Wish) -> list[Seen]:
    """Show the dataset to one model, or go on where an earlier run was stopped."""
    asked = Asked(model.reference, model.digest, dataset.sha256, model.asking.threshold, wish.server)
    total = len(dataset.images)
    with Notes(wish.output / "notes" / f"{model.reference}.jsonl", asked, fresh=wish.fresh) as notes:
        if notes.begun_anew:
            say(f"{model.reference}: the notes that lay there {notes.begun_anew}; this begins anew.")
        done = total - len(missing(dataset.images, notes.seen))
        if done:
            say(f"{model.reference}: {done} of {total} pictures were noted already.")
        try:
            with progress(model.reference, done=done, total=total) as on_seen:
                seen = see(
                    dataset.images,
                    place.ask(model.reference),
                    model.asking,
                    notes,
                    threads=place.threads,
                    on_seen=on_seen,
                    on_stop=place.stop,
                )
        except (KeyboardInterrupt, SaccadeError) as end:
            done = total - len(missing(dataset.images, notes.seen))
            say(f"{model.reference}: {done} of {total} pictures are noted; the same command goes on from there.")
            if isinstance(end, KeyboardInterrupt):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            raise
    return [renamed(each, naming.names) for each in seen]


def _counted(place: Place, model: Model, dataset: Dataset, seen: Sequence[Seen], wish: Wish) -> ModelEvaluation:
    """Count one model's figures.

    Raises:
        ModelLoading: The model was exchanged meanwhile: what was seen is not all of one package.
    """
    now = place.status(model.reference)
    if str(now.get("digest") or "") != model.digest:
        raise ModelLoading(
            f"{model.reference} was loaded from other files while it was evaluated.", hint="Run the command again."
        )
    return evaluated(
        dataset,
        seen,
        model=model.reference,
        digest=model.digest,
        engine=str(now.get("runtime") or model.runtime),
        threshold=model.asking.threshold,
        resamples=wish.resamples,
        seed=wish.seed,
    )
