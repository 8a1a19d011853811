"""What jobs cost: accepting one, working off one behind many, and the drain beside requests that wait.

Run: ``python -m benchmarks.jobs [submit] [growth] [drain] [--database URL] [--hints URL] [--rows N] [--json FILE]``.

* ``submit``: p95 of accepting a 60 kB picture, over a bare write, fsync, rename, fsync of the folder and COMMIT of one
  row, taken in turns in the same run, by 1 and by 16 threads. Aim: at most 2.
* ``growth``: cost of an item, claimed and finished in batches of 16, behind a growing number of ended items. Aim: flat.
* ``drain``: items a second of one large job over requests a second of the same pictures, in turns on one server with
  its embedded worker. Aim: at least 0.85 with SQLite, 0.8 with PostgreSQL and RabbitMQ.

The database of ``--database`` must be empty and is left full; without it a file in a temporary folder is used.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import text

from benchmarks import jobs_drain
from saccade.backends import open_hints, open_objects
from saccade.backends.database.connection import Database
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.images.guard import Guard
from saccade.jobs.ids import new_id
from saccade.jobs.records import ModelPin, NewImage, NewJob, Succeeded
from saccade.jobs.room import Room, RoomLimits
from saccade.jobs.service import JobLimits, Jobs
from saccade.jobs.submission import Source, Submission
from saccade.jobs.webhooks import Poster

PICTURE_BYTES = 60_000
BATCH = 16
PIN = ModelPin("circles@1", "sha256:benchmark")
PREDICTION = json.dumps({"model": "circles@1", "predictions": [{"label": "circle", "score": 0.9}] * 5})


class OneModel:
    """A registry of one model: what is measured is the job, not the model."""

    def status(self, name: str) -> SimpleNamespace:
        """Return what a job pins."""
        return SimpleNamespace(reference=PIN.reference, card=SimpleNamespace(digest=PIN.digest), detail="", name=name)


def percentile_ms(times_s: list[float], share: float) -> float:
    """Return the time in ms below which this share lies."""
    return sorted(times_s)[min(len(times_s) - 1, int(len(times_s) * share))] * 1e3


class Bare:
    """The least that any program must do to keep a picture and a row: two durable writes."""

    def __init__(self, folder: Path, database: Database) -> None:
        """Write beside what is compared: the same disk, the same database."""
        self.folder = folder
        self.database = database
        with database.engine.connect() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS bare (id INTEGER, name VARCHAR(36))"))
            connection.commit()
        self.local = threading.local()

    def keep(self, picture: bytes) -> None:
        """Write and fsync the file, put it in place, fsync the folder, then COMMIT one row."""
        name = self.folder / secrets.token_hex(16)
        partly = name.with_suffix(".part")
        with partly.open("wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        partly.rename(name)
        folder = os.open(self.folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        cursor = self._cursor()
        if self.database.dialect == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO bare VALUES (1, 'a row')")
        cursor.execute("COMMIT")

    def _cursor(self):  # noqa: ANN202 - a cursor of whichever driver
        """Return a cursor of a driver's connection of this thread, without SQLAlchemy."""
        if not hasattr(self.local, "cursor"):
            connection = self.database.engine.dialect.loaded_dbapi.connect(**self._arguments())
            if self.database.dialect == "sqlite":
                connection.isolation_level = None
                connection.execute("PRAGMA synchronous = FULL")
            self.local.cursor = connection.cursor()
        return self.local.cursor

    def _arguments(self) -> dict[str, object]:
        url = self.database.engine.url
        if self.database.dialect == "sqlite":
            return {"database": url.database, "timeout": 60}
        arguments = {"host": url.host, "port": url.port, "user": url.username, "password": url.password or ""}
        return {**arguments, "dbname" if self.database.dialect == "postgresql" else "database": url.database}


def open_jobs(database: Database, folder: Path) -> Jobs:
    """Return jobs over a database and a folder."""
    store = open_store(database)
    return Jobs(
        store,
        open_objects(f"file://{folder}/objects"),
        open_hints("memory://"),
        OneModel(),  # type: ignore[arg-type]
        room=Room(store.records, RoomLimits(10**9, 10**9)),
        limits=JobLimits(1000, 20, 8),
        poster=Poster(Guard(), timeout_s=1),
    )


def submit(database: Database, folder: Path, rounds: int) -> dict[str, object]:
    """Accept pictures, in turns with the bare writes."""
    picture = secrets.token_bytes(PICTURE_BYTES)
    (folder / "bare").mkdir()
    jobs, bare = open_jobs(database, folder), Bare(folder / "bare", database)

    def accept() -> None:
        jobs.submit(Submission("alice", (Source("a.jpg", picture),), ("circles",)))

    found: dict[str, object] = {}
    for threads in (1, 16):
        times_s = _in_turns({"bare": lambda: bare.keep(picture), "submit": accept}, rounds=rounds, threads=threads)
        figures = {
            f"{name}_{label}_ms": round(percentile_ms(each, share), 2)
            for name, each in times_s.items()
            for label, share in (("p50", 0.5), ("p95", 0.95))
        }
        ratio = round(figures["submit_p95_ms"] / figures["bare_p95_ms"], 2)
        found[f"threads_{threads}"] = {
            **figures,
            "p95_ratio": ratio,
            "p50_ratio": round(figures["submit_p50_ms"] / figures["bare_p50_ms"], 2),
        }
        print(f"submit, {threads:2} threads: {figures}  p95 ratio {ratio}")
    return found


