"""From a URL to a database: what is refused, with which words, and who may read what is made."""

import os
import stat

import pytest

from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.errors import DatabaseUnreachable, SchemeUnknown


def test_port_that_is_none_is_refused_without_a_piece_of_the_password():
    """An @ that nobody escaped makes a piece of the password the port."""
    with pytest.raises(SchemeUnknown) as refused:
        open_database("postgresql://ada:s3@cret:w0rd@127.0.0.1/x")

    assert "w0rd" not in f"{refused.value} {refused.value.hint} {refused.value.__cause__}"


def test_file_is_for_its_owner_alone(tmp_path):
    """Whatever the mask: the secrets that sign webhooks are in it, and in the journal beside it."""
    before = os.umask(0)
    try:
        database = open_database(f"sqlite:///{tmp_path}/saccade.db")
        try:
            migrate(database)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("saccade.db*")}
        finally:
            database.close()
    finally:
        os.umask(before)

    assert "saccade.db-wal" in modes
    assert set(modes.values()) == {0o600}


def test_file_that_cannot_be_made_is_told(tmp_path):
    """Where its folder should be lies a file."""
    (tmp_path / "place").touch()

    with pytest.raises(DatabaseUnreachable):
        open_database(f"sqlite:///{tmp_path}/place/saccade.db")
