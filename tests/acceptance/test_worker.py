"""Workers as an operator runs them: real processes on SQLite, and a model that misbehaves on request."""

import signal
import time

import httpx2
import psutil
import pytest

from working.fickle import FAILING, FINE, HANGING, POISON, SLOW, await_end, items_of, job_of, submit
from working.processes import ALONE, TIMEOUT_S, eventually, place, serve, work

__all__ = ["place", "serve", "work"]


def test_server_works_on_the_items_that_it_accepts(serve, place):
    """One process is enough: what is accepted is worked on, and each failure says why."""
    server = serve()
    job_id = submit(server.url, [FINE, FAILING, FINE])

    job = await_end(server.url, job_id)

    assert (job["state"], job["counts"]["succeeded"], job["counts"]["failed"]) == ("failed", 2, 1)
    assert [item["state"] for item in items_of(server.url, job_id)] == ["succeeded", "failed", "succeeded"]
    assert items_of(server.url, job_id)[1]["problem"]["code"] == "plugin_failed"
    assert set(place.seen().values()) == {1}


def test_two_workers_share_a_job_and_run_nothing_twice(serve, work, place):
    """Workers beside each other take different items, and none is run twice."""
    server = serve(**ALONE)
    workers = [work("--concurrency", "4"), work("--concurrency", "4")]
    lines = [worker.await_begun() for worker in workers]
    job = await_end(server.url, submit(server.url, [SLOW] * 60))

    assert job["counts"]["succeeded"] == 60
    assert place.seen() == dict.fromkeys(range(60), 1)
    assert len(place.processes()) == 2
    assert all("3 models" not in line and "sqlite:///" in line for line in lines)


def drained(place, url, work, times):
    """Stop the one worker again and again while it works, and return the job at the end."""
    job_id = submit(url, [SLOW] * (18 * times))
    for number in range(times):
        worker = work("--concurrency", "4")
        worker.await_begun()
        seen = len(place.seen())
        eventually(lambda seen=seen: len(place.seen()) > seen + 3, f"worker {number} does nothing")
        begun = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - begun < 20.0
        counts = job_of(url, job_id)["counts"]
        assert counts["running"] == 0, f"worker {number} kept items: {counts}"
        assert counts["succeeded"] == len(place.seen())
    work().await_begun()
    return await_end(url, job_id, 120.0)