def _in_turns(works: dict[str, Callable[[], None]], *, rounds: int, threads: int) -> dict[str, list[float]]:
    """Do each work in turns, a block at a time, by so many threads; return the times of each."""
    times_s: dict[str, list[float]] = {name: [] for name in works}
    for block in range(11):
        for name, work in works.items():
            taken: list[float] = []

            def run(work: Callable[[], None] = work, taken: list[float] = taken) -> None:
                for _ in range(max(1, rounds // 10 // threads)):
                    begun_s = time.perf_counter()
                    work()
                    taken.append(time.perf_counter() - begun_s)

            crew = [threading.Thread(target=run) for _ in range(threads)]
            for each in crew:
                each.start()
            for each in crew:
                each.join()
            if block:  # the first is warm-up
                times_s[name] += taken
    return times_s


def growth(database: Database, rows: int) -> dict[str, object]:
    """Claim and finish behind more and more ended items."""
    store = open_store(database)
    sizes = [size for size in (0, 10_000, 100_000, 1_000_000, 10_000_000) if size <= rows]
    found: list[dict[str, float]] = []
    there = 0
    for size in sizes:
        if size > there:
            _grow(database, there, size)
            there = size
        times_s: list[float] = []
        for number in range(62):
            if number % 20 == 0:
                images = tuple(NewImage("a.jpg", None, "ab" * 32, f"jobs/{new_id()}", 10) for _ in range(20 * BATCH))
                store.submissions.submit(NewJob(new_id(), "alice", images, (PIN,)))
            begun_s = time.perf_counter()
            claims = store.claims.claim("w", {PIN.reference: PIN.digest}, most=BATCH, lease_s=60)
            store.claims.finish("w", [Succeeded(claim, PREDICTION, 10, 1.0, cached=False) for claim in claims])
            if number > 1:
                times_s.append((time.perf_counter() - begun_s) / BATCH)
        figure = {"ended_rows": size, "median_ms_per_item": round(statistics.median(times_s) * 1e3, 3)}
        found.append(figure)
        print(f"growth: {figure}")
    ratio = found[-1]["median_ms_per_item"] / found[0]["median_ms_per_item"]
    print(f"growth: {ratio:.2f} times the cost behind {sizes[-1]:,} ended items")
    plans = jobs_drain.plans(database)
    for statement, plan in plans.items():
        print(f"  {statement}")
        for line in plan:
            print(f"      {line}")
    return {"sizes": found, "ratio": round(ratio, 2), "plans": plans}


def _grow(database: Database, there: int, size: int) -> None:
    """Insert ended items with all that belongs to them, as one statement a table."""
    is_mysql = database.dialect in {"mysql", "mariadb"}
    job = "CAST(n DIV 1000 + 1000000 AS CHAR)" if is_mysql else "CAST(n / 1000 + 1000000 AS TEXT)"
    numbers = (
        "WITH RECURSIVE digits(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 999), "
        "numbers(n) AS (SELECT a.d * 1000000 + b.d * 1000 + c.d FROM digits a, digits b, digits c "
        f"WHERE a.d < {size // 1_000_000 + 1} AND a.d * 1000000 + b.d * 1000 + c.d >= {there} "
        f"AND a.d * 1000000 + b.d * 1000 + c.d < {size}) "
    )
    base = 1_000_000_000 * len(str(size))  # behind all that is there
    rows = {
        "item (id, job_id, position, model_index, principal, model, digest, state, priority, attempt, max_attempts, "
        "crash_count, not_before, hinted_at, event_seq, created_at, started_at, finished_at)": (
            f"{base} + n, {job}, n % 1000, 0, 'alice', 'circles@1', '{PIN.digest}', 'succeeded', 1, 1, 8, "
            "0, n, n, n % 1000 + 1, n, n, n"
        ),
        "result (item_id, job_id, attempt, prediction)": f"{base} + n, {job}, 1, '{PREDICTION}'",
        "usage_event (item_id, principal, model, digest, outcome, pixels, compute_ms, cached, created_at)": (
            f"{base} + n, 'alice', 'circles@1', '{PIN.digest}', 'succeeded', 1, 1.0, {_false(database)}, n"
        ),
        "job_image (job_id, position, principal, sha256, blob_key, size_bytes)": (
            f"{job}, n % 1000, 'alice', {job}, {job}, 10"
        ),
    }
    with database.engine.connect() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SET statement_timeout = 0")
        for target, values in rows.items():
            statement = f"INSERT INTO {target} {numbers} SELECT {values} FROM numbers"
            connection.exec_driver_sql(statement.replace("%", "%%") if database.dialect != "sqlite" else statement)
            connection.commit()
        if database.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE")
            connection.commit()


def _false(database: Database) -> str:
    return "FALSE" if database.dialect == "postgresql" else "0"


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["submit", "growth", "drain"])
    parser.add_argument("--database", default="")
    parser.add_argument("--hints", default="memory://")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=800)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saccade-benchmark-") as name:
        folder = Path(name)
        url = asked.database or f"sqlite:///{folder}/saccade.db"
        database = open_database(url)
        migrate(database)
        report: dict[str, object] = {
            "python": platform.python_version(),
            "cpus": len(os.sched_getaffinity(0)),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "database": database.dialect,
            "hints": asked.hints.partition(":")[0],
        }
        print(json.dumps(report))
        if "submit" in asked.parts:
            report["submit"] = submit(database, folder, asked.rounds)
        if "growth" in asked.parts:
            report["growth"] = growth(database, asked.rows)
        database.close()
        if "drain" in asked.parts:
            report["drain"] = jobs_drain.drain(folder, asked.database, asked.hints, asked.images)
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
