"""The commands of ``python -m chaos``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos.mutants import MUTANTS
from chaos.plan import Plan

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def broken(report: dict[str, Any]) -> dict[str, int]:
    """Return the promises that were broken, with how often."""
    return {name: count for name, count in report["violations"].items() if count}


def write(report: object, path: Path | None) -> None:
    """Write a report where it is wanted."""
    text = json.dumps(report, indent=2)
    if path is None:
        sys.stdout.write(text + "\n")
    else:
        path.write_text(text)


@app.command()
def run(
    database: Annotated[str, typer.Option(help="sqlite, postgresql or mariadb of the run's own, or a URL.")] = "sqlite",
    hints: Annotated[str, typer.Option(help="memory, redis or rabbitmq of the run's own, or a URL.")] = "memory",
    objects: Annotated[str, typer.Option(help="file for a folder of the run's own, or a URL.")] = "file",
    items: int = 1000,
    kills: int = 40,
    seed: int = 1,
    seconds: float = 60.0,
    servers: int = 1,
    workers: int = 2,
    embedded: bool = True,
    lease: float = 2.0,
    wipes: int = 2,
    stops: Annotated[float, typer.Option(help="SIGSTOPs for each kill.")] = 0.4,
    mutant: Annotated[str, typer.Option(help=f"A guard to take out: {', '.join(MUTANTS)}.")] = "none",
    report: Annotated[Path | None, typer.Option("--json", help="Where the report goes, else to stdout.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Where logs and journal are copied.")] = None,
) -> None:
    """Harm real processes while real clients submit jobs, then check that no promise was broken."""
    from chaos.run import run as do

    plan = Plan(
        database=database, hints=hints, objects=objects, items=items, kills=kills, seed=seed, seconds=seconds,
        servers=servers, workers=workers, embedded=embedded, lease_s=lease, wipes=wipes, stops=stops, mutant=mutant,
    )  # fmt: skip
    told = do(plan, keep=keep)
    write(told, report)
    raise typer.Exit(1 if broken(told) else 0)


@app.command()
def failpoints(
    only: Annotated[str, typer.Option(help="Names separated by commas; all if empty.")] = "",
    together: Annotated[int, typer.Option(help="How many at the same time.")] = 2,
    report: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Kill a server at every failpoint once, start it again, and check."""
    from chaos.sweep import sweep

    told = sweep([name for name in only.split(",") if name], together=together)
    write(told, report)
    raise typer.Exit(1 if any(not one["passed"] or broken(one) for one in told.values()) else 0)


@app.command()
def mutants(report: Annotated[Path | None, typer.Option("--json")] = None) -> None:
    """Take out one guard after the other and show that the checker finds each."""
    from chaos.proofs import PROOFS, prove

    told = {name: prove(name) for name in PROOFS}
    write(told, report)
    raise typer.Exit(0 if all(one["found"] for one in told.values()) else 1)


@app.command()
def long(
    backends: Annotated[str, typer.Option(help="Sets like postgresql+rabbitmq, separated by commas.")] = "",
    items: int = 10_000,
    kills: int = 200,
    seconds: float = 600.0,
    seed: int = 1,
    report: Annotated[Path, typer.Option("--json", help="The folder of the reports.")] = Path("chaos-reports"),
) -> None:
    """Do the long run on each set of backends, one after the other."""
    from chaos.run import run as do

    report.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in [one for one in backends.split(",") if one] or LONG:
        plan = replace(LONG[name], items=items, kills=kills, seconds=seconds, seed=seed)
        told = do(plan)
        write(told, report / f"{name}.json")
        sys.stdout.write(f"{name}: {broken(told) or 'no promise was broken'}, {told['harm']['kills']} kills\n")
        failed = failed or bool(broken(told))
    raise typer.Exit(1 if failed else 0)


_APART = Plan(database="postgresql", servers=2, embedded=False, workers=4, patience_s=300.0)
#: The sets of backends of the long run.
LONG: dict[str, Plan] = {
    "sqlite": Plan(embedded=True, servers=2, workers=2, patience_s=300.0),
    "postgresql+rabbitmq": replace(_APART, hints="rabbitmq", wipes=20),
    "mariadb+redis": replace(_APART, database="mariadb", hints="redis", wipes=20),
    "postgresql+redis": replace(_APART, hints="redis", wipes=20),
    "postgresql": _APART,
}


def main() -> None:
    """Run the command line."""
    app()
