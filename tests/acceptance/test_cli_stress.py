"""``saccade stress`` against a real server: what it says was done is what the server saw."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import httpx2
import pytest
from PIL import Image

from saccade.access.development import issue
from saccade.access.principals import Role

pytestmark = pytest.mark.slow  # each command is a process; the pages of docs/how-to are followed in any case

#: One file in the models folder: takes its time with each picture.
SLOW = '''
import time


class Slow:
    """Finds nothing, slowly."""

    task = "image-classification"
    labels = ("nothing",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        time.sleep(0.1 * len(images))
        return [[{"label": "nothing", "score": 1.0}] for _ in images]
'''
SECRET = "sac_0123_very-secret"


@pytest.fixture
def base(server):
    """Return the address of a server with all defaults."""
    return server


def jobs_at(base, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
        return client.get("/v1/jobs?limit=200").json()["jobs"]


def predictions_at(base, outcome):
    """Return how many predictions of the dummy model the server has made or has taken from its cache."""
    with httpx2.Client(base_url=base, timeout=60) as client:
        text = client.get("/metrics").text
    lines = re.findall(r"^saccade_predictions_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    return sum(float(count) for labels, count in lines if "dummy" in labels and f'"{outcome}"' in labels)


def test_figures_are_what_the_server_saw(base, saccade):
    """Each request is answered once and anew, each job is there and has ended, and the sums agree."""
    before = {job["id"] for job in jobs_at(base)}
    computed, cached = (predictions_at(base, outcome) for outcome in ("computed", "cached"))

    done = saccade("stress", "--base-url", base, "--model", "dummy", "--requests", "12", "--json")

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    new = [job for job in jobs_at(base) if job["id"] not in before]
    assert (figures["succeeded"], figures["failed"], figures["end"]) == (12, 0, "complete")
    assert {job["state"] for job in new} == {"succeeded"}
    assert len(new) == 8
    assert predictions_at(base, "computed") - computed == 12
    assert predictions_at(base, "cached") == cached
    counts = {mode: stages["end_to_end"]["count"] for mode, stages in figures["stages"].items()}
    assert counts == {"inference": 4, "status": 4, "results": 4}
    for stages in figures["stages"].values():
        parts = sum(spread["mean_ms"] for name, spread in stages.items() if name != "end_to_end")
        assert parts == pytest.approx(stages["end_to_end"]["mean_ms"], abs=0.01)
    assert figures["stages"]["results"]["processing"]["min_ms"] > 0
    assert f"Sends 12 requests to {base}: mixed of dummy, 5 at a time, as anonymous." in done.stderr


def test_table_is_for_people(base, saccade):
    """Stages, calls and users, and the verdict last; on an open server names are only names."""
    done = saccade(
        "stress", "--base-url", base, "--model", "dummy", "--requests", "6", "--users", "alice,bob", "--erase"
    )

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[-1].startswith("6 succeeded, 0 failed in ")
    assert {line.split()[0] for line in lines if line.strip()} >= {"inference", "queue", "rest", "alice", "bob", "GET"}
    assert "as alice, bob. Nobody is asked there who they are." in done.stderr


def test_erased_jobs_are_gone(base, saccade):
    """With --erase a run leaves nothing behind."""
    before = {job["id"] for job in jobs_at(base)}

    done = saccade("stress", "--base-url", base, "--model", "dummy", "--mode", "results", "--requests", "4", "--erase")

    assert done.returncode == 0, done.stderr
    assert {job["id"] for job in jobs_at(base)} == before


def test_full_server_is_waited_for_or_not(start_server, saccade, tmp_path):
    """503 with Retry-After is no failure, unless it is to be one."""
    (tmp_path / "slow.py").write_text(SLOW)
    settings = {"SACCADE_BATCH_QUEUE_ITEMS": "1", "SACCADE_ENGINE_SLOTS": "1"}
    base = start_server("--models", str(tmp_path), settings=settings).url
    words = ("stress", "--base-url", base, "--model", "slow", "--mode", "inference", "--requests", "16", "--json")

    patient = saccade(*words, "--concurrency", "8", "--timeout", "60")
    hasty = saccade(*words, "--concurrency", "8", "--no-retry")

    waited, refused = json.loads(patient.stdout), json.loads(hasty.stdout)
    assert patient.returncode == 0, patient.stdout
    assert (waited["succeeded"], waited["told_to_wait"] > 0) == (16, True)
    assert waited["statuses"]["503"] == waited["told_to_wait"]
    assert waited["stages"]["inference"]["told_to_wait"]["max_ms"] >= 1000
    assert hasty.returncode == 1
    assert (refused["told_to_wait"], refused["failed"] > 0) == (0, True)
    assert refused["failed"] == refused["statuses"]["503"]
    assert {kind["code"] for kind in refused["failures"]} == {"queue_full"}


def test_failures_end_with_one_and_can_be_looked_for(base, saccade, tmp_path):
    """Pictures that are none: counted, with the server's reason and the request's id, and the rest goes on."""
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "pictures" / "b.png").write_bytes(b"no picture")
    words = ("stress", "--base-url", base, "--model", "dummy", "--images", "pictures", "--requests", "6")

    told = saccade(*words, "--mode", "inference")
    counted = saccade(*words, "--mode", "results", "--json")

    assert (told.returncode, counted.returncode) == (1, 1)
    assert "3 image_format_unsupported  POST /v1/models/dummy/predict 415" in told.stdout
    assert re.search(r"first: request \S+", told.stdout)
    figures = json.loads(counted.stdout)
    [kind] = figures["failures"]
    assert (figures["succeeded"], figures["failed"], kind["count"]) == (3, 3, 3)
    assert (kind["code"], kind["job_id"] in {job["id"] for job in jobs_at(base)}) == ("image_format_unsupported", True)


def test_wrong_command_sends_nothing(base, saccade):
    """A model that is not there, a server that is not there, options that do not go together."""
    before = jobs_at(base)

    assert saccade("stress", "--base-url", base, "--model", "nothing").returncode == 2
    assert saccade("stress", "--base-url", "http://127.0.0.1:9").returncode == 75
    assert saccade("stress", "--base-url", base, "--key", SECRET, "--users", "alice").returncode == 2
    assert saccade("stress", "--base-url", "ftp://127.0.0.1").returncode == 2
    assert jobs_at(base) == before


def test_secrets_are_never_shown(base, saccade, tmp_path):
    """Neither a key nor a token nor a password in the address, whatever happens."""
    (tmp_path / "tokens").write_text(f"alice {SECRET}\nbob {SECRET}2\n")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "b.png").write_bytes(b"no picture")
    with_password = base.replace("http://", f"http://alice:{SECRET}@")
    ways = (
        ("--base-url", base, "--key", SECRET),
        ("--base-url", with_password, "--token-file", "tokens", "--json"),
        ("--base-url", f"http://alice:{SECRET}@127.0.0.1:9"),
        ("--base-url", base, "--key", f"{SECRET} {SECRET}"),
    )
    for way in ways:
        done = saccade("stress", *way, "--requests", "2", "--model", "dummy", "--images", "pictures")

        assert done.returncode != 0
        assert SECRET not in done.stdout + done.stderr


def test_users_have_tokens_and_jobs_of_their_own(start_server, saccade, tmp_path):
    """Where the server asks who sends, each user is somebody: with tokens made here, or with those in a file."""
    server = start_server(settings={"SACCADE_ACCESS_MODE": "required"})
    home = server.home / "saccade"
    words = ("stress", "--base-url", server.url, "--model", "dummy", "--mode", "status", "--requests", "6", "--json")
    role = frozenset({Role.INVESTIGATOR})
    tokens = {name: issue(home, name, role, lasts_s=600) for name in ("alice", "carol")}
    (tmp_path / "tokens").write_text("".join(f"{name} {token}\n" for name, token in tokens.items()))

    made = saccade(*words, "--users", "alice,bob", "--home", str(home))
    given = saccade(*words, "--users", "carol", "--token-file", "tokens")
    shown = saccade(*words, settings={"SACCADE_CLIENT_TOKEN": tokens["alice"]})
    nobody, foreign = saccade(*words), saccade(*words, "--users", "alice", "--home", str(tmp_path / "other"))

    assert [done.returncode for done in (made, given, shown, nobody, foreign)] == [0, 0, 0, 77, 77]
    assert set(json.loads(made.stdout)["users"]) == {"alice", "bob"}
    assert [len(jobs_at(server.url, token)) for token in tokens.values()] == [3 + 6, 6]
    assert ("unauthenticated" in nobody.stderr, "--home" in foreign.stderr) == (True, True)
    said = "".join(done.stdout + done.stderr for done in (made, given, shown, nobody, foreign)) + server.log_text()
    assert not [token for token in tokens.values() if token in said]


def test_interrupted_run_shows_what_it_has(base, tmp_path):
    """Ctrl-C ends it with the figures so far, and 130."""
    command = [sys.executable, "-m", "saccade.cli.main", "stress", "--base-url", base, "--model", "dummy"]
    command += ["--mode", "inference", "--requests", "1000000", "--json"]
    environment = {**os.environ, "HOME": str(tmp_path)}  # noqa: TID251 - a user's shell has an environment
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stderr.readline()  # it says what it is going to do, then it begins
    seen = served(base)
    deadline = time.monotonic() + 30
    while served(base) < seen + 5 and time.monotonic() < deadline:
        pass
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)

    figures = json.loads(said)
    assert process.returncode == 130
    assert figures["end"] == "interrupted"
    assert 0 < figures["succeeded"] <= figures["begun"] < 1_000_000


def served(base):
    """Return how many predictions the server was asked for."""
    with httpx2.Client(base_url=base, timeout=60) as client:
        text = client.get("/metrics").text
    found = re.findall(r"^http_server_request_duration_seconds_count\{.*/predict.* (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))
