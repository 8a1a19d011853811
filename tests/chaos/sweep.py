"""The sweep over all failpoints: a server that dies exactly there, is started again, and must keep every promise."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from sqlalchemy import Connection, select, update

from chaos.client import Clients, Order
from chaos.inside import label_connections
from chaos.plan import Plan
from chaos.run import Rig, inspect, left_open, make_secret, rigged
from saccade.backends.database.clock import now_us
from saccade.backends.database.opening import open_database
from saccade.backends.database.schema import item
from saccade.backends.database.submissions import _submit
from saccade.failpoints import FAILPOINTS
from saccade.jobs.ids import new_id
from saccade.jobs.records import ModelPin, NewImage, NewJob

_PLAN = Plan(servers=1, workers=0, items=20, kills=0, stops=0.0, lease_s=1.0, sweep_s=0.3, item_s=0.15, resets=0.0)
_DEATH_TIMEOUT_S = 40.0
_SETTLE_S = 30.0
#: A key whose server died in the middle of a request is free again after ten seconds; its client may give up before.
_CLIENTS_TIMEOUT_S = 15.0
_GRACE_S = 20.0


def sweep(names: Sequence[str], *, together: int) -> dict[str, dict[str, Any]]:
    """Kill a server at each failpoint once; return for each whether it was passed, and what the checker found."""
    label_connections()  # what this process plants is seen by the witness too
    with ThreadPoolExecutor(together) as pool:
        chosen = list(names) or list(FAILPOINTS)
        return dict(zip(chosen, pool.map(die_at, chosen), strict=True))


def die_at(name: str) -> dict[str, Any]:
    """Live the same story, die at one failpoint, start again, go on, and check."""
    began = time.monotonic()
    with rigged(_PLAN) as rig:
        server = rig.servers[0]
        server.words.append("--no-supervisor")
        server.start(failpoints=f"{name}:kill")
        story = threading.Thread(target=_live, args=(rig,), daemon=True)
        story.start()
        passed = _await_death(rig, name)
        if not server.is_running:
            server.start()
        story.join(_SETTLE_S)
        database = open_database(rig.database_url)
        try:
            deadline = time.monotonic() + _SETTLE_S
            while database.read(left_open) and time.monotonic() < deadline:
                time.sleep(0.1)
            server.terminate(_GRACE_S)
            rig.receiver.close()
            found = inspect(rig, database).to_json()
        finally:
            database.close()
        return {"passed": passed, **found, "seconds": round(time.monotonic() - began, 1)}


def _await_death(rig: Rig, name: str) -> bool:
    """Wait until the server has died of the failpoint; where that is at its end, ask it to stop."""
    server = rig.servers[0]
    deadline = time.monotonic() + _DEATH_TIMEOUT_S
    asked = False
    while server.is_running and time.monotonic() < deadline:
        if name.startswith("drain.") and not asked and _runs_something(rig):
            server.ask_to_stop()
            asked = True
        time.sleep(0.05)
    return server.exit_code == -signal.SIGKILL


def _live(rig: Rig) -> None:
    """Do everything once that passes a failpoint: fetch, cancel, erase, expire, run alone, tell the end."""
    url = f"http://127.0.0.1:{rig.ports[0]}"
    _make_secret(rig)
    orders = [
        Order("sweep-keep", range(6), ("recorder",), webhook=True, fate="keep", probe=False),
        Order("sweep-cancel", range(6, 10), ("recorder",), webhook=False, fate="cancel", probe=False),
        Order("sweep-erase", range(10, 13), ("recorder",), webhook=False, fate="erase", probe=False),
        Order("sweep-fetch", range(13, 15), ("recorder",), webhook=False, fate="fetch", probe=False),
        Order("sweep-expire", range(15, 18), ("recorder",), webhook=False, fate="expire", probe=False),
        Order("sweep-late", range(18, 34), ("recorder",), webhook=True, fate="keep", probe=False),
    ]
    clients = Clients(url, rig.journal, orders, receiver=rig.receiver, seconds=0.5)
    clients.start()
    _plant_orphan(rig)
    clients.join(_CLIENTS_TIMEOUT_S)


def _make_secret(rig: Rig) -> None:
    """Make the secret of webhooks as soon as the server answers."""
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        try:
            make_secret(rig.ports[0])
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return


def _plant_orphan(rig: Rig) -> None:
    """Store a job and claim it for a worker that is dead already: the reaper must find it, and it runs alone."""
    database = open_database(rig.database_url)
    try:
        deadline = time.monotonic() + _CLIENTS_TIMEOUT_S
        query = select(item.c.model, item.c.digest).limit(1)
        while (known := database.read(lambda tx: tx.execute(query).one_or_none())) is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)
        source = f"{rig.receiver.picture_url}/sweep-orphan~40.png"
        job = NewJob(
            id=new_id(),
            principal="anonymous",
            images=(NewImage(file_name="sweep-orphan~40.png", source_url=source),),
            models=(ModelPin(known.model, known.digest),),
        )
        rig.journal.write("accepted", key="sweep-orphan", job_id=job.id, serials=[40], models=["recorder"])
        dead = update(item).where(item.c.job_id == job.id)

        def plant(tx: Connection) -> None:
            now = now_us(tx)
            _submit(tx, job, None)
            tx.execute(dead.values(state="running", attempt=1, lease_owner="a dead worker", lease_until=now - 1))

        database.write(plant)
    finally:
        database.close()


def _runs_something(rig: Rig) -> bool:
    """Say whether the server has much to do."""
    try:
        report = httpx2.get(f"http://127.0.0.1:{rig.ports[0]}/v1/queue", timeout=2.0, trust_env=False)
    except httpx2.HTTPError:
        return False
    return '"running"' in report.text and rig.execution_count() > 6
