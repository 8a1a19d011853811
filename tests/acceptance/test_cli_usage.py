"""``saccade usage summary | report | json`` as people and scripts call them, on a ledger in a file."""

import json
import os
import pty
import subprocess
import sys
from datetime import timedelta

import pytest

from saccade.backends.database.ledger import SqlLedger
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.clock import utc_now
from saccade.usage.event import Batch, PredictionEvent, RequestEvent
from saccade.usage.window import to_us


def event(hours_ago, principal="alice", status=200):
    """Return one request of the past."""
    at_us = to_us(utc_now() - timedelta(hours=hours_ago))
    name = principal.title()
    return RequestEvent(principal, name, "key", "POST", "/v1/jobs", "", status, 1000, 20_000, "r", at_us)


@pytest.fixture
def place(tmp_path):
    """Return the settings of a ledger with three requests of today, one of last week, and a prediction."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    database = open_database(url)
    migrate(database)
    at_us = to_us(utc_now() - timedelta(hours=1))
    predicted = (PredictionEvent("alice", "circles@1", "sha256:c", True, 187_500, 2.0, False, at_us),)
    requests = (event(1), event(2, status=503), event(3, "bob"), event(24 * 7, "bob"))
    SqlLedger(database).write(Batch("1", "lab", requests, predicted))
    database.close()
    return {"SACCADE_DATABASE_URL": url}


def test_summary_is_a_page_about_the_last_day(saccade, place):
    """A pipe gets the same page without colours; nothing but the page is on stdout."""
    ended = saccade("usage", "summary", settings=place)

    assert ended.returncode == 0, ended.stderr
    for words in ("Usage", "requests", "33.3", "POST /v1/jobs", "503 Service Unavailable", "Alice", "circles@1"):
        assert words in ended.stdout
    assert "\x1b" not in ended.stdout
    assert ended.stderr == ""


def test_json_is_about_the_last_day_and_goes_to_stdout(saccade, place):
    """A script reads it from the pipe; times are in the time zone that was asked for."""
    ended = saccade("usage", "json", "--timezone", "Asia/Tokyo", settings=place)
    found = json.loads(ended.stdout)

    assert (3, 2, 1) == (found["total"], found["unique_users"], found["error_count"])
    assert ("Asia/Tokyo", "hour") == (found["timezone"], found["bucket"])
    assert found["coverage_start"].endswith("+09:00")


def test_options_choose_what_counts(saccade, place):
    """Window, service, principal, bucket and limit are all followed."""

    def total(*options):
        return json.loads(saccade("usage", "json", *options, settings=place).stdout)["total"]

    assert 1 == total("--since", "30d", "--until", "2d")
    assert 2 == total("--since", "30d", "--principal", "Alice", "--service", "lab")
    assert 0 == total("--service", "other")
    few = saccade("usage", "json", "--recent-limit", "1", "--bucket", "minute", settings=place)
    found = json.loads(few.stdout)
    assert (1, "minute", 1441) == (len(found["recent"]), found["bucket"], len(found["time_buckets"]))


def test_report_is_one_file_about_the_whole_history(saccade, place, tmp_path):
    """Without --output it has a name with the time in the working folder, and where it is is told."""
    ended = saccade("usage", "report", settings=place)
    [page] = tmp_path.glob("saccade-usage-*.html")

    assert f"4 requests, 1 predictions: {page.name}\n" == ended.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "<script" not in page.read_text()


@pytest.mark.parametrize(("command", "begin"), [("report", "<!DOCTYPE"), ("json", "{"), ("summary", "Usage")])
def test_output_replaces_a_file_at_once(saccade, place, tmp_path, command, begin):
    """A report that somebody writes every night is there whole, the old one or the new one, and alone."""
    target = tmp_path / "out" / "report"
    target.parent.mkdir()
    target.write_text("of last night")
    ended = saccade("usage", command, "--output", str(target), settings=place)

    assert ended.returncode == 0, ended.stderr
    assert target.read_text().startswith(begin)
    assert [target] == list(target.parent.iterdir())


def test_place_that_cannot_be_written_is_a_wrong_option(saccade, place, tmp_path):
    """The line names the option and the reason."""
    ended = saccade("usage", "json", "--output", str(tmp_path / "nowhere" / "x.json"), settings=place)

    assert 2 == ended.returncode
    assert "--output" in ended.stderr
    assert "No such file" in ended.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--timezone", "Mars"),
        ("--bucket", "minute", "--since", "52w"),
    ],
)
def test_wrong_option_is_one_line_and_a_usage_error(saccade, place, options):
    """Whoever calls it learns what to write instead."""
    ended = saccade("usage", "json", *options, settings=place)

    assert 2 == ended.returncode
    assert "[parameter_invalid]" in ended.stderr
    assert ended.stdout == ""


def test_ledger_that_is_not_there_yet_is_empty(saccade, tmp_path):
    """Before the first request there is a report that says so."""
    settings = {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}
    summary = saccade("usage", "summary", settings=settings)

    assert "Nothing was counted in this window." in summary.stdout
    assert 0 == json.loads(saccade("usage", "json", settings=settings).stdout)["total"]


def test_clock_of_the_machine_counts_unless_another_is_named(saccade, place):
    """TZ is followed by its name, so that changes of its clock are known."""
    here = json.loads(saccade("usage", "json", settings={**place, "TZ": "America/New_York"}).stdout)

    assert "America/New_York" == here["timezone"]


def test_terminal_sees_what_is_being_read(place, tmp_path):
    """On a terminal a line tells that the ledger is read, and is gone when that is done; stdout stays clean."""
    master, slave = pty.openpty()
    environment = {**os.environ, **place, "TERM": "xterm", "COLUMNS": "100"}  # noqa: TID251
    ended = subprocess.run(
        [sys.executable, "-m", "saccade.cli.main", "usage", "json"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        timeout=60,
    )
    os.close(slave)
    told = os.read(master, 65536).decode()
    os.close(master)

    assert "Reading the ledger" in told
    assert 3 == json.loads(ended.stdout)["total"]
