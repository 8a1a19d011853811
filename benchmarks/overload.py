"""Ten times more than the server can do, for a minute: who is answered, how fast, and what becomes of the others.

Run: ``python -m benchmarks.overload [--work wait|compute|circles] [--seconds 60] [--factor 10]``.

* ``wait``: a plug-in that waits 50 ms for each picture, one at a time a slot, as for an accelerator or another machine.
* ``compute``: a plug-in that computes for 100 ms on one CPU, beside the interpreter as an engine does.
* ``circles``: the shipped model, with pictures of 2400 x 1800 px.

The plug-ins gain nothing from batches, so they run one picture at a time; a run that has begun with many pictures of
the first burst could not be called off. With ``compute`` and ``circles`` the refusals, and this generator itself, take
CPU from the work on the same machine, and whatever else runs there shows: look at ``load_average``.

Targets: p95 of answers <= 2 x unloaded, goodput >= 0.9 x capacity, all others 503 with Retry-After and a problem,
p99 of refusals <= 50 ms, none failed, memory + 200 MiB at most, and the unloaded p95 back within 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks import pictures, servers
from benchmarks.load import Client, Outcome, percentile_ms, statuses

CONNECTIONS = 32
CAPACITY_S = 15.0
UNLOADED_S = 10.0
RECOVERY_S = 10.0

_PLUGIN = '''
import hashlib
import time

ROUNDS = 50_000


def compute(rounds):
    hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)  # lets go of the interpreter until it is done


def wait(_):
    time.sleep(0.05)


class Work:
    """Takes its time for each picture."""

    task = "image-classification"
    labels = ("done",)
    version = "1"

    def load(self):
        begun_s = time.thread_time()
        compute(ROUNDS)
        self.rounds = round(ROUNDS * 0.1 / (time.thread_time() - begun_s))

    def predict(self, images):
        for _ in images:
            {work}(self.rounds)
        return [[{{"label": "done", "score": 1.0}}] for _ in images]
'''


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process and all below it."""
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in [pid, *servers.children(pid)])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process and all below it have taken."""
    ticks = 0
    for each in [pid, *servers.children(pid)]:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def watch_memory(pid: int, seen_mib: list[float]) -> None:
    """Note the memory every half second."""
    while True:
        seen_mib.append(memory_mib(pid))
        await asyncio.sleep(0.5)


def is_proper_refusal(outcome: Outcome) -> bool:
    """Tell whether a refusal says when to come back, as a problem."""
    return (
        outcome.status in {429, 503}
        and int(outcome.headers.get("retry-after", 0)) >= 1
        and outcome.headers.get("content-type") == "application/problem+json"
    )


async def storm(server: servers.Server, shown: list[bytes], *, factor: float, seconds: float) -> dict[str, object]:
    """Measure capacity, unloaded time, the overload and what comes after it."""
    client = Client(server.port, server.path, shown)
    await client.closed_loop(4, 3.0)
    begun_s = time.perf_counter()
    closed = await client.closed_loop(CONNECTIONS, CAPACITY_S)
    capacity = sum(outcome.status == 200 for outcome in closed) / (time.perf_counter() - begun_s)
    unloaded = await client.closed_loop(1, UNLOADED_S)
    before_mib = memory_mib(server.process.pid)
    seen_mib: list[float] = []
    watch = asyncio.create_task(watch_memory(server.process.pid, seen_mib))
    server_cpu_s, own_cpu_s = cpu_s(server.process.pid), time.process_time()
    begun_s = time.perf_counter()
    flood = await client.open_loop(capacity * factor, seconds)
    ended_s = max(begun_s + seconds, *(outcome.ended_s for outcome in flood if outcome.status == 200))
    server_cpu_s, own_cpu_s = cpu_s(server.process.pid) - server_cpu_s, time.process_time() - own_cpu_s
    after = await client.closed_loop(1, RECOVERY_S)
    watch.cancel()
    client.close()
    answered = [outcome for outcome in flood if outcome.status == 200]
    refused = [outcome for outcome in flood if outcome.status not in {0, 200}]
    unloaded_p95_ms = percentile_ms(unloaded, 0.95)
    early = [outcome for outcome in after if outcome.due_s < ended_s + 5]
    late = [outcome for outcome in after if outcome.due_s >= ended_s + 5]
    return {
        "capacity_per_s": capacity,
        "closed_loop": statuses(closed),
        "unloaded_p50_ms": percentile_ms(unloaded, 0.5),
        "unloaded_p95_ms": unloaded_p95_ms,
        "offered_per_s": len(flood) / seconds,
        "late_p99_ms": percentile_ms(flood, 0.99, lambda outcome: outcome.sent_s - outcome.due_s),
        "server_cpus": server_cpu_s / (ended_s - begun_s),
        "generator_cpus": own_cpu_s / (ended_s - begun_s),
        "flood": statuses(flood),
        "answered_p50_ms": percentile_ms(answered, 0.5),
        "answered_p95_ms": percentile_ms(answered, 0.95),
        "answered_p99_ms": percentile_ms(answered, 0.99),
        "answered_p95_to_unloaded": percentile_ms(answered, 0.95) / unloaded_p95_ms,
        "goodput_to_capacity": len(answered) / (ended_s - begun_s) / capacity,
        "proper_refusals": sum(map(is_proper_refusal, refused)) / max(1, len(refused)),
        "refused_p50_ms": percentile_ms(refused, 0.5),
        "refused_p99_ms": percentile_ms(refused, 0.99),
        "failed": sum(outcome.status == 0 for outcome in flood),
        "memory_before_mib": before_mib,
        "memory_growth_mib": max(seen_mib) - before_mib,
        "first_5s_p95_ms": percentile_ms(early, 0.95),
        "after_5s_p95_ms": percentile_ms(late, 0.95),
        "after": statuses(after),
    }


def show(measured: dict[str, object], targets: dict[str, str]) -> None:
    """Print what was measured as a table, with the targets beside it."""
    for name, value in measured.items():
        text = f"{value:.2f}" if isinstance(value, float) else str(value)
        print(f"{name:26} {text:>34}  {targets.get(name, '')}")


def main() -> None:
    """Run it and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", choices=["wait", "compute", "circles"], default="wait")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--factor", type=float, default=10.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        name, shown = asked.work, pictures.jpegs(16)
        batch = "16" if asked.work == "circles" else "1"
        if asked.work == "circles":
            shown = pictures.jpegs(4, width_px=2400, height_px=1800)
        else:
            (Path(folder) / f"{name}.py").write_text(_PLUGIN.format(work=asked.work))
        with servers.saccade(Path(folder) / name, SACCADE_LOG_LEVEL="error", SACCADE_BATCH_MAX_ITEMS=batch) as server:
            server.first_answer_s(shown[0])
            measured = uvloop.run(storm(server, shown, factor=asked.factor, seconds=asked.seconds))
    setting = {
        "work": asked.work,
        "factor": asked.factor,
        "seconds": asked.seconds,
        "batch_max_items": batch,
        "picture_kb": round(len(shown[0]) / 1000),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    print(", ".join(f"{key} {value}" for key, value in setting.items()))
    targets = {
        "closed_loop": f"{CONNECTIONS} connections: only 200",
        "answered_p95_to_unloaded": "<= 2",
        "goodput_to_capacity": ">= 0.9",
        "proper_refusals": "1",
        "refused_p99_ms": "<= 50",
        "failed": "0",
        "memory_growth_mib": "<= 200",
        "after_5s_p95_ms": "about unloaded_p95_ms",
    }
    show(measured, targets)
    print(json.dumps({**setting, **measured}, default=lambda value: None if math.isnan(value) else value))


if __name__ == "__main__":
    main()
