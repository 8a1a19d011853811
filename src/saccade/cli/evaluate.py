"""``saccade evaluate``: how well models do on pictures whose truth is known, here or at a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.evaluate_progress import say
from saccade.cli.exits import ExitCode
from saccade.cli.options import AsJson, ModelsFolder
from saccade.cli.output import shown_url, stdout, write_json
from saccade.errors import ParameterInvalid

if TYPE_CHECKING:
    from saccade.evaluation.document import Evaluation
    from saccade.evaluation.reading import ReadDataset

#: Problems that are listed one by one; the report has them all.
_LISTED_PROBLEMS = 10


def evaluate(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Names of models, or name@version, held side by side.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the report and the notes are written.")
    ],
    coco: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For detectors: annotations as COCO writes them.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="For classifiers: a folder of pictures per label, or a CSV: file,label."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What the file names of the truth are relative to.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask the server there instead of loading the models here.")
    ] = None,
    folder: ModelsFolder = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Operating threshold, else each model's own.", min=0, max=1),
    ] = None,
    label_map: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=TRUTH", help="What a model's label is called in the truth; may be repeated."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Only so many pictures, the first by name; the figures are not written down for promotion.",
            min=1,
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(metavar="N", help="Resamples of the confidence intervals; 0: none.", min=0, max=100_000)
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the resamples.", min=0)] = 0,
    worst: Annotated[
        int, typer.Option(metavar="N", help="Worst pictures of each model that the report shows.", min=0, max=200)
    ] = 12,
    rows: Annotated[
        bool, typer.Option("--rows", help="Also write a row per picture: images.csv, and in the JSON.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the dataset is called, else as its folder or its CSV.")
    ] = None,
    no_record: Annotated[
        bool, typer.Option("--no-record", help="Do not write the figures down for promotion.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever an earlier run has noted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold models against pictures whose truth is known.

    Give --coco with --images for detectors, or --labels for classifiers. The folder of --output gets report.html for
    people, evaluation.json for programs, and notes of what the models said. Stopped or killed, the same command goes
    on where it was. The figures are also written down where saccade models promote looks them up, unless they are of
    a part of the pictures or of a model that could not answer all. Ends with 1 if any picture could not be answered.
    """
    from saccade.cli.evaluate_models import opened_place
    from saccade.cli.evaluate_output import write_folder
    from saccade.cli.evaluate_run import Wish, run

    read = _read(coco, labels, images, name=dataset, limit=limit)
    server = None if base_url is None else shown_url(base_url)
    wish = Wish(output, server, threshold, label_map or [], resamples, seed, fresh)
    with opened_place(base_url, folder) as place:
        evaluation, seen = run(place, models, read.dataset, wish)
        write_folder(output, evaluation, read.dataset, seen, rows=rows, worst=worst)
        _tell(evaluation, output, rows=rows, as_json=as_json)
        kept = _for_promotion(evaluation, no_record=no_record, limit=limit)
        if kept.models:
            place.record(kept)
    failed = sum(model.failed for model in evaluation.models)
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.OK)


def _for_promotion(evaluation: Evaluation, *, no_record: bool, limit: int | None) -> Evaluation:
    """Return what may open a gate: the models that answered all pictures of the whole dataset; tell what may not.

    A picture that was not answered counts as one in which nothing was seen. That lowers recall and AP, but it leaves
    out the false finds that an answer would have had, and so raises precision.
    """
    reason = "--no-record was given" if no_record else None
    if reason is None and limit is not None:
        reason = f"--limit {limit} leaves pictures out"
    if reason is not None:
        say(f"Nothing is written down for promotion: {reason}.")
        return replace(evaluation, models=())
    for model in evaluation.models:
        if model.failed:
            part = f"{model.failed:,} of {evaluation.images:,} pictures could not be answered"
            say(f"{model.model} is not written down for promotion: {part}.")
    return replace(evaluation, models=tuple(model for model in evaluation.models if not model.failed))


def _read(
    coco: Path | None, labels: Path | None, images: Path | None, *, name: str | None, limit: int | None
) -> ReadDataset:
    """Read the truth, and tell what is odd about it.

    Raises:
        ParameterInvalid: Not exactly one truth is named, or no folder of pictures.
        BackendNotInstalled: What counts AP is not installed.
        TruthInvalid: The truth is wrong.
    """
    if (coco is None) == (labels is None):
        raise ParameterInvalid(
            "An evaluation needs one truth.", hint="Give --coco FILE for detectors, or --labels PATH for classifiers."
        )
    if coco is not None:
        from saccade.evaluation.coco_file import read_coco
        from saccade.evaluation.extra import require_eval

        if images is None:
            raise ParameterInvalid("The folder of the pictures is not named.", hint="Give --images FOLDER.")
        require_eval()
        read = read_coco(coco, images, name=name, limit=limit)
    else:
        from saccade.cli.pictures import SUFFIXES
        from saccade.evaluation.labelled import read_labels

        read = read_labels(labels or Path(), images, suffixes=SUFFIXES, name=name, limit=limit)
    say(*read.remarks)
    return read


def _tell(evaluation: Evaluation, output: Path, *, rows: bool, as_json: bool) -> None:
    """Write the table or the document to stdout, and what failed to stderr."""
    problems = [
        f"{model.model}: {row.name}: {row.problem}"
        for model in evaluation.models
        for row in model.rows
        if row.problem is not None
    ]
    say(*problems[:_LISTED_PROBLEMS])
    if len(problems) > _LISTED_PROBLEMS:
        say(f"{len(problems) - _LISTED_PROBLEMS} more pictures were not answered; the report names them.")
    if as_json:
        from saccade.evaluation.result_json import evaluation_to_json

        write_json(evaluation_to_json(evaluation, rows=rows))
        return
    from saccade.cli.evaluation_tables import write_tables

    write_tables(evaluation)
    stdout().print(f"Report: {output / 'report.html'}", soft_wrap=True, markup=False)
