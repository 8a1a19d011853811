"""Query plans of image search: every kind of question finds its rows by an index, in order, and only its owner's."""

import random

import pytest
from sqlalchemy import func, insert, literal, select

from conformance.remembered_images import remember_some
from conformance.stores import empty
from conformance.test_database_plans import asked, plan_of
from saccade.backends.database import image_search_lists
from saccade.backends.database.image_search import SqlImageSearch
from saccade.backends.database.images import SqlImageRecords
from saccade.backends.database.schema import image, image_label, image_prediction, image_word
from saccade.images.search import ImageQuery, LabelQuery, Place

IMAGES = 200
COPIES = 100
HASH = random.Random(7).getrandbits(64)


@pytest.fixture(scope="module")
def grown(opened):
    """Yield a database with tens of thousands of images of four owners, and fresh statistics."""
    if opened.database.dialect not in {"sqlite", "postgresql"}:
        pytest.skip("how fast images are found is promised on SQLite and PostgreSQL")
    empty(opened.database)
    remember_some(SqlImageRecords(opened.database), IMAGES, seed=7)
    most = max(
        opened.rows("SELECT COALESCE(MAX(id), 0) FROM image")[0][0],
        opened.rows("SELECT COALESCE(MAX(id), 0) FROM image_prediction")[0][0],
    )
    for number in range(1, COPIES):
        opened.database.write(lambda tx, number=number: _copy(tx, number, most))
    if opened.database.dialect == "postgresql":
        with opened.database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in (image, image_prediction, image_label, image_word):
                connection.exec_driver_sql(f"VACUUM ANALYZE {table.name}")
    yield opened
    empty(opened.database)


def _copy(tx, number, most):
    """Copy every image, with numbers and hashes of its own."""
    for table in (image, image_prediction, image_label, image_word):
        own = table.c.id if table is image else table.c.image_id
        chosen = [
            column + number * most
            if column.name in {"id", "image_id", "prediction_id"}
            else literal(f"{number:04}") + func.substr(column, 5)
            if column.name in {"sha256", "md5"}
            else column
            for column in table.columns
        ]
        tx.execute(insert(table).from_select(list(table.columns), select(*chosen).where(own <= most)))


LABELS = (LabelQuery("coin"), LabelQuery("ring", "circles", 0.5))
QUERIES = {
    "everything": {},
    "label": {"labels": LABELS[:1]},
    "label, rare": {"labels": (LabelQuery("quo'te"),)},
    "label x model": {"labels": (LabelQuery("coin", "circles"),)},
    "label x version": {"labels": (LabelQuery("coin", "circles@2"),)},
    "label x model x score": {"labels": (LabelQuery("coin", "circles", 0.9, 0.95),)},
    "model": {"labels": (LabelQuery(None, "circles"),)},
    "labels": {"labels": LABELS},
    "word": {"words": ("coin",)},
    "words": {"words": ("coin", "img")},
    "beginning": {"words": ("co*",)},
    "date": {"since_us": 1, "until_us": 2},
    "size": {"min_bytes": 3, "max_bytes": 4},
    "md5": {"md5": "0" * 32},
    "alike": {"similar_to": HASH},
    "the same": {"similar_to": HASH, "max_distance": 0},
    "all at once": {"labels": LABELS, "words": ("coin", "im*"), "since_us": 1, "min_bytes": 3, "similar_to": HASH},
}


@pytest.fixture(params=["common", "rare"])
def rarity(request, monkeypatch):
    """Let nothing, or nearly everything, be so rare that it is listed: both ways have their plans."""
    monkeypatch.setattr(image_search_lists, "MOST_LISTED", 0 if request.param == "common" else 10_000)
    monkeypatch.setattr(image_search_lists, "_FEW", -1)


def statements_of(opened, query):
    """Return the statements of search proper, of a first page, a later one and a count."""
    search = SqlImageSearch(opened.database)
    found = asked(
        opened,
        lambda: (
            search.page(query),
            search.ids(query, after=Place(5000, 0)),
            search.count(query),
        ),
    )
    return [each for each in found if "image_prediction.id" not in each[0]]  # those read what a page shows


@pytest.mark.usefixtures("rarity")
@pytest.mark.parametrize("owner", ["alice", None])
@pytest.mark.parametrize("kind", QUERIES)
def test_no_table_is_read_from_end_to_end(grown, kind, owner):
    """Neither an owner's question nor an admin's reads a whole table or sorts what an index has in order."""
    if grown.database.dialect != "sqlite":
        pytest.skip("servers plan by statistics, and read tables of this size whole; the benchmark shows their plans")
    statements = statements_of(grown, ImageQuery(owner, **QUERIES[kind]))
    assert statements

    found = {}
    for statement, *rest in statements:
        plan, tables = plan_of(grown, statement, *rest)
        is_list = "json" in statement.lower()
        tables -= {"json_each", "anon_1", "anon_2"} | ({"image"} if _walks_by_key(plan, owner) else set())
        if tables or (_sorts(grown, plan) and not is_list and "DISTINCT" not in statement):
            found[statement] = (tables, plan)

    assert found == {}


def _walks_by_key(plan, owner):
    """Say whether a plan goes through the images by their number from the newest on, as an admin's may; it stops."""
    return owner is None and ("USING INTEGER PRIMARY KEY" in str(plan) or "SCAN image" in str(plan))


def _sorts(opened, plan):
    return {"sqlite": "TEMP B-TREE", "postgresql": "'Sort'"}[opened.database.dialect] in str(plan)


@pytest.mark.usefixtures("rarity")
@pytest.mark.parametrize("kind", QUERIES)
def test_no_row_of_another_owner_is_read(grown, kind):
    """Every index is entered with the owner, or with the number of an image that is known to be the owner's."""
    found = {}
    for statement, *rest in statements_of(grown, ImageQuery("alice", **QUERIES[kind])):
        plan, _ = plan_of(grown, statement, *rest)
        for entry in _entries(grown, plan):
            if not any(word in entry for word in ("owner", "rowid=?", "image_id=?", "id = ", "id =", "image_id =")):
                found.setdefault(statement, []).append(entry)

    assert found == {}


def _entries(opened, plan):
    """Return how each index of ours is entered."""
    if opened.database.dialect == "sqlite":
        return [row["detail"] for row in plan if row["detail"].startswith(("SEARCH image", "SCAN image"))]
    return [node.get("Index Cond", str(node)) for node in plan if "Index Name" in node or "Relation Name" in node]
