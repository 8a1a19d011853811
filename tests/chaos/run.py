"""One run: start everything, load and harm it, let it come to rest, stop it, and check."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import func, select

from chaos.audit import install
from chaos.checker import Findings, check, gather
from chaos.client import Clients, plan_orders
from chaos.journal import Journal, read_story
from chaos.pictures import plug_in
from chaos.plan import Plan
from chaos.processes import MARK, Program, sweep_up
from chaos.receiver import Receiver
from chaos.saboteur import Saboteur
from chaos.services import SERVICES, Service, free_port
from faults import FaultProxy
from saccade.backends import open_objects
from saccade.backends.database.connection import Database
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.backends.database.schema import delivery, item
from saccade.errors import DatabaseUnreachable

_READY_TIMEOUT_S = 90.0
#: Alembic keeps what it works on in globals.
_MIGRATING = threading.Lock()
_GRACE_S = 8.0


@dataclass(slots=True)
class Rig:
    """Everything that runs, and where it keeps what."""

    plan: Plan
    folder: Path
    database_url: str
    objects_url: str
    servers: list[Program]
    workers: list[Program]
    ports: list[int]
    database: Service | None
    broker: Service | None
    journal: Journal
    receiver: Receiver

    @property
    def programs(self) -> list[Program]:
        """All saccade processes."""
        return [*self.servers, *self.workers]

    def start(self) -> None:
        """Start all, and wait until every server is ready."""
        for program in self.programs:
            program.start()
        deadline = time.monotonic() + _READY_TIMEOUT_S
        for port in self.ports:
            while not _is_ready(port):
                assert time.monotonic() < deadline, self.tails()
                time.sleep(0.1)
        make_secret(self.ports[0])

    def execution_count(self) -> int:
        """Return how often the model was run."""
        log = self.folder / "executions.jsonl"
        return log.read_text().count("\n") if log.exists() else 0

    def tails(self) -> str:
        """Return the last lines of all logs."""
        return "\n".join(f"--- {p.name}\n{p.log.read_text()[-2000:]}" for p in self.programs if p.log.exists())


def run(plan: Plan, *, keep: Path | None = None) -> dict[str, Any]:
    """Do it and return the report; ``keep`` is where the logs and the journal are copied."""
    began = time.monotonic()
    with rigged(plan) as rig:
        rig.start()
        ready_s = time.monotonic() - began
        saboteur, proxy = _harm(rig)
        calm = time.monotonic()
        database = open_database(rig.database_url)
        try:
            settle(database, rig, saboteur)
            settled_s = time.monotonic() - calm
            exits = [program.terminate(_GRACE_S + 12.0) for program in rig.programs]
            proxy.cut()
            rig.receiver.close()
            findings = inspect(rig, database)
        finally:
            database.close()
        times = {
            "ready_s": round(ready_s, 1),
            "settled_s": round(settled_s, 1),
            "exits_s": [None if exit_s is None else round(exit_s, 1) for exit_s in exits],
            "whole_s": round(time.monotonic() - began, 1),
        }
        harm = {**saboteur.done, "kills": saboteur.kills, "resets": proxy.resets}
        report = _report(rig, findings, harm=harm, times=times)
        if keep is not None:
            shutil.copytree(rig.folder, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("objects", "service-*"))
        return report


def _harm(rig: Rig) -> tuple[Saboteur, FaultProxy]:
    """Submit and do harm for as long as planned, then let the clients come to an end in peace."""
    plan = rig.plan
    proxy = FaultProxy(rig.ports, seed=plan.seed, share=plan.resets)
    orders = plan_orders(plan.items, seed=plan.seed, webhooks=plan.webhooks)
    url = f"http://127.0.0.1:{proxy.port}"
    clients = Clients(url, rig.journal, orders, receiver=rig.receiver, seconds=0.85 * plan.seconds)
    saboteur = Saboteur(
        plan, rig.journal, servers=rig.servers, workers=rig.workers, database=rig.database, broker=rig.broker
    )
    began = time.monotonic()
    clients.start()
    saboteur.start()
    time.sleep(max(0.0, plan.seconds - (time.monotonic() - began)))
    saboteur.finish(plan.seconds)
    saboteur.stop()
    clients.join(plan.patience_s)
    return saboteur, proxy


def make_secret(port: int) -> None:
    """Make the secret that signs webhooks; without one no job may ask for any."""
    httpx2.post(f"http://127.0.0.1:{port}/v1/webhooks/secret", timeout=10.0, trust_env=False).raise_for_status()


def _report(rig: Rig, findings: Findings, *, harm: Mapping[str, Any], times: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is told of a run."""
    clients = read_story(rig.folder / "journal.jsonl").counts
    return {"plan": asdict(rig.plan), "harm": harm, "clients": clients, **findings.to_json(), "times": times}


