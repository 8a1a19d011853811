"""Chaos, in short: real processes die while real clients submit, and no promise may be broken. The seed is fixed."""

import json

import pytest

from chaos.command import broken
from chaos.plan import Plan
from chaos.proofs import PROOFS, prove
from chaos.run import run
from chaos.sweep import sweep
from saccade.failpoints import FAILPOINTS

pytestmark = pytest.mark.slow

ITEMS = 1000
#: Some clients give up on a key whose server died with it in its hands.
SENT = 1120
KILLS = 40


def told(report):
    """Return a report as a failure prints it; the seed stands in the plan."""
    return json.dumps(report, indent=1)


@pytest.mark.timeout(300)
def test_file_keeps_every_promise():
    """SQLite, a server that works on items itself and two workers beside it: nothing lost, doubled or overwritten."""
    report = run(Plan(items=SENT, kills=KILLS, seconds=40.0, servers=1, workers=2, embedded=True, seed=1))

    assert broken(report) == {}, told(report)
    assert report["figures"]["items"] >= ITEMS
    assert report["harm"]["kills"] >= KILLS


@pytest.mark.timeout(300)
def test_servers_of_databases_and_brokers_may_die_too(need):
    """PostgreSQL and RabbitMQ of the run's own are killed and the broker is wiped, and still no promise is broken."""
    need("postgresql", "rabbitmq")
    report = run(
        Plan(
            database="postgresql",
            hints="rabbitmq",
            items=SENT,
            kills=KILLS,
            seconds=40.0,
            servers=1,
            workers=2,
            embedded=True,
            seed=2,
        )
    )

    assert broken(report) == {}, told(report)
    assert report["figures"]["items"] >= ITEMS
    assert report["harm"]["kills"] >= KILLS


@pytest.mark.timeout(400)
def test_death_at_every_failpoint_breaks_no_promise():
    """A server that dies at a named step, once at each, is started again and loses nothing."""
    reports = sweep([], together=3)

    assert [name for name, report in reports.items() if not report["passed"]] == []
    assert {name: broken(report) for name, report in reports.items() if broken(report)} == {}, told(reports)
    assert set(FAILPOINTS) == set(reports)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mutant", PROOFS)
def test_checker_finds_a_missing_guard(mutant):
    """Without the guard the same checker reports broken promises: its zero means something."""
    report = prove(mutant)

    assert report["found"], told(report)
