"""Pages of found images on every database: whole, in order, stable while images come and go, and bounded."""

import random

import pytest

from conformance.remembered_images import BEGIN_US, every_page, prediction, traits
from saccade.backends.database import image_search, image_search_likeness, image_search_lists, image_search_walk
from saccade.backends.database.image_search import SqlImageSearch
from saccade.backends.database.images import SqlImageRecords
from saccade.errors import ParameterInvalid
from saccade.images.records import NewImage
from saccade.images.search import Count, ImageQuery, LabelQuery, Place


@pytest.fixture
def records(db):
    return SqlImageRecords(db.database)


@pytest.fixture
def search(db):
    return SqlImageSearch(db.database)


@pytest.fixture
def small(monkeypatch):
    """Make every bound so small that a few hundred images pass it."""
    monkeypatch.setattr(image_search_walk, "MOST_CHECKS", 12)
    monkeypatch.setattr(image_search_walk, "MOST_READ", 20)
    monkeypatch.setattr(image_search_lists, "MOST_LISTED", 6)
    monkeypatch.setattr(image_search_lists, "_FEW", 2)


def test_forty_images_come_as_fifteen_fifteen_and_ten(records, search):
    """Forty images in pages of fifteen are three pages, the newest first, and nobody else's are among them."""
    for number in range(40):
        records.remember(NewImage("alice", traits(number), f"a{number}"))
        records.remember(NewImage("bob", traits(number), f"b{number}"))
    pages, after = [], None
    while True:
        page = search.page(ImageQuery("alice"), after=after, limit=15)
        pages.append([(each.record.owner, int(each.record.traits.sha256, 16)) for each in page.images])
        after = page.following
        if after is None:
            break

    assert [15, 15, 10] == [len(page) for page in pages]
    assert [("alice", number) for number in reversed(range(40))] == [each for page in pages for each in page]


def test_places_hold_while_images_come_and_go(records, search):
    """What is remembered while somebody turns pages makes no image come twice, and none that was there be missed."""
    for number in range(20):
        records.remember(NewImage("alice", traits(number, phash=5), f"a{number}"))
    for query in (ImageQuery("alice", max_bytes=10_000), ImageQuery("alice", similar_to=5)):
        first = search.ids(query, limit=8)
        number = random.randrange(10**6, 10**9)
        records.remember(NewImage("alice", traits(number, phash=5, size_bytes=1), f"n{number}"))
        rest = list(every_page_from(search, query, first.following))
        before = [each.number for each in first.images]

        assert not set(rest) & set(before)
        assert len(before) + len(rest) == search.count(query).images - 1


def every_page_from(search, query, after):
    while after is not None:
        page = search.ids(query, after=after, limit=8)
        yield from (each.number for each in page.images)
        after = page.following


def test_an_erased_image_ends_no_page(records, search):
    """The image at which a page ended may be erased; the next page goes on behind it."""
    for number in range(6):
        records.remember(NewImage("alice", traits(number), f"a{number}"))
    first = search.page(ImageQuery("alice"), limit=2)
    records.erase("alice", first.images[-1].record.traits.sha256)

    assert [3, 2] == [
        int(each.record.traits.sha256, 16)
        for each in search.page(ImageQuery("alice"), after=first.following, limit=2).images
    ]


@pytest.mark.parametrize("distances", [(0, 0, 0, 0, 0, 0, 0), (0, 0, 1, 2, 2, 3, 3)])
@pytest.mark.parametrize("fitting", [0, 1, 2, 7])
def test_page_ends_where_models_said_much(records, search, monkeypatch, fitting, distances):
    """A page is not larger because more is asked for; each image comes once, one that is too large comes alone."""
    said = prediction("dots@1", [("dot", 0.9)])
    monkeypatch.setattr(image_search, "READ_TOGETHER", 3)
    monkeypatch.setattr(image_search, "MOST_CHARACTERS", fitting * len(said.prediction))
    for number, distance in enumerate(distances):
        records.remember(NewImage("alice", traits(number, phash=(1 << distance) - 1), f"a{number}"), [said])
    for query in (ImageQuery("alice"), ImageQuery("alice", similar_to=0)):
        wanted = [found.number for found in search.ids(query).images]
        pages, after = [], None
        while not pages or after is not None:
            page = search.page(query, after=after, limit=200)
            pages.append([found.record.number for found in page.images])
            after = page.following

        assert wanted == [number for page in pages for number in page]
        assert max(1, fitting) == max(len(page) for page in pages)