@pytest.mark.parametrize("times", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_sigterm_finishes_what_was_begun_and_hands_back_the_rest(serve, work, place, times):
    """A worker that is told to stop loses nothing and makes nobody do its work again, however often."""
    server = serve(**ALONE)

    job = drained(place, server.url, work, times)

    assert job["counts"]["succeeded"] == job["counts"]["total"] == 18 * times
    assert set(place.seen().values()) == {1}


def test_server_that_stops_finishes_what_it_began(serve, place):
    """The embedded worker drains too: the next start does the rest, and nothing twice."""
    server = serve(SACCADE_WORKER_CONCURRENCY="4")
    job_id = submit(server.url, [SLOW] * 40)
    eventually(lambda: len(place.seen()) > 4, "nothing is worked on")

    assert server.stop() == 0

    seen = len(place.seen())
    again = serve(SACCADE_WORKER_CONCURRENCY="4")
    job = await_end(again.url, job_id)
    assert seen < 40
    assert job["counts"]["succeeded"] == 40
    assert set(place.seen().values()) == {1}


@pytest.mark.parametrize(
    ("total", "poison"), [(24, 2), pytest.param(800, 100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_poison_fails_alone_and_its_neighbours_are_done(serve, place, total, poison):
    """An image that kills its process is tried alone and fails; all others succeed; the server is hurt once."""
    bad = {number * (total // poison) + number % (total // poison) for number in range(poison)}
    server = serve(SACCADE_BATCH_MAX_ITEMS="8")
    job_id = submit(server.url, [POISON if number in bad else FINE for number in range(total)])

    job = await_end(server.url, job_id, 800.0)

    items = items_of(server.url, job_id)
    assert [item["state"] for item in items] == [
        "failed" if number in bad else "succeeded" for number in range(total)
    ], job["counts"]
    assert {item["problem"]["code"] for item in items if item["state"] == "failed"} == {"worker_crashed"}
    assert max(place.seen().values()) <= 3
    assert server.log_text().count("was killed by SIGSEGV after") <= 2


def test_item_whose_worker_is_killed_is_run_again_and_its_child_dies_too(serve, work, place):
    """A kill costs a lease: the items are taken over, run alone, and the process for suspects outlives nobody."""
    server = serve(**ALONE)
    first = work("--no-supervisor", "--concurrency", "4")
    first.await_begun()
    job_id = submit(server.url, [HANGING, FINE, FINE, FINE])
    eventually(lambda: 0 in place.seen(), "the item that hangs is not begun")
    first.stop(signal.SIGKILL)
    second = work("--no-supervisor", "--concurrency", "4")
    second.await_begun()
    eventually(lambda: place.seen()[0] == 2, "the item is not taken over")
    (child,) = psutil.Process(second.process.pid).children()

    second.stop(signal.SIGKILL)

    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child lives on")
    assert job_of(server.url, job_id)["state"] == "running"


def test_item_past_its_deadline_is_not_begun(serve, place):
    """What waits longer than its owner wants ends as expired, and the model never sees it."""
    server = serve(SACCADE_WORKER_CONCURRENCY="2", SACCADE_ENGINE_SLOTS="1")
    submit(server.url, [SLOW] * 30)
    job_id = submit(server.url, [FINE] * 3, first=100, deadline_s="0.5")

    job = await_end(server.url, job_id)

    assert job["counts"]["expired"] == 3
    assert not {100, 101, 102} & set(place.seen())


def test_model_that_no_worker_holds_waits_until_one_does(serve, work):
    """Items of a model that nobody holds are left alone; the first worker that holds it does them."""
    server = serve(**ALONE)
    assert "1 model," in (worker := work("--models", "dummy")).await_begun()
    job_id = submit(server.url, [FINE] * 3)
    other = submit(server.url, [FINE] * 3, model="dummy")
    await_end(server.url, other)

    counts = job_of(server.url, job_id)["counts"]
    (row,) = [row for row in httpx2.get(f"{server.url}/v1/queue").json()["models"] if row["model"] == "fickle@1"]

    assert counts["queued"] == 3
    assert row["state"] == "model_unavailable"
    assert worker.process.poll() is None
    work("--models", "fickle@1").await_begun()
    assert await_end(server.url, job_id)["counts"]["succeeded"] == 3


def test_worker_loads_a_model_when_items_wait_for_it(serve, work):
    """With preload off a worker holds nothing until there is work, and then what the work needs."""
    server = serve(**ALONE)
    assert "0 models" in work("--preload", "none").await_begun()

    assert await_end(server.url, submit(server.url, [FINE] * 3))["counts"]["succeeded"] == 3


def test_dead_loop_makes_the_server_unready(serve, place):
    """Readiness is true to its word: a worker whose loop dies again and again is not ready, and the reason is said."""
    server = serve(SACCADE_FAILPOINTS="worker.turn:raise@4")
    eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 503, "a dead loop goes unseen")

    parts = httpx2.get(f"{server.url}/readyz").json()["parts"]

    assert "claimer died of Failed" in parts["worker"]
    assert httpx2.get(f"{server.url}/health").json()["status"] == "degraded"


def test_worker_without_its_database_says_so_and_gives_up_in_time(work):
    """The database is waited for in the open, and no longer than was said; the way in is not told."""
    worker = work(SACCADE_DATABASE_URL="postgresql://me:secret@127.0.0.1:9/none", SACCADE_DATABASE_WAIT_S="2")

    assert worker.process.wait(TIMEOUT_S) == 75
    log = worker.log.read_text()
    assert "jobs are not open yet" in log
    assert "SACCADE_DATABASE_WAIT_S" in log
    assert "secret" not in log


def test_worker_for_a_model_that_does_not_exist_refuses_to_start(work):
    """A name that is misspelt is told at once, and not by a queue that never empties."""
    worker = work("--models", "fickel")

    assert worker.process.wait(TIMEOUT_S) == 2
    assert "fickel" in worker.log.read_text()
