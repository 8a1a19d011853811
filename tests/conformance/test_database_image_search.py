"""Image search on every database: what it finds is what somebody finds who looks at every record."""

import random

import pytest

from conformance.remembered_images import (
    BEGIN_US,
    HOSTILE,
    HOUR_US,
    MODELS,
    OWNERS,
    any_query,
    every_page,
    found_by_looking,
    remember_some,
)
from conformance.stores import empty
from saccade.backends.database import image_search_lists, image_search_walk
from saccade.backends.database.image_search import SqlImageSearch
from saccade.backends.database.images import SqlImageRecords
from saccade.errors import ParameterInvalid
from saccade.images.search import Count, ImageQuery, LabelQuery
from saccade.images.words import query_words

IMAGES = 220
QUERIES = 150


@pytest.fixture
def search(opened):
    return SqlImageSearch(opened.database)


@pytest.fixture(scope="module")
def filled(opened):
    """Return the records of a database with many images, each remembered at a time of its own."""
    empty(opened.database)
    remember_some(SqlImageRecords(opened.database), IMAGES, seed=7)
    chance = random.Random(8)
    for number, (key,) in enumerate(opened.rows("SELECT id FROM image ORDER BY id")):
        at = BEGIN_US + number * 2 * HOUR_US + chance.randrange(HOUR_US // 2)
        opened.run("UPDATE image SET created_at = :at WHERE id = :key", at=at, key=key)
    yield [found.record for found in SqlImageSearch(opened.database).page(ImageQuery(None), limit=10_000).images]
    empty(opened.database)


@pytest.fixture
def small(monkeypatch):
    """Make every bound so small that a few hundred images pass it."""
    monkeypatch.setattr(image_search_walk, "MOST_CHECKS", 12)
    monkeypatch.setattr(image_search_walk, "MOST_READ", 20)
    monkeypatch.setattr(image_search_lists, "MOST_LISTED", 6)
    monkeypatch.setattr(image_search_lists, "_FEW", 2)


def the_queries(records, seed):
    chance = random.Random(seed)
    for _ in range(QUERIES):
        query = any_query(chance, chance.choice([*OWNERS, "alice", "alice", None, "nobody"]))
        if query.similar_to is not None:
            near = chance.choice(records).traits.phash
            query = ImageQuery(**{**{f: getattr(query, f) for f in query.__slots__}, "similar_to": near})
        yield query, chance.choice([1, 2, 7, 15, 1000])


@pytest.mark.parametrize("seed", [1, 2])
def test_random_queries_find_what_looking_at_every_record_finds(filled, search, seed):
    """Any conditions together, any page size: nothing is missed, nothing is found that should not be, in order."""
    wrong = []
    for query, limit in the_queries(filled, seed):
        expected = found_by_looking(filled, query)
        if expected != list(every_page(search, query, limit)) or search.count(query) != Count(len(expected)):
            wrong.append((query, limit, expected, list(every_page(search, query, limit)), search.count(query)))

    assert wrong == []


@pytest.mark.usefixtures("small")
def test_bounds_only_make_pages_shorter(filled, search):
    """Where a call may look at a few rows only, all pages together still hold just what there is, in order."""
    wrong = []
    for query, limit in the_queries(filled, 3):
        expected = found_by_looking(filled, query)
        counted = search.count(query)
        fits = counted.images == len(expected) if counted.is_exact else counted.images <= len(expected)
        if expected != list(every_page(search, query, limit)) or not fits:
            wrong.append((query, limit, expected, list(every_page(search, query, limit)), counted))

    assert wrong == []


def test_the_random_queries_are_worth_asking(filled):
    """Half of them find something, and every kind of condition is among those that do."""
    found = [query for seed in (1, 2) for query, _ in the_queries(filled, seed) if found_by_looking(filled, query)]
    kinds = [
        [query for query in found if query.words],
        [query for query in found if any(word.endswith("*") for word in query.words)],
        [query for query in found if query.labels],
        [query for query in found if any(label.model in MODELS for label in query.labels)],
        [query for query in found if query.since_us is not None or query.until_us is not None],
        [query for query in found if query.min_bytes is not None],
        [query for query in found if query.md5],
        [query for query in found if query.similar_to is not None],
        [query for query in found if query.owner is None and (query.labels or query.words)],
    ]

    assert all(len(each) > 5 for each in kinds), [len(each) for each in kinds]


def test_pages_carry_whole_records(filled, search):
    """A page holds what the records say, with their predictions, and the distance where likeness was asked for."""
    hash_ = filled[3].traits.phash
    records = {record.number: record for record in filled}
    page = search.page(ImageQuery(None, similar_to=hash_, max_distance=11), limit=15)

    assert all(each.record == records[each.record.number] for each in page.images)
    assert [(each.record.traits.phash ^ hash_).bit_count() for each in page.images] == [
        each.distance for each in page.images
    ]


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000, "% " * 20, "coin' UNION SELECT 1 --", "ri_g", "co%n"])
def test_hostile_texts_find_what_they_say(filled, search, text):
    """As words, as a label, as a model, as an owner and as a hash a text is only itself."""
    try:
        words = query_words(text)
    except ParameterInvalid:
        words = ()
    queries = [
        ImageQuery(None, words=words),
        ImageQuery("alice", labels=(LabelQuery(text),)),
        ImageQuery(None, labels=(LabelQuery(text),)),
        ImageQuery(text),
        ImageQuery("alice", md5=text),
        ImageQuery("alice", labels=(LabelQuery("coin", text),)),
    ]

    for query in queries:
        assert found_by_looking(filled, query) == list(every_page(search, query, 50)), query


@pytest.mark.parametrize("word", ["%", "co%", "_o*", "\0", "half\ud800", "x" * 300, "co\\*", "[a-z]*"])
def test_words_past_the_reader_of_words_are_words(filled, search, word):
    """Even a word that no reader of words would make is neither a pattern nor a fault."""
    query = ImageQuery(None, words=(word,))

    assert found_by_looking(filled, query) == list(every_page(search, query, 50))
