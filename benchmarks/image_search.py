"""What a search over many remembered images costs: each kind of question, many times, with the plans.

Run: ``python -m benchmarks.image_search [--database URL] [--images N] [--times N] [--plans] [--json FILE]``.

Fills a database with N images of 30 owners, one of whom has nine in ten of them: two or three words of their file
names, four labels by two models each (a third of the images by two versions of one), perceptual hashes in which some
are near each other. Then it asks pages of 15, bulk lists and counts, newest pages and deep ones, each time for
something else. Aim for N = 1,000,000: at most 50 ms for nineteen of twenty pages of every kind.

``cpu`` is what this process spent and, on the same machine, those of the server: the whole search, whoever else uses
the machine.

The database of ``--database`` must be empty and is left full; without it a file in a temporary folder is used.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Engine, event, insert, text

from saccade.backends.database.connection import Database
from saccade.backends.database.image_rows import quarters_of, signed_of
from saccade.backends.database.image_search import SqlImageSearch
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.backends.database.schema import image, image_label, image_prediction, image_word
from saccade.images.search import ImageQuery, LabelQuery, Place

LARGE = "user-0"
OWNERS = [f"user-{number}" for number in range(30)]
BEGIN_US = 1_700_000_000_000_000
STEP_US = 30_000_000
#: Labels of the classifier, by how often it gives them: the first is in half of the images, the last in a few.
CLASSES = [f"class {number}" for number in range(1000)]
PLACES = ["lab", "roof", "harbour", "mill", "garden", "cellar", "beach", "attic"]
_TOGETHER = 5000
_PAGE_AIM_MS = 50.0
_WARMING = 3

Row = dict[str, object]
Ask = Callable[[SqlImageSearch, random.Random], object]


def fill(database: Database, images: int) -> None:
    """Insert the images and all that belongs to them."""
    numbers = iter(range(1, images + 1))
    while some := list(islice(numbers, _TOGETHER)):
        made = [_image(number, images) for number in some]
        tables = {
            image: [row for row, *_ in made],
            image_prediction: [row for _, rows, *_ in made for row in rows],
            image_label: [row for _, _, rows, _ in made for row in rows],
            image_word: [row for *_, rows in made for row in rows],
        }

        def work(tx: Connection, tables: dict[object, list[Row]] = tables) -> None:  # type: ignore[type-arg]
            for table, rows in tables.items():
                tx.execute(insert(table), rows)  # type: ignore[call-overload]

        database.write(work)
    if database.dialect == "postgresql":
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself, a while after rows came


def _image(number: int, images: int) -> tuple[Row, list[Row], list[Row], list[Row]]:
    """Return the rows of an image: its own, of predictions, of labels, of words."""
    chance = random.Random(number)
    owner = LARGE if chance.random() < 0.9 else chance.choice(OWNERS[1:])
    phash = phash_of(number, chance)
    own: Row = {
        "id": number, "owner": owner, "sha256": f"{number:064x}", "md5": f"{number:032x}", "sha1": f"{number:040x}",
        "phash": signed_of(phash), **{f"phash_{index}": part for index, part in enumerate(quarters_of(phash))},
        "format": "jpeg", "width_px": 640, "height_px": 480, "size_bytes": int(chance.lognormvariate(13, 1)),
        "blob_key": f"images/{number}", "file_names": json.dumps([f"IMG_{number:07}.jpg"]),
        "created_at": BEGIN_US + number * STEP_US, "updated_at": BEGIN_US + number * STEP_US,
    }  # fmt: skip
    words = {"img", f"{number:07}", chance.choice(PLACES), f"batch{number * 50 // images}"}
    if chance.random() < 0.001:
        words.add("eclipse")
    said = [("circles", "circles@1", number % 3 != 0, ["coin" if chance.random() < 0.3 else "ring"])]
    if number % 3 == 0:
        said.append(("circles", "circles@2", True, ["coin"]))
    # Zipf's law, nearly: some classes are everywhere, most are rare.
    said.append(("mobilenet", "mobilenet@1", True, list({CLASSES[int(1000 ** chance.random()) - 1] for _ in range(3)})))
    predictions, labels = [], []
    for index, (name, model, is_newest, seen) in enumerate(said):
        key = number * 4 + index
        predictions.append({
            "id": key, "image_id": number, "model_name": name, "model": model, "digest": "sha256:0", "task": "t",
            "engine": "onnxruntime", "options": "{}", "prediction": "{}", "is_newest": is_newest, "created_at": 0,
        })  # fmt: skip
        labels += [
            {
                "prediction_id": key, "label": label, "owner": owner, "image_id": number, "model_name": name,
                "model": model, "is_newest": is_newest, "score": chance.random(), "count": 1,
            }
            for label in seen
        ]  # fmt: skip
    return own, predictions, labels, [{"owner": owner, "word": word, "image_id": number} for word in words]


def phash_of(number: int, chance: random.Random) -> int:
    """Return a hash of its own, or, of one in five, one near that of an earlier picture."""
    if number % 5:
        return chance.getrandbits(64)
    near = random.Random(number % 1000 + 1_000_000_007).getrandbits(64)
    for _ in range(chance.randrange(10)):
        near ^= 1 << chance.randrange(64)
    return near


def _asks(images: int) -> dict[str, Callable[[random.Random], ImageQuery]]:
    """Return the kinds of questions, each with a maker of such."""

    def when(chance: random.Random, days: float) -> tuple[int, int]:
        end = BEGIN_US + chance.randrange(images) * STEP_US
        return end - int(days * 86_400_000_000), end

    def dated(chance: random.Random, days: float, **fields: object) -> ImageQuery:
        since, until = when(chance, days)
        return ImageQuery(LARGE, since_us=since, until_us=until, **fields)  # type: ignore[arg-type]

    def labelled(*labels: LabelQuery, owner: str | None = LARGE, **fields: object) -> ImageQuery:
        return ImageQuery(owner, labels=labels, **fields)  # type: ignore[arg-type]

    def near(chance: random.Random, owner: str | None = LARGE, bits: int = 8, **fields: object) -> ImageQuery:
        number = chance.randrange(images // 5) * 5 + chance.choice([0, 1])
        hash_ = phash_of(number, random.Random(number))
        return ImageQuery(owner, similar_to=hash_, max_distance=bits, **fields)  # type: ignore[arg-type]

    def score(chance: random.Random, width: float) -> tuple[float, float]:
        low = chance.random() * (1 - width)
        return low, low + width

    return {
        "everything": lambda _: ImageQuery(LARGE),
        "small owner": lambda c: ImageQuery(c.choice(OWNERS[1:])),
        "label, common": lambda c: labelled(LabelQuery(c.choice(["coin", "ring", "class 0"]))),
        "label, rare": lambda c: labelled(LabelQuery(c.choice(CLASSES[500:]))),
        "label, absent": lambda c: labelled(LabelQuery(f"absent {c.random()}")),
        "label x model": lambda c: labelled(LabelQuery(c.choice(CLASSES), "mobilenet")),
        "label x version": lambda c: labelled(LabelQuery("coin", c.choice(["circles@1", "circles@2"]))),
        "model only": lambda c: labelled(LabelQuery(None, c.choice(["circles", "mobilenet@1"]), 0.99)),
        "score, wide": lambda c: labelled(LabelQuery("coin", "circles", *score(c, 0.5))),
        "score, narrow": lambda c: labelled(LabelQuery("coin", "circles", *score(c, 0.001))),
        "score, needle": lambda c: labelled(LabelQuery("coin", "circles", *score(c, 0.000001))),
        "score, narrow, any model": lambda c: labelled(LabelQuery("ring", None, *score(c, 0.0001))),
        "word, common": lambda c: ImageQuery(LARGE, words=(c.choice(PLACES),)),
        "word, rare": lambda _: ImageQuery(LARGE, words=("eclipse",)),
        "word, one image": lambda c: ImageQuery(LARGE, words=(f"{c.randrange(images):07}",)),
        "words, three": lambda c: ImageQuery(LARGE, words=("img", c.choice(PLACES), f"batch{c.randrange(50)}")),
        "beginning, common": lambda _: ImageQuery(LARGE, words=("im*",)),
        "beginning, of many words": lambda c: ImageQuery(LARGE, words=(f"{c.randrange(100):02}*",)),
        "beginning, rare": lambda c: ImageQuery(LARGE, words=(f"{c.randrange(images):07}"[:6] + "*",)),
        "beginning, old": lambda _: ImageQuery(LARGE, words=("batch1*",)),
        "date, a day": lambda c: dated(c, 1),
        "date, a month": lambda c: dated(c, 30),
        "size, narrow": lambda c: ImageQuery(LARGE, min_bytes=(low := c.randrange(10**6)), max_bytes=low + 300),
        "size, wide": lambda c: ImageQuery(LARGE, min_bytes=c.randrange(10**6)),
        "size, largest": lambda _: ImageQuery(LARGE, min_bytes=6_000_000),
        "md5": lambda c: ImageQuery(LARGE, md5=f"{c.randrange(images):032x}"),
        "alike, 8 bits": near,
        "alike, 11 bits": lambda c: near(c, bits=11),
        "alike, same": lambda c: near(c, bits=0),
        "alike + label": lambda c: near(c, labels=(LabelQuery("coin"),)),
        "label + label": lambda c: labelled(LabelQuery("coin"), LabelQuery(c.choice(CLASSES[:100]))),
        "labels, disjoint": lambda _: labelled(LabelQuery("coin", "circles@1"), LabelQuery("ring", "circles@1")),
        "label + word": lambda c: labelled(LabelQuery(c.choice(CLASSES)), words=(c.choice(PLACES),)),
        "label + beginning": lambda c: labelled(LabelQuery(c.choice(CLASSES[:9])), words=("ba*",)),
        "label + date": lambda c: dated(c, 30, labels=(LabelQuery("coin", "circles", 0.5),)),
        "label + size": lambda c: labelled(LabelQuery(c.choice(CLASSES)), min_bytes=c.randrange(2 * 10**6)),
        "word + word + label + size": lambda c: labelled(
            LabelQuery("coin", "circles", 0.8), words=("img", c.choice(PLACES)), min_bytes=10**6
        ),
        "admin: everything": lambda _: ImageQuery(None),
        "admin: label, common": lambda _: labelled(LabelQuery("coin"), owner=None),
        "admin: label, rare": lambda c: labelled(LabelQuery(c.choice(CLASSES[500:])), owner=None),
        "admin: score, narrow": lambda c: labelled(LabelQuery("coin", "circles", *score(c, 0.001)), owner=None),
        "admin: word": lambda c: ImageQuery(None, words=(c.choice([*PLACES, "eclipse"]),)),
        "admin: beginning": lambda c: ImageQuery(None, words=(c.choice(["im*", "ecl*", "batch4*"]),)),
        "admin: date": lambda c: ImageQuery(None, since_us=(since := when(c, 1)[0]), until_us=since + 86_400_000_000),
        "admin: size": lambda c: ImageQuery(None, min_bytes=(low := c.randrange(10**6)), max_bytes=low + 1000),
        "admin: md5": lambda c: ImageQuery(None, md5=f"{c.randrange(images):032x}"),
        "admin: alike": lambda c: near(c, owner=None),
        "admin: label + word": lambda c: labelled(
            LabelQuery(c.choice(CLASSES)), words=(c.choice(PLACES),), owner=None
        ),
    }  # fmt: skip


def _servers(database: Database) -> list[int]:
    """Return the processes of a server on this machine that answer us; none for what is no process of its own."""
    if database.dialect != "postgresql":
        return []
    ours = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    pids = database.read(lambda tx: list(tx.execute(ours).scalars()))
    return [pid for pid in pids if Path(f"/proc/{pid}/schedstat").exists()]


def _cpu_ms(servers: Sequence[int]) -> float:
    """Return what this process and those of a server have spent so far."""
    spent_ns = sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in servers)
    return time.process_time() * 1000 + spent_ns / 1_000_000


def _measure(
    search: SqlImageSearch,
    make: Callable[[random.Random], ImageQuery],
    kind: str,
    *,
    times: int,
    servers: Sequence[int],
) -> Row:
    """Ask a kind of question so often, every second time from deep inside the list on.

    A few are asked before, and not counted: a server that runs has made its statements already.
    """
    for number in range(_WARMING):
        query = make(random.Random(f"{kind} first {number}"))
        search.page(query), search.ids(query), search.count(query)
    took_ms: dict[str, list[float]] = {"page": [], "page_cpu": [], "count": [], "ids": []}
    found, unfinished = [], 0
    for number in range(times):
        chance = random.Random(f"{kind} {number}")
        query = make(chance)
        after = Place(chance.randrange(2, 10**6)) if number % 2 and query.similar_to is None else None
        asks: dict[str, Callable[[], object]] = {"page": lambda q=query, a=after: search.page(q, after=a)}
        if number < max(1, times // 5):
            asks |= {"count": lambda q=query: search.count(q), "ids": lambda q=query: search.ids(q)}
        for name, ask in asks.items():
            begun_s, cpu_ms = time.perf_counter(), _cpu_ms(servers)
            answer = ask()
            took_ms[name].append((time.perf_counter() - begun_s) * 1000)
            if name == "page":
                took_ms["page_cpu"].append(_cpu_ms(servers) - cpu_ms)
                found.append(len(answer.images))  # type: ignore[attr-defined]
                unfinished += answer.following is not None and found[-1] < 15  # type: ignore[attr-defined]
    row: Row = {"kind": kind, "images": round(statistics.fmean(found), 1), "short_pages": unfinished}
    for name, each in took_ms.items():
        ranked = sorted(each)
        row[name] = {
            "p50": round(statistics.median(ranked), 1),
            "p95": round(ranked[min(len(ranked) - 1, int(len(ranked) * 0.95))], 1),
            "max": round(ranked[-1], 1),
        }
    return row


def _plans(database: Database, search: SqlImageSearch, query: ImageQuery) -> Iterator[str]:
    """Yield the database's plan of each statement of a page."""
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    search.page(query)
    event.remove(Engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        for statement, parameters in asked:
            yield " ".join(statement.split())[:160]
            for row in connection.exec_driver_sql(f"{explain} {statement}", parameters):  # type: ignore[arg-type]
                yield f"    {row[-1]}"


def ask_all(database: Database, asked: argparse.Namespace) -> list[Row]:
    """Ask every kind of question and print what it took, line by line."""
    search, servers, rows = SqlImageSearch(database), _servers(database), []
    heads = f"{'page p50':>9}{'p95':>7}{'max':>8}{'cpu p50':>9}{'cpu p95':>9}{'ids p95':>9}{'count p95':>10}"
    print(f"{'ms':28}{heads}{'found':>7}{'short':>6}")
    for kind, make in _asks(asked.images).items():
        if asked.only not in kind:
            continue
        row = _measure(search, make, kind, times=asked.times, servers=servers)
        rows.append(row)
        page, cpu = row["page"], row["page_cpu"]
        took = f"{page['p50']:9}{page['p95']:7}{page['max']:8}{cpu['p50']:9}{cpu['p95']:9}"
        rest = f"{row['ids']['p95']:9}{row['count']['p95']:10}{row['images']:7}{row['short_pages']:6}"
        print(f"{kind:28}{took}{rest}{' OVER' * (page['p95'] > _PAGE_AIM_MS)}", flush=True)
        if asked.plans:
            print("\n".join(_plans(database, search, make(random.Random(kind)))))
    return rows


def main() -> None:
    """Fill a database and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--full", action="store_true", help="the database was filled by an earlier run")
    parser.add_argument("--plans", action="store_true", help="print the plans of every kind as well")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saccade-benchmark-") as folder:
        database = open_database(asked.database or f"sqlite:///{folder}/saccade.db")
        begun_s = time.perf_counter()
        if not asked.full:
            migrate(database)
            fill(database, asked.images)
        found: dict[str, object] = {
            "python": platform.python_version(),
            "cpus": len(os.sched_getaffinity(0)),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "database": database.dialect,
            "images": asked.images,
            "filled_s": round(time.perf_counter() - begun_s),
        }
        print(json.dumps(found), flush=True)
        rows = ask_all(database, asked)
        database.close()
    if asked.json:
        asked.json.write_text(json.dumps({**found, "kinds": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
