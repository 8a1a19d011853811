"""How commands end: exit codes, who must act, and one line instead of a trace."""

import pytest

from saccade import errors
from saccade.cli import exits, output
from saccade.cli.exits import ExitCode


@pytest.mark.parametrize("family", errors.FAMILIES)
def test_every_family_of_errors_has_an_ending(family):
    """No error of ours ends a command without a chosen exit code."""
    assert family in exits.ENDINGS


def test_every_exit_code_has_a_meaning():
    """The reference can explain every exit code."""
    assert set(exits.MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ModelUnknown("No model."), ExitCode.USAGE),
        (errors.SettingInvalid("Wrong."), ExitCode.CONFIGURATION),
        (errors.BindRefused("Wide open."), ExitCode.CONFIGURATION),
        (errors.ServerUnreachable("Silence."), ExitCode.TRY_AGAIN),
        (errors.GraphRefused("A pickle."), ExitCode.FAILED),
        (errors.PackageExists("Twice."), ExitCode.FAILED),
        (errors.HostRefused("Who?"), ExitCode.ACCESS),
    ],
)
def test_exit_code_follows_the_family(error, code):
    """A script can tell from the exit code who must act."""
    assert exits.ending_of(error).exit_code == code


def test_report_is_one_line_with_what_who_and_hint(capsys):
    """What happened, who must act, what to do and the code, on stderr, without a trace."""
    code = output.report(errors.SettingUnknown("SACCADE_PROT names no setting."))

    written = capsys.readouterr()
    assert code == ExitCode.CONFIGURATION
    assert written.out == ""
    assert written.err == (
        "Error: SACCADE_PROT names no setting. Change a setting: Check the spelling; "
        "docs/reference/settings.md lists them all. [setting_unknown]\n"
    )


def test_hint_speaks_of_commands_when_the_default_speaks_of_routes():
    """Somebody at a terminal is sent to a command and not to a route."""
    assert exits.hint_of(errors.ModelUnknown("No.")) == "saccade models list shows the models."


def test_hint_of_the_moment_stands_over_the_table():
    """A hint that was written for this very error is kept."""
    assert exits.hint_of(errors.ModelUnknown("No.", hint="Did you mean circles?")) == "Did you mean circles?"


def test_markup_in_a_message_is_shown_as_it_is(capsys):
    """A file name that looks like markup neither vanishes nor colours anything."""
    output.report(errors.ModelUnknown("There is no model [bold]."))

    assert "There is no model [bold]." in capsys.readouterr().err
