"""What doctor shows and what it looks at."""

from pathlib import Path

import pytest

from saccade.cli import checks
from saccade.cli.checks import Verdict
from saccade.cli.doctor import shown_setting
from saccade.cli.options import read_settings
from saccade.cli.reach import check_database


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://ada:s3cret@db/saccade", "postgresql://…@db/saccade"),
        ("postgresql://ada:s3/cr@t:x@db/saccade", "postgresql://…@db/saccade"),
        ("postgresql://db/saccade?user=ada&password=s3cret&x=1", "postgresql://db/saccade?user=ada&password=…&x=1"),
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


@pytest.mark.parametrize("url", ["postgresql://ada:s3@cret:w0rd@db/x", "postgresql://ada:s3cret@127.0.0.1:port/x"])
def test_database_url_that_cannot_be_read_is_told_without_its_password(url):
    """What the reader of URLs says holds a piece of it, and is not passed on."""
    found = check_database(read_settings({"SACCADE_DATABASE_URL": url}))

    assert found.verdict == Verdict.WRONG
    assert "cret" not in found.detail
    assert "w0rd" not in found.detail


def test_option_that_a_driver_does_not_know_is_told():
    """A driver's own error ends no report."""
    found = check_database(read_settings({"SACCADE_DATABASE_URL": "postgresql://ada:s3cret@127.0.0.1:1/x?bogus=1"}))

    assert found.verdict == Verdict.WRONG
    assert "s3cret" not in found.detail
