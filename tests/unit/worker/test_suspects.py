"""Which items run alone: those whose worker died, and for a while those that may be of the same kind."""

import time

import pytest

from saccade import settings
from saccade.jobs.records import WorkerRecord
from saccade.worker import suspects as module
from saccade.worker.crashes import has_crashed_here
from saccade.worker.hands import Hold
from saccade.worker.lone import overrides_of
from saccade.worker.suspects import Suspects
from unit.worker.claims import claim


@pytest.fixture
def suspects(tmp_path):
    """Return suspects whose processes are never started."""
    return Suspects(settings.load({"SACCADE_HOME": str(tmp_path)}), lambda _hold, **_: None, patience_s=1.0)


def hold(**fields):
    """Return a claim in hand."""
    return Hold(claim(**fields), 0.0, 0.0)


def test_only_suspects_run_alone(suspects):
    """A child for every item would be slow; it is for those that may have killed somebody."""
    assert not suspects.wants(hold(crash_count=0))
    assert suspects.wants(hold(crash_count=1))


def test_model_with_a_suspect_runs_alone_and_others_do_not(suspects):
    """Where one item may be poison, more of its model may be; other models are not slowed down for it."""
    suspects.wants(hold(crash_count=1, digest="d1"))

    assert suspects.wants(hold(digest="d1"))
    assert not suspects.wants(hold(digest="d2"))


@pytest.mark.parametrize("cause", ["suspect", "poison", "crash"])
def test_care_ends(suspects, monkeypatch, cause):
    """After a quiet while items share batches again."""
    for name in ("_AFTER_SUSPECT_S", "_AFTER_POISON_S"):
        monkeypatch.setattr(module, name, 0.02)
    {
        "suspect": lambda: suspects.wants(hold(crash_count=1)),
        "poison": lambda: suspects.found_poison("d1"),
        "crash": lambda: suspects.beware(0.02),
    }[cause]()
    assert suspects.wants(hold())

    time.sleep(0.03)

    assert not suspects.wants(hold())


class Workers:
    """The workers that a database knows."""

    def __init__(self, *records):
        self.workers = records
        self.now_us = 100_000_000

    def queue(self):
        return self


def worker(pid, host, seen_s):
    """Return a worker that was seen at some second; it is the hundredth now."""
    return WorkerRecord("w", host, pid, {}, 1, 0, 0, int(seen_s * 1e6))


def test_crash_of_the_worker_before_is_seen():
    """A worker that did not sign off and whose process is gone has crashed; so has one that had our own number."""
    import os
    import socket

    host, gone = socket.gethostname(), 2**22 - 3
    assert has_crashed_here(Workers(worker(gone, host, 99)), within_s=10)
    assert has_crashed_here(Workers(worker(os.getpid(), host, 99)), within_s=10)
    assert not has_crashed_here(Workers(worker(gone, host, 80)), within_s=10)
    assert not has_crashed_here(Workers(worker(gone, f"not-{host}", 99)), within_s=10)
    assert not has_crashed_here(Workers(worker(os.getppid(), host, 99)), within_s=10)


def test_child_gets_the_settings_of_its_worker_but_no_failpoint():
    """The child opens the same models with the same bounds; what is to kill the worker must not kill the child."""
    given = {
        "SACCADE_HOME": "/somewhere",
        "SACCADE_FETCH_ALLOW": "a:1,b:2",
        "SACCADE_WORKER_EMBEDDED": "false",
        "SACCADE_IMAGE_MAX_PIXELS": "123",
        "SACCADE_FAILPOINTS": "run.after_predict:kill",
    }

    handed_down = overrides_of(settings.load(given))

    assert handed_down == {**given, "SACCADE_FAILPOINTS": ""}
    assert settings.load(handed_down).image.max_pixels == 123
