"""``saccade jobs`` against a real server: a submission that is killed again and again, and the commands around it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import httpx2
import pytest
from PIL import Image

from working.slow import slow_plug_in


def png(grey):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (grey % 256, grey // 256, 0)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def base(tmp_path_factory, run_server):
    """Yield the address of a server with a slow model and a short queue."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "slow.py").write_text(slow_plug_in(0.02))
    settings = {"SACCADE_CACHE_BYTES": "0", "SACCADE_JOBS_QUEUE_ITEMS_EACH": "60", "SACCADE_WORKER_CONCURRENCY": "8"}
    with run_server(tmp_path_factory.mktemp("server"), "--models", str(folder), settings=settings) as started:
        yield started.url


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for number in range(150):
        place = folder / ("below" if number % 3 else "") / f"{number:03d}.png"
        place.write_bytes(png(number))
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def jobs_at(base):
    with httpx2.Client(base_url=base, timeout=60) as client:
        return client.get("/v1/jobs?limit=200").json()["jobs"]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_killed_submission_goes_on_without_doubles(base, pictures, tmp_path):
    """However often it is killed, each picture has one line, and each chunk was one job."""
    before = {job["id"] for job in jobs_at(base)}
    output = tmp_path / "results.jsonl"
    command = [sys.executable, "-m", "saccade.cli.main", "jobs", "submit", "slow", str(pictures)]
    command += ["--base-url", base, "--output", str(output), "--images", "10", "--under-way", "3"]
    environment = {**os.environ, "HOME": str(tmp_path)}  # noqa: TID251 - a user's shell has an environment
    kills = 0
    while True:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            said, _ = process.communicate(timeout=1.0 + 0.13 * kills if kills < 5 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        break

    lines = lines_of(output)
    made = [job for job in jobs_at(base) if job["id"] not in before]
    assert process.returncode == 1, said  # one picture is none
    assert kills >= 2
    assert Counter(line["file"] for line in lines) == Counter(map(str, pictures.rglob("*.png")))
    assert [line["file"] for line in lines if "problem" in line] == [str(pictures / "bad.png")]
    assert len(made) == 16
    assert "151 pictures, 1 problems" in said


def test_full_server_is_asked_again_when_it_says(base, pictures, tmp_path, saccade):
    """More pictures than may wait at a time are all done, for 429 is no failure."""
    output = tmp_path / "results.jsonl"

    done = saccade("jobs", "submit", "slow", str(pictures), "--base-url", base, "-o", str(output), "--images", "50")

    assert done.returncode == 1, done.stderr
    assert len(lines_of(output)) == 151


def test_list_of_paths_and_urls_is_taken(base, tmp_path, saccade):
    """Files are sent, URLs are left to the server, and what cannot be read has a problem in its place."""
    (tmp_path / "a.png").write_bytes(png(1))
    names = ["a.png", "", "missing.png", "http://127.0.0.1:9/refused.png"]
    (tmp_path / "list.txt").write_text("\n".join(names))

    done = saccade("jobs", "submit", "slow", "dummy", "--list", "list.txt", "--base-url", base, "--erase")

    lines = lines_of(tmp_path / "results.jsonl")
    assert done.returncode == 1, done.stderr
    found = {(line["file"], line["model"].partition("@")[0]): line.get("problem", {}).get("code") for line in lines}
    assert found == {
        ("a.png", "slow"): None,
        ("a.png", "dummy"): None,
        ("missing.png", "slow"): "file_unreadable",
        ("missing.png", "dummy"): "file_unreadable",
        (names[3], "slow"): "url_refused",
        (names[3], "dummy"): "url_refused",
    }


def test_server_away_ends_with_try_again(tmp_path, saccade):
    """Nothing is written, and the exit code says that it may work later."""
    (tmp_path / "a.png").write_bytes(png(1))

    done = saccade("jobs", "submit", "dummy", "a.png", "--base-url", "http://127.0.0.1:9")

    assert (done.returncode, "server_unreachable" in done.stderr) == (75, True)
    assert not (tmp_path / "results.jsonl").exists()


def test_commands_show_what_the_server_knows(base, tmp_path, saccade):
    """list, show, wait, retry, cancel, queue and purge, each as a person uses it."""
    at = ("--base-url", base)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    saccade("jobs", "submit", "dummy", "bad.png", *at)
    listed = saccade("jobs", "list", "--limit", "1", *at)
    [job_id] = re.findall(r"[0-9a-f-]{36}", listed.stdout)

    shown = saccade("jobs", "show", job_id, *at)
    waited = saccade("jobs", "wait", job_id, "--json", *at)
    retried = saccade("jobs", "retry", job_id, "--json", *at)
    cancelled = saccade("jobs", "cancel", json.loads(retried.stdout)["id"], *at)
    queue = saccade("jobs", "queue", *at)
    unsure = saccade("jobs", "purge", *at)
    purged = saccade("jobs", "purge", "--all", "--yes", *at)
    gone = saccade("jobs", "show", job_id, *at)

    assert "failed" in shown.stdout
    assert (waited.returncode, json.loads(waited.stdout)["state"]) == (1, "failed")
    assert (retried.returncode, json.loads(retried.stdout)["retry_of"]) == (0, job_id)
    assert cancelled.returncode == 0
    assert "served" in queue.stdout
    assert unsure.returncode != 0  # nobody answered the question
    assert (purged.returncode, "erased" in purged.stdout) == (0, True)
    assert (gone.returncode, "job_unknown" in gone.stderr) == (2, True)
    assert jobs_at(base) == []


def test_interrupt_says_how_to_go_on(base, pictures, tmp_path):
    """Ctrl-C ends it soon, without a trace; the same command goes on."""
    command = [sys.executable, "-m", "saccade.cli.main", "jobs", "submit", "slow", str(pictures)]
    output = tmp_path / "r.jsonl"
    command += ["--base-url", base, "--output", str(output), "--images", "5", "--under-way", "1"]
    environment = {**os.environ, "HOME": str(tmp_path)}  # noqa: TID251 - a user's shell has an environment
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (output.exists() and output.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)  # until it is in the midst of its work
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode not in {0, 70}
    assert "Traceback" not in said
    assert "goes on" in said
