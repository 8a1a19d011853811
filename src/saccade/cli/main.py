"""The program ``saccade``: one command per file, and one place where an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from saccade.cli.demo import demo
from saccade.cli.doctor import doctor
from saccade.cli.evaluate import evaluate
from saccade.cli.exits import ExitCode
from saccade.cli.images import images
from saccade.cli.jobs import jobs
from saccade.cli.keys import keys
from saccade.cli.migrate import migrate
from saccade.cli.models import models
from saccade.cli.output import report
from saccade.cli.predict import predict
from saccade.cli.serve import serve
from saccade.cli.stress import stress
from saccade.cli.token import token
from saccade.cli.usage import usage
from saccade.cli.users import users
from saccade.cli.version import version
from saccade.cli.work import work
from saccade.errors import SaccadeError

app = typer.Typer(
    name="saccade",
    help="Saccade looks at images: bring models, send pictures, get labels and boxes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve)
app.command()(work)
app.command()(predict)
app.add_typer(jobs, name="jobs")
app.add_typer(images, name="images")
app.command()(evaluate)
app.add_typer(models, name="models")
app.add_typer(users, name="users")
app.add_typer(keys, name="keys")
app.add_typer(usage, name="usage")
app.command()(doctor)
app.command()(migrate)
app.command()(demo)
app.command()(stress)
app.command()(token)
app.command()(version)


def main() -> None:
    """Run the command line; our own errors end in one line and their exit code, without a trace."""
    # pydantic would read the metadata of every installed package in search of plug-ins: a tenth of the start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251 - another library's setting
    try:
        app()
    except SaccadeError as error:
        sys.exit(report(error))
    except Exception:  # noqa: BLE001 - our own fault: the trace is for whoever mends it, the code for scripts
        traceback.print_exc()
        sys.exit(ExitCode.INTERNAL)


if __name__ == "__main__":
    main()
