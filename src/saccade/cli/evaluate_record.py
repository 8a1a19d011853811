"""Writing an evaluation's figures down where a promotion looks them up: in the database here, or at the server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from saccade.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from saccade.cli.job_client import JobClient
    from saccade.evaluation.document import Evaluation
    from saccade.models.evaluations import EvaluationRecord


def record_here(evaluation: Evaluation) -> None:
    """Write every model's figures into the database of SACCADE_DATABASE_URL.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: Its schema is not this version's.
    """
    from saccade.backends.database.evaluations import SqlEvaluations
    from saccade.backends.database.opening import open_database
    from saccade.cli.options import read_settings
    from saccade.wiring.schema import check_schema

    with contextlib.closing(open_database(read_settings({}).database_url)) as database:
        check_schema(database)
        evaluations = SqlEvaluations(database)
        for record in _records(evaluation):
            evaluations.add(record)


def record_at(client: JobClient, evaluation: Evaluation) -> None:
    """Send every model's figures to the server that answered.

    Raises:
        AccessError: The caller may not; the report is written all the same.
    """
    for record in _records(evaluation):
        body = {
            "id": record.id,
            "digest": record.digest,
            "task": record.task,
            "dataset": record.dataset,
            "images": record.images,
            "figures": dict(record.figures),
        }
        try:
            client.ask("POST", f"/v1/models/{quote(record.model, safe='@')}/evaluations", json=body)
        except AccessError as error:
            hint = "Ask as somebody who may, or leave that out with --no-record."
            raise type(error)(f"The report is written, but not the figures for promotion: {error}", hint=hint) from None


def _records(evaluation: Evaluation) -> Iterator[EvaluationRecord]:
    """Yield one record for each model; several models of one evaluation have ids of their own."""
    from saccade.cli.opened_access import operator
    from saccade.jobs.ids import new_id
    from saccade.models.evaluations import EvaluationRecord, dataset_beginning

    dataset = f"{dataset_beginning(evaluation.dataset)}{evaluation.dataset_sha256}"
    for number, model in enumerate(evaluation.models):
        yield EvaluationRecord(
            id=evaluation.id if number == 0 else new_id(),
            name=model.model.partition("@")[0],
            model=model.model,
            digest=model.digest,
            task=model.task.value,
            dataset=dataset,
            images=evaluation.images,
            figures=model.figures,
            principal=operator().id,
        )
