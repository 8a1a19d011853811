"""What an evaluation writes into its folder: the document, the report, and a row per picture."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saccade.evaluation.document import Evaluation
    from saccade.evaluation.seen import Seen
    from saccade.evaluation.truth import Dataset

REPORT, DOCUMENT, ROWS = "report.html", "evaluation.json", "images.csv"


def write_folder(
    folder: Path, evaluation: Evaluation, dataset: Dataset, seen: Sequence[Sequence[Seen]], *, rows: bool, worst: int
) -> None:
    """Write everything, each file whole or not at all; a table of rows that an earlier run left is taken away.

    Args:
        folder: Where; made if it is not there.
        evaluation: What was found.
        dataset: What it was found on.
        seen: What each model said, with the truth's labels; in the order of the models.
        rows: Whether each picture gets a row.
        worst: How many pictures of each model the report shows.

    Raises:
        ParameterInvalid: A file cannot be written.
    """
    from saccade.evaluation.html.page import page
    from saccade.evaluation.result_json import evaluation_to_json
    from saccade.evaluation.worst import worst_pictures
    from saccade.evaluation.writing import write_whole

    document = evaluation_to_json(evaluation, rows=rows)
    write_whole(folder / DOCUMENT, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    if rows:
        write_whole(folder / ROWS, rows_as_csv(evaluation))
    else:
        (folder / ROWS).unlink(missing_ok=True)
    pictures = {
        model.model: worst_pictures(dataset, each, model, count=worst)
        for model, each in zip(evaluation.models, seen, strict=True)
    }
    write_whole(folder / REPORT, page(evaluation, pictures))


def rows_as_csv(evaluation: Evaluation) -> str:
    """Return a row per model and picture; what is not known is an empty cell.

    Texts that a spreadsheet would compute have an apostrophe before them.
    """
    from saccade.evaluation.document import ImageRow

    table = io.StringIO(newline="")
    writer = csv.writer(table)
    names = [field.name for field in dataclasses.fields(ImageRow)]
    writer.writerow(["model", *names])
    for model in evaluation.models:
        for row in model.rows:
            writer.writerow([model.model, *(_cell(getattr(row, name)) for name in names)])
    return table.getvalue()


def _cell(value: object) -> object:
    from saccade.jobs.exports import guarded

    return guarded(value) if isinstance(value, str) else value
