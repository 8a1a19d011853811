"""``saccade jobs``: submit, list, show, wait, cancel, retry, purge, and what waits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.job_submit import submit
from saccade.cli.options import AsJson
from saccade.cli.output import stderr, stdout, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from saccade.cli.job_client import JobClient
    from saccade.predictions.render import Json

jobs = typer.Typer(
    help="Send many pictures to a server, and follow what becomes of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
jobs.command("submit")(submit)

JobId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="Id of a job.")]

#: Columns that the list has on any terminal: a narrow one breaks its lines, and not the ids, which are to be copied.
_LIST_WIDTH = 110
_ENDED = ("succeeded", "failed", "cancelled")


@jobs.command("list")
def list_jobs(
    *,
    state: Annotated[
        str | None, typer.Option(metavar="running|succeeded|failed|cancelled", help="Only jobs in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Most jobs that are listed.", min=1)] = 50,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """List jobs, newest first."""
    with _client(base_url) as client:
        found = list(client.jobs(state=state, limit=limit))
    if as_json:
        write_json(found, indent=2)
        return
    from saccade.cli.job_tables import jobs_table

    console = stdout()
    console.width = max(console.width, _LIST_WIDTH)
    console.print(jobs_table(found))


@jobs.command("show")
def show_job(job_id: JobId, *, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Show where a job stands."""
    with _client(base_url) as client:
        _show(client.job(job_id), as_json=as_json)


@jobs.command("wait")
def wait_for_job(job_id: JobId, *, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Wait until a job has ended. Ends with 1 if it did not succeed."""
    with _client(base_url, patience_s=60.0) as client:
        job = _watched(client, job_id)
    _show(job, as_json=as_json)
    raise typer.Exit(ExitCode.OK if job["state"] == "succeeded" else ExitCode.FAILED)


@jobs.command("cancel")
def cancel_jobs(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of jobs.")],
    *,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """End what is open of jobs; what has ended stays."""
    from saccade.cli.job_client import job_path

    with _client(base_url) as client:
        for job_id in job_ids:
            job = client.ask("POST", f"{job_path(job_id)}/cancel")
            counts = cast("Mapping[str, int]", job["counts"])
            stdout().print(f"{job_id} {job['state']}, {counts['cancelled']} items cancelled", soft_wrap=True)


@jobs.command("retry")
def retry_job(job_id: JobId, *, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Submit the failed and expired items of an ended job once more, as a new job."""
    from saccade.cli.job_client import job_path

    with _client(base_url) as client:
        _show(client.ask("POST", f"{job_path(job_id)}/retry"), as_json=as_json)


@jobs.command("purge")
def purge_jobs(
    *,
    running: Annotated[bool, typer.Option("--all", help="Jobs that still run too; they are cancelled.")] = False,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Erase ended jobs with their pictures and results."""
    from saccade.cli.job_client import job_path
    from saccade.errors import JobUnknown

    with _client(base_url) as client:
        states: tuple[str | None, ...] = (None,) if running else _ENDED
        chosen = [str(job["id"]) for state in states for job in client.jobs(state=state)]
        if chosen and not is_sure:
            typer.confirm(f"Erase {_counted(len(chosen))} at {base_url} with all results?", abort=True)
        for job_id in chosen:
            with contextlib.suppress(JobUnknown):  # somebody else was faster
                client.ask("DELETE", job_path(job_id))
    stdout().print(f"{_counted(len(chosen))} erased")


@jobs.command("queue")
def show_queue(*, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Show what waits for which model, and who works."""
    with _client(base_url) as client:
        queue = client.ask("GET", "/v1/queue")
    if as_json:
        write_json(queue, indent=2)
        return
    from saccade.cli.job_tables import queue_tables

    for table in queue_tables(queue):
        stdout().print(table)


@contextlib.contextmanager
def _client(base_url: str, *, patience_s: float = 0.0) -> Iterator[JobClient]:
    """Open a client of the server there, and close it at the end."""
    from saccade.cli.job_client import open_client

    client = open_client(base_url, patience_s=patience_s)
    with contextlib.closing(client.http):
        yield client


def _show(job: Mapping[str, Json], *, as_json: bool) -> None:
    if as_json:
        write_json(job, indent=2)
        return
    from saccade.cli.job_tables import job_page

    stdout().print(job_page(job))


def _watched(client: JobClient, job_id: str) -> dict[str, Json]:
    """Return a job at its end, with a bar on stderr while somebody is looking."""
    console = stderr()
    job = client.job(job_id)
    if not console.is_terminal:
        while job["state"] == "running":
            job = client.job(job_id, wait_s=20)
        return job
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("[dim]items"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        for job in client.states(job_id):
            counts = cast("Mapping[str, int]", job["counts"])
            bar.update(task, total=counts["total"], completed=counts["total"] - counts["queued"] - counts["running"])
    return job


def _counted(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"
