"""The parts of ``benchmarks.jobs`` that look at plans, and that run a server: see there."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event

from benchmarks import pictures, servers
from benchmarks.load import Client
from saccade.backends.database.connection import Database
from saccade.backends.database.opening import open_store

MODEL = "circles"
TURNS = 3
#: Clients that ask at once; twice as many as the largest batch, as many as the worker has places.
CLIENTS = 32
LONGEST_S = 300.0


def plans(database: Database) -> dict[str, list[str]]:
    """Return the database's plans for what a claim, a reaper and a sweep ask."""
    store = open_store(database)
    asked: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement, parameters, _context, executemany) -> None:  # noqa: ANN001
        if not executemany and " item" in statement and statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    store.claims.claim("plans", {"circles@1": "sha256:benchmark"}, most=1, lease_s=0.0)
    store.upkeep.reap()
    store.upkeep.expire()
    store.upkeep.unhinted(older_than_s=1000)
    event.remove(database.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    found: dict[str, list[str]] = {}
    with database.engine.connect() as connection:
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
            lines = [str(row[-1]) if database.dialect != "mysql" else str(tuple(row)) for row in rows]
            short = " ".join(statement.split())
            found[short[:60] + " … " + short[short.find("WHERE") :][:120]] = lines
    return found


def drain(folder: Path, database: str, hints: str, images: int) -> dict[str, object]:
    """Ask for pictures one by one and hand them in as one job, in turns, on one server."""
    (folder / "models").mkdir()
    settings = {
        "SACCADE_HOME": str(folder / "home"),
        "SACCADE_DATABASE_URL": database or f"sqlite:///{folder}/drain.db",
        "SACCADE_OBJECTS_URL": f"file://{folder}/drained",
        "SACCADE_HINTS_URL": hints,
        "SACCADE_JOBS_MAX_IMAGES": "10000",
    }
    shown = pictures.jpegs(images)
    with servers.saccade(folder / "models" / MODEL, **settings) as server:
        server.first_answer_s(shown[0])
        _ask(server.port, "GET", "/readyz", until=200)
        turns = [
            {"requests_per_s": _requests(server, shown), "items_per_s": _items(server.port, shown)}
            for _ in range(TURNS + 1)
        ][1:]  # the first is warm-up
    ratios = sorted(turn["items_per_s"] / turn["requests_per_s"] for turn in turns)
    found = {
        "model": MODEL,
        "images": images,
        "turns": [{name: round(value, 1) for name, value in turn.items()} for turn in turns],
        "ratio": round(statistics.median(ratios), 2),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
    print(f"drain: {found}")
    return found


def _requests(server: servers.Server, shown: list[bytes]) -> float:
    """Return how many requests a second are answered to clients who ask again as soon as they have their answer."""
    client = Client(server.port, server.path, shown)
    begun_s = time.perf_counter()

    async def ask_all() -> int:
        left = iter(range(len(shown)))

        async def ask_again() -> int:
            return sum([(await client.ask(time.perf_counter())).status == http.HTTPStatus.OK for _ in left])

        answered = await asyncio.gather(*(ask_again() for _ in range(CLIENTS)))
        client.close()
        return sum(answered)

    answered = asyncio.run(ask_all())
    if answered < len(shown):
        raise RuntimeError(f"{len(shown) - answered} requests failed")
    return answered / (time.perf_counter() - begun_s)


def _items(port: int, shown: list[bytes]) -> float:
    """Return how many items a second end, from the first that begins to the last."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}models"\r\n\r\n{MODEL}\r\n'.encode()]
    for number, picture in enumerate(shown):
        parts += [f'{head}images"; filename="{number}.jpg"\r\n\r\n'.encode(), picture, b"\r\n"]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    job = _ask(port, "POST", "/v1/jobs", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, until=202)
    deadline_s = time.monotonic() + LONGEST_S
    while job["state"] == "running" and time.monotonic() < deadline_s:
        job = _ask(port, "GET", f"/v1/jobs/{job['id']}?wait=10", until=200)
    if job["state"] != "succeeded":
        raise RuntimeError(f"the job is {job['state']}: {job['counts']}")
    begun, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return len(shown) / (ended - begun).total_seconds()


def _ask(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, until: int
) -> dict[str, Any]:
    """Ask until the status is the one that is wanted."""
    deadline_s = time.monotonic() + LONGEST_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status == until:
            return json.loads(content)
        if time.monotonic() > deadline_s or answer.status < 500:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        time.sleep(0.2)
