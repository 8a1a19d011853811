"""What a report on a large ledger costs: seconds and memory, statement by statement.

Run: ``python -m benchmarks.usage_report [--database URL] [--rows N] [--json FILE]``.

Fills a ledger with N requests and N predictions over 90 days, of 50 users, 8 routes and 5 models, then makes the report
on everything, on 7 days and on one, as JSON and as a page. Aim for N = 1,000,000: at most 5 s, and memory that does not
grow with the rows.

The database of ``--database`` must be empty and is left full; without it a file in a temporary folder is used.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from saccade.backends.database.connection import Database
from saccade.backends.database.ledger_reading import SqlLedgerReader
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.usage.document import report_to_json
from saccade.usage.html.page import report_to_html
from saccade.usage.report import Question, make_report
from saccade.usage.window import read_window, to_us, zone_of

DAYS = 90
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=DAYS)
USERS = [f"user-{number}" for number in range(50)]
ROUTES = [
    "/v1/models/{model}/predict", "/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/results", "/v1/models",
    "/v1/predict", "/v1/queue", "/hf/{model}",
]  # fmt: skip
MODELS = ["circles", "sem-textures", "squares", "mobilenet"]
STATUSES = [200] * 16 + [202, 404, 422, 503]


def fill(database: Database, rows: int) -> None:
    """Insert the history, as one statement a table."""
    kind = database.dialect
    rest = "%" if kind == "sqlite" else "%%"
    over = "DIV" if kind in {"mysql", "mariadb"} else "/"

    def scattered(by: int) -> str:
        return f"(((n * 7919 + n {over} 13 * 104729 + 12345) {rest} 1000003) {over} {by})"

    def one_of(values: Sequence[object], by: int) -> str:
        cases = " ".join(f"WHEN {number} THEN {value!r}" for number, value in enumerate(values))
        return f"CASE {scattered(by)} {rest} {len(values)} {cases} END"

    thousands = "CAST(b.d * 1000 + c.d AS SIGNED)" if over == "DIV" else "CAST(b.d * 1000 + c.d AS BIGINT)"
    numbers = (
        "WITH RECURSIVE digits(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 999), "
        f"numbers(n) AS (SELECT a.d * 1000000 + {thousands} FROM digits a, digits b, digits c "
        f"WHERE a.d < {rows // 1_000_000 + 1} AND a.d * 1000000 + b.d * 1000 + c.d < {rows}) "
    )
    created = f"{to_us(BEGIN)} + n * {DAYS * 86_400 * 1_000_000 // rows}"
    user, model = one_of(USERS, 1), one_of(MODELS, 11)
    true, false = ("TRUE", "FALSE") if kind == "postgresql" else ("1", "0")
    tables = {
        "request_event (service, principal, user_name, via, method, route, model, status, bytes_in, duration_us, "
        "latency_class, request_id, created_at)": (
            f"'saccade', {user}, {user}, 'key', {one_of(['POST', 'GET'], 3)}, {one_of(ROUTES, 7)}, {model}, "
            f"{one_of(STATUSES, 5)}, 1000 + {scattered(1)}, 64 + {scattered(1)} * 3, {scattered(1)} {rest} 100, "
            f"'01890000-0000-7000-8000-000000000000', {created}"
        ),
        "usage_event (item_id, principal, model, digest, outcome, pixels, compute_ms, cached, service, created_at)": (
            f"CASE WHEN n {rest} 2 = 0 THEN n ELSE NULL END, {user}, {model}, 'sha256:benchmark', "
            f"{one_of(['succeeded'] * 19 + ['failed'], 5)}, 187500, 12.5, "
            f"CASE WHEN n {rest} 7 = 0 THEN {true} ELSE {false} END, 'saccade', {created}"
        ),
    }
    with database.engine.connect() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("SET statement_timeout = 0")
        for target, values in tables.items():
            connection.exec_driver_sql(f"INSERT INTO {target} {numbers} SELECT {values} FROM numbers")
            connection.commit()
    if kind == "postgresql":
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself, a while after rows came


def peak_kib() -> int:
    """Return the most memory that this program ever had resident; ``getrusage`` would tell its parent's, if larger."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


def measure(url: str, since: str) -> dict[str, object]:
    """Make a report in this process, which should be fresh; return what it took."""
    database = open_database(url)
    reader, zone = SqlLedgerReader(database), zone_of("Europe/Rome")
    window = read_window(None if since == "all" else since, None, zone=zone, now=NOW)
    reader.read(lambda snapshot: snapshot.principals("nobody", among=("nobody",)))  # connected, imported
    before_kib = peak_kib()
    marks: list[tuple[str, float]] = []
    cpu_s = time.process_time()
    begun_s = time.perf_counter()
    report = make_report(reader, Question(window, zone), on_step=lambda step: marks.append((step, time.perf_counter())))
    read_s = time.perf_counter()
    size = len(json.dumps(report_to_json(report))), len(report_to_html(report))
    ended_s = time.perf_counter()
    database.close()
    ends = [*(at_s for _, at_s in marks[1:]), read_s]
    return {
        "window": since,
        "seconds": round(ended_s - begun_s, 2),
        "cpu_seconds": round(time.process_time() - cpu_s, 2),
        "steps_s": {step: round(end_s - at_s, 2) for (step, at_s), end_s in zip(marks, ends, strict=True)},
        "written_s": round(ended_s - read_s, 2),
        "grown_mib": round((peak_kib() - before_kib) / 1024, 1),
        "requests": report.requests,
        "json_bytes": size[0],
        "html_bytes": size[1],
    }


def main() -> None:
    """Fill a ledger and measure, each window in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.database, asked.measure)))
        return
    with tempfile.TemporaryDirectory(prefix="saccade-benchmark-") as folder:
        url = asked.database or f"sqlite:///{folder}/saccade.db"
        database = open_database(url)
        migrate(database)
        fill(database, asked.rows)
        database.close()
        found: dict[str, object] = {
            "python": platform.python_version(),
            "cpus": len(os.sched_getaffinity(0)),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "database": database.dialect,
            "rows_each": asked.rows,
            "reports": [],
        }
        print(json.dumps(found))
        for since in ("all", "7d", "24h"):
            command = [sys.executable, "-m", "benchmarks.usage_report", "--database", url, "--measure", since]
            report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            found["reports"].append(report)  # type: ignore[attr-defined]
            print(json.dumps(report))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
