"""What a command costs before it does anything."""

import json
import subprocess
import sys

import pytest

#: What only commands that use it may load: each costs a tenth of a second or more.
HEAVY = {"fastapi", "httpx2", "numpy", "onnxruntime", "PIL", "rich.console", "saccade.settings", "structlog", "uvicorn"}


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], {*HEAVY, "pydantic"}),
        (["serve", "--help"], HEAVY),  # Typer itself reads options with pydantic
        (["models", "add", "--help"], HEAVY),
    ],
)
def test_help_loads_nothing_heavy(words, heavy):
    """Asking for help is answered at once: no model, no server and no settings are loaded for it."""
    script = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from saccade.cli.main import main\n"
        f"sys.argv = ['saccade', *{words!r}]\n"
        "main()"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert ended.stdout.startswith("Usage: ")
    assert heavy & set(json.loads(ended.stderr)) == set()


def test_server_makes_no_log_line_before_there_is_one():
    """What formats lines is large; it is loaded with the first line, which the first answer need not wait for."""
    script = (
        "import logging, sys\n"
        "from saccade.api.logs import configure_logs\n"
        "from saccade.settings import LogSettings\n"
        "configure_logs(LogSettings())\n"
        "import saccade.api.app\n"
        "print('structlog' in sys.modules)\n"
        "logging.getLogger('saccade.test').warning('a line')\n"
        "print('structlog' in sys.modules)\n"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert ended.stdout.split() == ["False", "True"]
    assert json.loads(ended.stderr)["message"] == "a line"


def test_version_is_told_for_people_and_for_programs(saccade):
    """The same version both ways."""
    plain = saccade("version").stdout.split()[1]
    told = json.loads(saccade("version", "--json").stdout)

    assert told["saccade"] == plain
    assert set(told) == {"saccade", "python", "libraries"}


def test_unknown_command_is_a_wrong_command_line(saccade):
    """The exit code is the one of every wrong command line."""
    assert saccade("predikt").returncode == 2


def test_misspelt_setting_ends_any_command_with_78(saccade):
    """A variable that names no setting is told and not ignored."""
    ended = saccade("models", "list", settings={"SACCADE_SERVER_PROT": "80"})

    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.startswith("Error: SACCADE_SERVER_PROT (environment) names no setting.")
