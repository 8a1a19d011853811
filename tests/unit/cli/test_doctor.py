"""What doctor shows and what it looks at."""

from pathlib import Path

import pytest

from saccade.cli import checks
from saccade.cli.checks import Verdict
from saccade.cli.doctor import shown_setting
from saccade.cli.options import read_settings


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://ada:s3cret@db/saccade", "postgresql://…@db/saccade"),
        (("https://u:p@a.example", "10.0.0.0/8"), "https://…@a.example, 10.0.0.0/8"),
        ("sqlite:///saccade.db", "sqlite:///saccade.db"),
        (8000, "8000"),
        (False, "false"),
    ],
)
def test_no_password_is_shown(value, shown):
    """A URL's user and password never reach a terminal or a bug report."""
    assert shown_setting(value) == shown


def test_home_that_is_a_file_is_wrong(tmp_path):
    """What cannot hold files is no home."""
    place = tmp_path / "home"
    place.touch()

    assert checks.check_home(place).verdict == Verdict.WRONG


def test_home_below_a_writable_folder_is_right_before_it_is_made(tmp_path):
    """Nothing is written by looking."""
    place = tmp_path / "a" / "b"

    assert checks.check_home(place).verdict == Verdict.OK
    assert not (tmp_path / "a").exists()


def test_missing_models_folder_is_no_fault(tmp_path):
    """The shipped models need no folder."""
    assert checks.check_models_folder(tmp_path / "models").verdict == Verdict.OK


def test_models_folder_that_is_a_file_is_wrong(tmp_path):
    """A path that is no folder is told."""
    place = tmp_path / "models"
    place.touch()

    assert checks.check_models_folder(place).verdict == Verdict.WRONG


def test_open_bind_is_wrong_before_the_server_refuses_it():
    """Doctor says what serve would say."""
    settings = read_settings({"SACCADE_SERVER_HOST": "0.0.0.0"})

    found = checks.check_port(settings)

    assert found.verdict == Verdict.WRONG
    assert "SACCADE_SERVER_ALLOW_ANYONE" in found.detail


def test_paths_in_settings_are_shown_as_paths():
    """A value is shown as it would be written."""
    assert shown_setting(Path("~/.saccade")) == "~/.saccade"
