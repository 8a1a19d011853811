"""What a server depends on goes away and comes back, or lies about the time: nothing is lost, nothing is doubled."""

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from faults import proxy_to
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from services import fresh_postgres_url, redis_url
from working.fickle import FINE, SLOW, await_end, job_of, picture, submit
from working.processes import ALONE, eventually, place, serve, work

__all__ = ["fresh_postgres_url", "place", "redis_url", "serve", "work"]

#: Within what a refusal must be there, and within what all must be well again.
REFUSED_S = 2.0
HEALED_S = 5.0


@pytest.fixture
def database_url(fresh_postgres_url):
    """Return a database with our schema."""
    database = open_database(fresh_postgres_url)
    migrate(database)
    database.close()
    return fresh_postgres_url


def ask(url, key, kinds=(FINE,), *, first=0):
    """Send a submission under a key, and return the answer and how long it took."""
    files = [("images", (f"{n}.png", picture(kind, n), "image/png")) for n, kind in enumerate(kinds, first)]
    begun = time.monotonic()
    answer = httpx2.post(
        f"{url}/v1/jobs", files=files, data={"models": "fickle"}, headers={"Idempotency-Key": key}, timeout=30
    )
    return answer, time.monotonic() - begun


def accepted_within(url, key, timeout_s):
    """Ask again under the same key until it is accepted; return the id of the job."""
    answers = []

    def is_accepted():
        answers.append(ask(url, key)[0])
        return answers[-1].status_code == 202

    eventually(is_accepted, "it does not become well again", timeout_s)
    return answers[-1].json()["id"]


def test_database_that_goes_away_and_comes_back(serve, place, database_url):
    """Refused at once, with a time to come again and no word of where it is; then all goes on, once each."""
    with proxy_to(database_url, default_port=5432) as (proxy, url):
        server = serve(SACCADE_DATABASE_URL=url)
        before = submit(server.url, [SLOW] * 30)
        eventually(lambda: len(place.seen()) > 2, "the worker does nothing")
        proxy.cut()

        away_until = time.monotonic() + 5.0  # longer than the lease of what the worker holds
        while time.monotonic() < away_until:
            answer, took_s = ask(server.url, "during", first=900)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
            assert int(answer.headers["retry-after"]) >= 1
            assert took_s < REFUSED_S
            assert "127.0.0.1" not in answer.text
            assert str(proxy.port) not in answer.text
        proxy.mend()

        during = accepted_within(server.url, "during", HEALED_S)
        assert await_end(server.url, before)["counts"]["succeeded"] == 30
        assert await_end(server.url, during)["counts"]["succeeded"] == 1
        jobs = httpx2.get(f"{server.url}/v1/jobs").json()["jobs"]
        assert {job["id"] for job in jobs} == {before, during}
        assert "saccade.database" in server.log_text()
        assert "The database does not answer: " in server.log_text()  # the operator learns why, the caller does not


def test_broker_that_goes_away_is_not_missed(serve, place, redis_url):
    """Jobs are accepted and worked off while the broker is away, and when it is back."""
    with proxy_to(redis_url, default_port=6379) as (proxy, url):
        server = serve(SACCADE_HINTS_URL=url)
        await_end(server.url, submit(server.url, [FINE]))
        proxy.cut()

        for number in range(3):
            answer, took_s = ask(server.url, f"key {number}", first=10 + number)
            assert answer.status_code == 202
            assert took_s < 2 * REFUSED_S  # the first one finds out
            assert await_end(server.url, answer.json()["id"], 15.0)["state"] == "succeeded"
        assert httpx2.get(f"{server.url}/readyz").status_code == 200
        proxy.mend()

        await_end(server.url, submit(server.url, [FINE], first=20), HEALED_S)
        assert place.seen() == dict.fromkeys((0, 10, 11, 12, 20), 1)


@contextmanager
def small_disk(folder):
    """Yield a file system of four mebibytes; skip where this user may not mount one."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("not here: the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    """Write a file until there is no room left."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


@pytest.mark.parametrize(
    ("setting", "scheme", "name", "status", "code"),
    [
        ("SACCADE_OBJECTS_URL", "file://", "objects", 507, "objects_full"),
        ("SACCADE_DATABASE_URL", "sqlite:///", "saccade.db", 503, "database_unreachable"),
    ],
)
def test_disk_that_is_full_refuses_and_goes_on_when_there_is_room(
    serve, place, tmp_path, setting, scheme, name, status, code
):
    """No room: refused with a time to come again, what was accepted is not harmed, and with room all is well again."""
    with small_disk(tmp_path / "small") as disk:
        server = serve(**{setting: f"{scheme}{disk / name}"})
        before = submit(server.url, [SLOW] * 10)
        fill(disk / "filler")
        answer, number = None, 0

        def is_refused():
            nonlocal answer, number
            number += 1
            answer, took_s = ask(server.url, f"key {number}", [FINE] * 40, first=1000 * number)
            assert took_s < 2 * REFUSED_S
            return answer.status_code != 202

        eventually(is_refused, "a full disk is not noticed")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert int(answer.headers["retry-after"]) >= 1
        assert str(disk) not in answer.text
        (disk / "filler").unlink()

        accepted_within(server.url, "after", HEALED_S)
        jobs = [job["id"] for job in httpx2.get(f"{server.url}/v1/jobs?limit=200").json()["jobs"]]
        assert before in jobs
        assert {await_end(server.url, job_id)["state"] for job_id in jobs} == {"succeeded"}
        assert job_of(server.url, before)["counts"]["succeeded"] == 10
        server.stop()


def test_clocks_of_workers_mean_nothing(serve, work, place, database_url):
    """One is an hour ahead and one behind: leases and deadlines are on the database's clock, so all is as ever."""
    # A busy machine may hold a worker up for 2 s, and what it held is then run in a process of its own.
    settings = {"SACCADE_DATABASE_URL": database_url, "SACCADE_WORKER_LEASE_S": "60"}
    server = serve(**settings, **ALONE)
    for off_s in (3600, -3600):
        clock = {"CLOCK_IS_OFF_BY_S": str(off_s), "PYTHONPATH": str(Path(__file__).parents[1])}
        work("--concurrency", "4", module="working.wrong_clock", **clock, **settings).await_begun()

    job = await_end(server.url, submit(server.url, [SLOW] * 60, deadline_s="600"))

    assert job["counts"]["succeeded"] == 60
    assert place.seen() == dict.fromkeys(range(60), 1)
    assert len(place.processes()) == 2
