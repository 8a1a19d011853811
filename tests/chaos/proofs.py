"""For each mutant a short story in which its guard is needed, and the promise that the checker must find broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chaos.client import Clients, Order
from chaos.plan import Plan
from chaos.run import Rig, held, inspect, left_open, rigged
from faults import FaultProxy
from saccade.backends.database.opening import open_database

_ACCEPT_TIMEOUT_S = 30.0
_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What happens, and what must be found.

    Attributes:
        promise: Broken by the mutant in this story, and kept without it.
        story: Does the harm.
        plan: What runs.
        patience_s: How long nothing may move before what is open counts as lost.
    """

    promise: str
    story: Callable[[Rig], None]
    plan: Plan
    patience_s: float = 6.0


def prove(name: str, *, mutant: str | None = None) -> dict[str, Any]:
    """Live a mutant's story with the mutant, or with ``mutant`` in its place; ``found`` says whether it was seen."""
    proof = PROOFS[name]
    plan = proof.plan.with_mutant(name if mutant is None else mutant)
    with rigged(plan) as rig:
        for program in rig.programs:
            program.words.append("--no-supervisor")
        rig.start()
        proof.story(rig)
        for program in rig.programs:
            program.resume()
        database = open_database(rig.database_url)
        try:
            _await_rest(lambda: database.read(left_open), proof.patience_s)
            for program in rig.programs:
                program.terminate(_GRACE_S)
            rig.receiver.close()
            report = inspect(rig, database).to_json()
        finally:
            database.close()
    return {**report, "found": report["violations"][proof.promise] > 0}


def _await_rest(left: Callable[[], int], patience_s: float) -> None:
    last, moved = -1, time.monotonic()
    while (now_left := left()) and time.monotonic() - moved < patience_s:
        if now_left != last:
            last, moved = now_left, time.monotonic()
        time.sleep(0.1)


def _submit(rig: Rig, jobs: int, images: int, *, port: int | None = None) -> None:
    """Submit so many jobs, and wait until they are accepted."""
    orders = [
        Order(f"proof-{n}", range(n * images, (n + 1) * images), ("recorder",), webhook=False, fate="keep", probe=False)
        for n in range(jobs)
    ]
    url = f"http://127.0.0.1:{port or rig.ports[0]}"
    clients = Clients(url, rig.journal, orders, receiver=rig.receiver, seconds=0.0)
    clients.start()
    clients.join(_ACCEPT_TIMEOUT_S)


def _stop_again_and_again(rig: Rig) -> None:
    """Stop workers in the middle of their work for longer than their leases, one after the other."""
    _submit(rig, jobs=10, images=6)
    first = time.monotonic()
    while time.monotonic() - first < 14.0:
        for worker in rig.workers:
            time.sleep(0.5)
            worker.stop(0.0)
            time.sleep(3.0 * rig.plan.lease_s)
            worker.resume()


def _submit_unheard(rig: Rig) -> None:
    """Submit when every worker has looked and found nothing; their hints are heard by nobody."""
    time.sleep(4.0)
    _submit(rig, jobs=3, images=2)


def _kill_while_working(rig: Rig) -> None:
    """Kill the workers when they hold items: they are held still while we look, so that none ends in between."""
    _submit(rig, jobs=10, images=6)
    deadline = time.monotonic() + _ACCEPT_TIMEOUT_S
    database = open_database(rig.database_url)
    try:
        while time.monotonic() < deadline:
            for worker in rig.workers:
                worker.stop(0.0)
            if database.read(held):
                break
            for worker in rig.workers:
                worker.resume()
            time.sleep(0.05)
    finally:
        database.close()
    for worker in rig.workers:
        worker.kill(0)
        worker.start()


def _die_after_commit(rig: Rig) -> None:
    """Let the server die between the commit and what comes after it."""
    rig.servers[0].terminate(_GRACE_S)
    rig.servers[0].start(failpoints="submit.after_commit:kill@2")
    deadline = time.monotonic() + _ACCEPT_TIMEOUT_S
    orders = [Order(f"proof-{n}", (n,), ("recorder",), webhook=False, fate="keep", probe=False) for n in range(3)]
    clients = Clients(f"http://127.0.0.1:{rig.ports[0]}", rig.journal, orders, receiver=rig.receiver, seconds=0.0)
    clients.start()
    while rig.servers[0].is_running and time.monotonic() < deadline:
        time.sleep(0.05)
    rig.servers[0].start()
    clients.join(_ACCEPT_TIMEOUT_S)


def _cut_answers(rig: Rig) -> None:
    """Reset most connections, half of them when the server has done its work and the client does not know."""
    proxy = FaultProxy(rig.ports, seed=1, share=0.7)
    _submit(rig, jobs=12, images=1, port=proxy.port)
    proxy.cut()


_APART = Plan(servers=1, embedded=False, workers=2, items=1, kills=0, lease_s=0.5, sweep_s=0.2, item_s=0.3)

#: Each mutant's story.
PROOFS: Mapping[str, Proof] = {
    "no-fence": Proof("zombie_writes", _stop_again_and_again, _APART, patience_s=15.0),
    "finish-by-id": Proof("double_ends", _stop_again_and_again, _APART, patience_s=15.0),
    "no-sweep": Proof("lost_items", _submit_unheard, _APART),
    "no-reaper": Proof("lost_items", _kill_while_working, _APART),
    "blob-after-row": Proof("rows_without_blob", _die_after_commit, _APART),
    "no-idempotency": Proof("duplicate_jobs", _cut_answers, _APART),
}
