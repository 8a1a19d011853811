"""Two ``saccade work`` processes beside one: is what computes worked off in half the time, and nothing run twice?

Run: ``python -m benchmarks.workers [--database URL] [--hints URL] [--items N] [--turns N] [--json FILE]``.

The model is a plug-in that computes on one CPU for as long as it takes (no sleep), and notes every picture that it is
shown; each worker has one slot, so that it uses one CPU and a little. One worker and two take turns at equal jobs.
Aim: two need about 0.5 of the time of one. It needs two free CPUs: what else runs on them, the database and the broker
too, is missing from the second worker. So in each turn the same is asked of plain processes that do nothing but the
computing, which is what this machine can give at that time: ``plain_ratio``.

The database of ``--database`` must be empty and is left full; without it a file in a temporary folder is used.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from saccade.backends import open_hints, open_objects
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.jobs.ids import new_id
from saccade.jobs.ports import Hints, Objects
from saccade.jobs.records import ModelPin, NewImage, NewJob
from saccade.jobs.states import JobState
from saccade.jobs.store import Store
from saccade.jobs.submission import Source

WHO = "benchmark"
LONGEST_S = 300.0
_LOOK_S = 0.02
#: Items in a worker's hands: few, or the last ones would lie with one worker while the other has none.
CONCURRENCY = 4
#: Number of the first picture; what a model is shown when it is loaded has lower ones.
FIRST = 1 << 16

PLUG_IN = '''
import hashlib
import os
from pathlib import Path


class Busy:
    """Computes for each picture, and notes which it was."""

    task = "image-classification"
    labels = ("done",)
    version = "1"

    def load(self):
        self.log = os.open(Path(__file__).parent.parent / "run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def predict(self, images):
        for image in images:
            hashlib.pbkdf2_hmac("sha256", b"", b"", {rounds})  # lets go of the interpreter until it is done
            os.write(self.log, b"%d\\n" % int(image[0, 0] @ (1 << 16, 1 << 8, 1)))
        return [[{{"label": "done", "score": 1.0}}] for _ in images]
'''


@dataclass(frozen=True)
class Place:
    """Where all of it lies, and how to reach it."""

    folder: Path
    settings: Mapping[str, str]
    store: Store
    objects: Objects
    hints: Hints


@contextmanager
def workers(place: Place, count: int) -> Iterator[ModelPin]:
    """Run so many workers; yield the model that they hold once each of them does."""
    command = [str(Path(sys.executable).parent / "saccade"), "work", "--models", "busy"]
    environment = {**os.environ, **place.settings}
    with (place.folder / "workers.log").open("ab") as log:
        started = [subprocess.Popen(command, env=environment, stdout=log, stderr=log) for _ in range(count)]
    try:
        deadline_s = time.monotonic() + LONGEST_S
        while True:
            ready = [worker for worker in place.store.records.queue().workers if worker.models]
            if len(ready) == count:
                break
            if time.monotonic() > deadline_s or any(process.poll() is not None for process in started):
                raise RuntimeError((place.folder / "workers.log").read_text()[-2000:])
            time.sleep(_LOOK_S)
        [(reference, digest)] = ready[0].models.items()
        yield ModelPin(reference, digest)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def drain_s(place: Place, pin: ModelPin, serials: range) -> float:
    """Submit one job of these pictures; return the seconds until it has ended."""
    images, blobs = [], {}
    for serial in serials:
        held = io.BytesIO()
        Image.new("RGB", (32, 32), (serial >> 16 & 255, serial >> 8 & 255, serial & 255)).save(held, "PNG")
        data, key = held.getvalue(), f"jobs/benchmark/{serial}"
        blobs[key] = data
        images.append(NewImage(f"{serial}.png", None, Source(data=data).hashed().sha256, key, len(data)))
    place.objects.put_many(blobs)
    stored = place.store.submissions.submit(NewJob(id=new_id(), principal=WHO, images=tuple(images), models=(pin,)))
    place.hints.publish(stored.item_ids)
    deadline_s = time.monotonic() + LONGEST_S
    while (job := place.store.records.job(WHO, stored.job.id)).state is JobState.RUNNING:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the job is still running: {job.counts}")
        time.sleep(_LOOK_S)
    if job.state is not JobState.SUCCEEDED or job.finished_at_us is None:
        raise RuntimeError(f"the job is {job.state}: {job.counts}")
    return (job.finished_at_us - job.created_at_us) / 1e6


def plain_s(count: int, *, items: int, rounds: int) -> float:
    """Return how long so many processes take that share the same computing, and have nothing else to do."""
    work = f"for _ in range({items // count}): hashlib.pbkdf2_hmac('sha256', b'', b'', {rounds})"
    command = [sys.executable, "-c", f"import hashlib\n{work}"]
    begun_s = time.perf_counter()
    started = [subprocess.Popen(command) for _ in range(count)]
    for process in started:
        process.wait()
    return time.perf_counter() - begun_s


def measure(place: Place, *, items: int, turns: int, rounds: int) -> dict[str, object]:
    """Let one worker and two take turns; return the times, their ratio, and how often something was run twice."""
    times_s: dict[int, list[float]] = {1: [], 2: []}
    plain: list[float] = []
    serial = FIRST
    for _ in range(turns):
        plain.append(plain_s(2, items=items, rounds=rounds) / plain_s(1, items=items, rounds=rounds))
        for count, taken in times_s.items():
            with workers(place, count) as pin:
                drain_s(place, pin, range(serial, serial + 20))  # warm-up: the model is loaded, all processes are awake
                taken.append(round(drain_s(place, pin, range(serial + 20, serial + 20 + items)), 2))
            serial += 20 + items
            print(f"{count} workers: {taken[-1]:.2f} s for {items} items")
    shown = Counter(map(int, (place.folder / "run.log").read_text().split()))
    runs = [shown[number] for number in range(FIRST, serial)]
    ratios = [two / one for one, two in zip(times_s[1], times_s[2], strict=True)]
    return {
        "one_worker_s": times_s[1],
        "two_workers_s": times_s[2],
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(each, 3) for each in sorted(ratios)],
        "plain_ratio": round(statistics.median(plain), 3),
        "plain_ratios": [round(each, 3) for each in sorted(plain)],
        "pictures": len(runs),
        "never_run": runs.count(0),
        "run_twice": sum(count > 1 for count in runs),
    }


def rounds_for(item_s: float) -> int:
    """Return how many rounds of the hash take so long on this machine when nothing else runs."""
    import hashlib

    def once_s() -> float:
        begun_s = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)
        return time.perf_counter() - begun_s

    return int(100_000 * item_s / min(once_s() for _ in range(10)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="")
    parser.add_argument("--hints", default="memory://")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--item-s", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saccade-benchmark-") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        rounds = rounds_for(asked.item_s)
        (folder / "models" / "busy.py").write_text(PLUG_IN.format(rounds=rounds))
        url, objects_url = asked.database or f"sqlite:///{folder}/saccade.db", f"file://{folder}/objects"
        settings = {
            "SACCADE_HOME": str(folder / "home"),
            "SACCADE_MODELS": str(folder / "models"),
            "SACCADE_DATABASE_URL": url,
            "SACCADE_OBJECTS_URL": objects_url,
            "SACCADE_HINTS_URL": asked.hints,
            "SACCADE_CACHE_BYTES": "0",
            "SACCADE_ENGINE_SLOTS": "1",
            "SACCADE_WORKER_CONCURRENCY": str(CONCURRENCY),
        }
        database = open_database(url)
        migrate(database)
        place = Place(folder, settings, open_store(database), open_objects(objects_url), open_hints(asked.hints))
        report: dict[str, object] = {
            "python": platform.python_version(),
            "cpus": len(os.sched_getaffinity(0)),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "database": database.dialect,
            "hints": asked.hints.partition(":")[0],
            "items": asked.items,
            "item_s": asked.item_s,
        }
        report.update(measure(place, items=asked.items, turns=asked.turns, rounds=rounds))
        place.hints.close()
        database.close()
    for label, value in report.items():
        print(f"{label:20} {value}")
    print(
        f"two workers need {report['ratio']} of the time of one (aim 0.5; plain processes {report['plain_ratio']}), "
        f"{report['run_twice']} pictures twice"
    )
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