@pytest.mark.usefixtures("small")
def test_a_hopeless_search_stops_and_says_where(records, search):
    """Two labels that are common but never together: each page looks at so many, is empty, and names the next."""
    for number in range(150):
        said = prediction("dots@1", [("even" if number % 2 else "odd", 0.9)])
        records.remember(NewImage("alice", traits(number), f"a{number}"), [said])
    query = ImageQuery("alice", labels=(LabelQuery("even"), LabelQuery("odd")))
    places, after = [], None
    while True:
        page = search.page(query, after=after)
        assert page.images == ()
        after = page.following
        if after is None:
            break
        places.append(after.number)

    assert places
    assert places == sorted(places, reverse=True)
    assert Count(0, is_exact=False) == search.count(query)


def test_too_many_to_compare_is_said(records, search, monkeypatch):
    """More look-alikes than are compared are refused in words; the very same hash is always found."""
    monkeypatch.setattr(image_search_likeness, "MOST_COMPARED", 5)
    for number in range(12):
        records.remember(NewImage("alice", traits(number, phash=7 << 40 | number), f"a{number}"))
    for ask in (search.page, search.ids, search.count):
        with pytest.raises(ParameterInvalid, match="than can be compared"):
            ask(ImageQuery("alice", similar_to=7 << 40))
    exact = search.ids(ImageQuery("alice", similar_to=7 << 40, max_distance=0))
    narrower = search.ids(ImageQuery("alice", similar_to=7 << 40, min_bytes=12, max_bytes=14))

    assert [0] == [each.distance for each in exact.images]
    assert [1, 1, 2] == [each.distance for each in narrower.images] or len(narrower.images) == 3


@pytest.mark.parametrize(
    "query",
    [
        ImageQuery("alice", labels=(LabelQuery("a"),) * 9),
        ImageQuery("alice", labels=(LabelQuery(),)),
        ImageQuery("alice", words=("w",) * 17),
        ImageQuery("alice", words=("a*",)),
        ImageQuery("alice", similar_to=1, max_distance=12),
    ],
)
def test_queries_that_ask_for_too_much_are_refused(search, query):
    """More conditions than are looked for, or one that is none, is the caller's fault and said so."""
    with pytest.raises(ParameterInvalid):
        search.page(query)


def test_a_place_is_only_a_place(records, search):
    """A place that no page ever named, of any number, gives the images behind it."""
    records.remember(NewImage("alice", traits(1), "a"))
    query = ImageQuery("alice")

    assert [] == list(search.ids(query, after=Place(0)).images)
    assert 1 == len(search.ids(query, after=Place(2**62)).images)
    assert [] == list(search.ids(query, after=Place(-5, 3)).images)


def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(records, search, db):
    """What was remembered just at ``since`` is found, and what was at ``until`` is not."""
    for number in range(5):
        records.remember(NewImage("alice", traits(number), f"a{number}"))
        db.run("UPDATE image SET created_at = :at WHERE blob_key = :key", at=BEGIN_US + number, key=f"a{number}")
    found = search.page(ImageQuery("alice", since_us=BEGIN_US + 1, until_us=BEGIN_US + 3)).images

    assert [2, 1] == [int(each.record.traits.sha256, 16) for each in found]


@pytest.mark.parametrize("name", ["cola", "coïl", "co粒界", "co\U00020000", "co9", "co"])
def test_a_beginning_goes_on_with_any_letter(records, search, name):
    """Whatever letter of whatever script comes behind it, a word is found by its beginning."""
    records.remember(NewImage("alice", traits(1), "a", file_name=f"{name}.png"))
    records.remember(NewImage("alice", traits(2), "b", file_name="cp.png cn.png"))

    assert [1] == [
        int(each.record.traits.sha256, 16) for each in search.page(ImageQuery("alice", words=("co*",))).images
    ]


@pytest.mark.usefixtures("small")
def test_look_alikes_that_must_be_checked_come_on_several_pages(records, search):
    """Where more pictures look alike than one call checks, the next page goes on with them."""
    for number in range(60):
        said = prediction("dots@1", [("odd" if number % 2 else "even", 0.9)])
        records.remember(NewImage("alice", traits(number, phash=number % 8), f"a{number}"), [said])
    query = ImageQuery("alice", similar_to=0, labels=(LabelQuery("odd"),))
    found = list(every_page(search, query, 50))
    counted = search.count(query)

    assert len(search.ids(query, limit=50).images) < 30
    assert 30 == len(set(found)) == len(found)
    assert [1, 2, 3] == sorted({apart for _, apart in found})
    assert found == sorted(found, key=lambda each: (each[1], -each[0]))
    assert counted.images <= 30
    assert not counted.is_exact
