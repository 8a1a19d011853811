"""What the ledger costs a request on its way: making its event and leaving it with the meter.

Run: ``python -m benchmarks.ledger``. Aim: under 0.2 ms at the median. Written rows go to a file of SQLite meanwhile, by
the meter's own thread, as in a server.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from saccade.access.principals import Principal, Role, Via
from saccade.api.context import RequestContext
from saccade.api.metering import note_request
from saccade.backends.database.ledger import SqlLedger
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.usage.event import PredictionEvent
from saccade.usage.meter import Meter, MeterPlan

ROUNDS = 20_000
PAUSE_S = 0.001


def main() -> None:
    """Note requests, about a thousand a second, and print what each took."""
    alice = Principal("alice", "alice", frozenset({Role.INVESTIGATOR}), Via.KEY)
    with tempfile.TemporaryDirectory(prefix="saccade-benchmark-") as name:
        database = open_database(f"sqlite:///{Path(name)}/saccade.db")
        migrate(database)
        meter = Meter(lambda: SqlLedger(database), MeterPlan("saccade", 1.0, 100_000))
        meter.start()
        times_us = []
        for number in range(ROUNDS):
            context = RequestContext(f"request-{number}", principal=alice)
            prediction = PredictionEvent(
                "alice",
                "circles@1",
                "digest",
                succeeded=True,
                pixels=307_200,
                compute_ms=9.0,
                cached=False,
                at_us=number,
            )
            context.predictions.append(prediction)
            begun_s = time.perf_counter()
            note_request(meter, {"method": "POST"}, context, status=200, route="/v1/models/{model}/predict")
            times_us.append((time.perf_counter() - begun_s) * 1e6)
            if number % 10 == 0:
                time.sleep(10 * PAUSE_S)
        meter.close()
        database.close()
    times_us.sort()
    report = {
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "requests": ROUNDS,
        "median_us": round(statistics.median(times_us), 1),
        "p99_us": round(times_us[int(0.99 * ROUNDS)], 1),
        "max_us": round(times_us[-1], 1),
        "not_written": meter.waiting,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
