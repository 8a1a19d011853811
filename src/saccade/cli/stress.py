"""``saccade stress``: many requests to a server of one's own, and where their time went."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.options import AsJson, HomeFolder, read_settings
from saccade.cli.output import shown_url, stderr, stdout, write_json
from saccade.cli.stress_plan import ANONYMOUS, Mode
from saccade.clock import monotonic_s

if TYPE_CHECKING:
    import httpx2

    from saccade.cli.stress_figures import Figures
    from saccade.cli.stress_plan import Plan
    from saccade.cli.stress_run import End, StressRun
    from saccade.cli.stress_visit import Outcome

#: How often a line tells the progress where no terminal shows a bar.
_LINE_EVERY_S = 10.0
#: Tokens that are issued for a run are good for so much longer than it may take.
_MARGIN_S = 300.0
#: Names that the first line has; more are counted.
_SHOWN_USERS = 5


def stress(
    *,
    base_url: BaseUrl = DEFAULT_URL,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Name of a model, or name@version.")] = "circles",
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="inference|status|results|mixed",
            help="Predictions, jobs followed to their end, jobs with their results, or all three in turn.",
        ),
    ] = Mode.MIXED,
    requests: Annotated[int, typer.Option(metavar="N", help="Requests in all.", min=1, max=1_000_000)] = 30,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Requests under way at a time.", min=1, max=512)] = 5,
    poll: Annotated[
        bool, typer.Option("--poll/--no-poll", help="Follow jobs to their end, or look at them once.")
    ] = True,
    retry: Annotated[
        bool,
        typer.Option("--retry/--no-retry", help="Come again when the server says when, or count that as a failure."),
    ] = True,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="S", help="Seconds that one request may take, all in all.", min=0.1, max=86_400
        ),
    ] = 30.0,
    duration_s: Annotated[
        float,
        typer.Option(
            "--duration", metavar="S", help="Seconds after which none is begun any more.", min=0.1, max=604_800
        ),
    ] = 300.0,
    users: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Who sends, in turn: alice,bob. Without --token-file they get tokens."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A name and a key or token a line.", exists=True, dir_okay=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="A key or token. Others see a command line; SACCADE_CLIENT_TOKEN and --token-file they do not.",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Pictures that are sent.",
            show_default="those that come with Saccade",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Erase each job once its figures are taken.")] = False,
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Send many requests to a server of your own, and show where their time went.

    So many workers send one request after the other. No two requests carry the same bytes, so that no answer comes
    from the cache. The server's own times tell the stages apart; what of the whole lies in none of them is the rest,
    below zero where a worker began before the client heard that its job was accepted. Jobs stay on the server unless
    --erase is given. Where the server asks who sends, --users gets development tokens, signed with the key in
    SACCADE_HOME, which must be the server's. Ends with 1 if any request failed.
    """
    from saccade.cli.job_client import open_client
    from saccade.cli.stress_access import users_of
    from saccade.cli.stress_figures import Figures
    from saccade.cli.stress_plan import Plan, read_pictures
    from saccade.cli.stress_run import StressRun

    pictures = read_pictures(images or _samples_for(model))
    client = open_client(base_url)
    with contextlib.closing(client.http):
        senders = users_of(
            client,
            model,
            read_settings({"SACCADE_HOME": home}),
            names=users,
            tokens=token_file,
            key=key,
            lasts_s=duration_s + timeout_s + _MARGIN_S,
        )
    plan = Plan(
        model=model,
        mode=mode,
        users=senders,
        pictures=pictures,
        requests=requests,
        concurrency=concurrency,
        poll=poll,
        retry=retry,
        erase=erase,
        timeout_s=timeout_s,
        duration_s=duration_s,
    )
    _announce(base_url, plan)
    figures = Figures()
    with _connections(base_url, concurrency) as http, _progress(plan, figures) as on_outcome:
        run = StressRun(http, plan, on_outcome)
        end = run.run()
    _write(base_url, plan, figures, run, end, as_json=as_json)
    raise typer.Exit(_exit_code(figures, end))


def _samples_for(model: str) -> Path:
    """Return the folder of samples that were made for this model, else of all."""
    from saccade.cli.demo import TOUR, find_samples

    samples = find_samples()
    own = next((samples / folder for folder, name in TOUR.items() if name == model.partition("@")[0]), samples)
    return own if own.is_dir() else samples


def _announce(base_url: str, plan: Plan) -> None:
    """Say what is going to be done, before it is."""
    names = [user.name for user in plan.users]
    is_open = all(user.secret is None for user in plan.users) and plan.users[0] is not ANONYMOUS
    more = f" and {len(names) - _SHOWN_USERS} more" if len(names) > _SHOWN_USERS else ""
    counted = "1 request" if plan.requests == 1 else f"{plan.requests} requests"
    stderr().print(
        f"Sends {counted} to {shown_url(base_url)}: {plan.mode} of {plan.model}, {plan.concurrency} at a time, "
        f"as {', '.join(names[:_SHOWN_USERS])}{more}.{' Nobody is asked there who they are.' if is_open else ''}",
        soft_wrap=True,
        markup=False,
    )


@contextlib.contextmanager
def _connections(base_url: str, concurrency: int) -> Iterator[httpx2.Client]:
    """Open a client that has a connection for each worker, kept while the run lasts."""
    import httpx2

    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with httpx2.Client(base_url=base_url, limits=limits) as http:
        yield http


@contextlib.contextmanager
def _progress(plan: Plan, figures: Figures) -> Iterator[Callable[[Outcome], None]]:
    """Count outcomes and show how far it is: a bar where somebody is looking, else a line now and then."""
    console = stderr()
    if not console.is_terminal:
        told_s = monotonic_s()

        def tell(outcome: Outcome) -> None:
            nonlocal told_s
            figures.add(outcome)
            if monotonic_s() - told_s >= _LINE_EVERY_S:
                told_s = monotonic_s()
                done = figures.succeeded + figures.failed
                console.print(f"{done} of {plan.requests} requests, {figures.failed} failed", soft_wrap=True)

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("[dim]requests"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=plan.requests, note="")

        def advance(outcome: Outcome) -> None:
            figures.add(outcome)
            bar.update(task, advance=1, note=f"{figures.failed} failed" if figures.failed else "")

        yield advance


def _write(base_url: str, plan: Plan, figures: Figures, run: StressRun, end: End, *, as_json: bool) -> None:
    done = figures.succeeded + figures.failed
    if as_json:
        asked = {"base_url": shown_url(base_url), "model": plan.model, "mode": plan.mode.value}
        counts = {"requests": plan.requests, "concurrency": plan.concurrency, "begun": run.begun, "end": end.value}
        rate = round(done / run.elapsed_s, 3) if run.elapsed_s > 0 else None
        times = {"elapsed_s": round(run.elapsed_s, 3), "requests_per_s": rate}
        write_json({**asked, **counts, **times, **figures.to_json()}, indent=2)
        return
    from saccade.cli.stress_tables import report_of

    console = stdout()
    for part in report_of(plan, figures, end, begun=run.begun, elapsed_s=run.elapsed_s):
        console.print(part)


def _exit_code(figures: Figures, end: End) -> int:
    if end == "interrupted":
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if figures.failed else ExitCode.OK