def settle(database: Database, rig: Rig, saboteur: Saboteur) -> None:
    """Wait until nothing is open any more; give up when nothing has moved for a while."""
    last, moved = -1, time.monotonic()
    while time.monotonic() - moved < rig.plan.settle_s:
        saboteur.mend()
        with contextlib.suppress(DatabaseUnreachable):
            left = database.read(left_open)
            if left == 0:
                return
            if left != last:
                last, moved = left, time.monotonic()
        time.sleep(0.1)


def inspect(rig: Rig, database: Database) -> Findings:
    """Check what is left, when everything has stopped."""
    executions: Counter[int] = Counter()
    log = rig.folder / "executions.jsonl"
    for line in log.read_text().splitlines() if log.exists() else []:
        executions.update(json.loads(line)["serials"])
    objects = open_objects(rig.objects_url)
    try:
        facts = gather(database, objects, read_story(rig.folder / "journal.jsonl"), executions)
    finally:
        objects.close()
    return check(facts, lease_s=rig.plan.lease_s)


@contextlib.contextmanager
def rigged(plan: Plan) -> Iterator[Rig]:
    """Lay everything out in a folder of its own; at the end nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o755)  # services that refuse to be root must get in
    mark = uuid.uuid4().hex
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(sweep_up, mark)
        database = _service(stack, folder, plan.database)
        broker = _service(stack, folder, plan.hints)
        database_url = database.url if database else _sqlite(plan.database, folder)
        journal = Journal(folder / "journal.jsonl")
        stack.callback(journal.close)
        receiver = Receiver(journal)
        rig = Rig(
            plan=plan,
            folder=folder,
            database_url=database_url,
            objects_url=(folder / "objects").as_uri() if plan.objects == "file" else plan.objects,
            servers=[],
            workers=[],
            ports=[free_port() for _ in range(plan.servers)],
            database=database,
            broker=broker,
            journal=journal,
            receiver=receiver,
        )
        hints_url = broker.url if broker else "memory://" if plan.hints == "memory" else plan.hints
        _prepare(rig, {MARK: mark, "SACCADE_HINTS_URL": hints_url})
        yield rig


def _prepare(rig: Rig, more: Mapping[str, str]) -> None:
    """Bring up the schema with its witness, lay out the model, and make the commands."""
    plan, folder = rig.plan, rig.folder
    database = open_database(rig.database_url)
    try:
        with _MIGRATING:
            migrate(database)
        install(database)
    finally:
        database.close()
    (folder / "models").mkdir()
    (folder / "models" / "recorder.py").write_text(plug_in(plan.picture_s))
    settings = {
        "SACCADE_HOME": str(folder / "home"),
        "SACCADE_MODELS": str(folder / "models"),
        "SACCADE_DATABASE_URL": rig.database_url,
        "SACCADE_OBJECTS_URL": rig.objects_url,
        "SACCADE_CACHE_BYTES": "0",
        "SACCADE_PRELOAD": "none",
        "SACCADE_LOG_FORMAT": "json",
        "SACCADE_FETCH_ALLOW": f"127.0.0.1:{rig.receiver.port}",
        "SACCADE_SERVER_GRACE_S": str(_GRACE_S),
        "SACCADE_WORKER_GRACE_S": str(_GRACE_S),
        "SACCADE_WORKER_EMBEDDED": str(plan.embedded).lower(),
        "SACCADE_WORKER_CONCURRENCY": "8",
        "SACCADE_ENGINE_SLOTS": "2",
        "SACCADE_BATCH_MAX_ITEMS": "4",
        "SACCADE_WORKER_LEASE_S": str(plan.lease_s),
        "SACCADE_WORKER_SWEEP_S": str(plan.sweep_s),
        "SACCADE_WORKER_HINT_AGE_S": "2",
        "SACCADE_WEBHOOK_TIMEOUT_S": "1",
        **more,
    }
    for number, port in enumerate(rig.ports):
        words = ["serve", "--host", "127.0.0.1", "--port", str(port)]
        rig.servers.append(Program(f"server-{number}", words, folder=folder, settings=settings, mutant=plan.mutant))
    for number in range(plan.workers):
        rig.workers.append(Program(f"worker-{number}", ["work"], folder=folder, settings=settings, mutant=plan.mutant))


def _service(stack: contextlib.ExitStack, folder: Path, name: str) -> Service | None:
    """Start a service of the run's own, if the name is one."""
    if name not in SERVICES:
        return None
    service = SERVICES[name](folder / f"service-{name}")
    stack.callback(service.close)
    service.start()
    return service


def _sqlite(text: str, folder: Path) -> str:
    return f"sqlite:///{folder / 'saccade.db'}" if text == "sqlite" else text


def left_open(tx: Any) -> int:
    """Return how many items and deliveries are not done."""
    items = tx.execute(select(func.count()).where(item.c.state.in_(("queued", "running")))).scalar_one()
    deliveries = tx.execute(select(func.count()).where(delivery.c.state == "pending")).scalar_one()
    return int(items) + int(deliveries)


def held(tx: Any) -> int:
    """Return how many items some worker holds."""
    return int(tx.execute(select(func.count()).where(item.c.state == "running")).scalar_one())


def _is_ready(port: int) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2.0, trust_env=False).status_code == 200
    return False
