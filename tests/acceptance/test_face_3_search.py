"""System 3's search, row for row of its table: pages of fifteen, classes of models, words that are no patterns."""

import json

import pytest

from working.photo_server import BOTH, GREEN, PHRASE, RED, failure, md5, photos, picture, register

__all__ = ["photos", "register"]

COUNTS = ["status", "num_pages", "page_size", "num_images"]


@pytest.fixture
def newcomer(photos, register):
    """Return an investigator of the test's own, who has no photo yet."""
    name = f"newcomer{len(photos.clients)}"
    register(name)
    photos.ask("root", "POST", "/auth/add_role", params={"username": name, "role": "investigator"})
    photos.enter(name, PHRASE)
    return name


def keep(photos, who, pictures, *models):
    """Send photos, wait for what models say, and return the MD5 of each."""
    hashes = photos.predict(who, pictures, *(models or ("tint",))).json()["images"]
    photos.awaited(who, *hashes)
    return hashes


@pytest.mark.row("3 POST /model/search")
def test_forty_photos_are_three_pages(photos, newcomer):
    """Fifteen, fifteen and ten, newest first, each once; field for field."""
    hashes = keep(photos, newcomer, [picture() for _ in range(40)])
    pages = [photos.search(newcomer, page_id=number) for number in (1, 2, 3)]
    counts = photos.search(newcomer, page_id=-1)

    assert [answer.status_code for answer in (*pages, counts)] == [200] * 4
    assert counts.json() == {"status": "success", "num_pages": 3, "page_size": 15, "num_images": 40}
    assert photos.search(newcomer).json() == counts.json()
    for number, page in enumerate(pages, 1):
        assert list(page.json()) == [*COUNTS, "current_page", "hashes"]
        assert {**page.json(), "hashes": None} == {**counts.json(), "current_page": number, "hashes": None}
    assert [len(page.json()["hashes"]) for page in pages] == [15, 15, 10]
    assert [each for page in pages for each in page.json()["hashes"]] == hashes[::-1]


@pytest.mark.row("3 POST /model/search")
def test_page_beyond_the_end_is_missing(photos, newcomer):
    """Also the first of nothing, and the largest number that is one; how many there are is told all the same."""
    empty = photos.search(newcomer, page_id=1)
    assert (empty.status_code, empty.json()["status"], empty.json()["num_images"]) == (404, "failure", 0)
    keep(photos, newcomer, [picture()])
    for number in (2, 999_999_999):
        answer = photos.search(newcomer, page_id=number)
        assert answer.status_code == 404
        assert answer.json() == {
            "status": "failure", "num_pages": 1, "page_size": 15, "num_images": 1, "current_page": number,
            "detail": "Page does not exist.",
        }  # fmt: skip


@pytest.mark.parametrize(
    "number", ["", "x", "1.0", "1e3", "--1", "+1", " 1", "٣", "9" * 10, "9" * 5000, "-" + "9" * 99, "1\x00", "0x1"]
)
@pytest.mark.row("3 POST /model/search")
def test_page_that_is_no_number_is_refused(photos, number):
    """Overflow or nonsense: in this system's words."""
    failure(photos.search("alice", page_id=number), 422)
    failure(photos.ask("alice", "POST", "/model/search?page_id=1&page_id=2"), 422)


@pytest.mark.row("3 POST /model/search")
@pytest.mark.row("3 POST /model/search/download")
def test_filter_finds_any_of_the_classes(photos, newcomer):
    """Of one model or of several; exactly as they are written; words must hold as well."""
    red, green, both, none = pictures = [picture(kind) for kind in (RED, GREEN, BOTH, 3)]
    keep(photos, newcomer, pictures)
    keep(photos, newcomer, [none], "shade")

    def found(labels, **query):
        answer = photos.search(newcomer, labels=labels, path="/model/search/download", **query)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["status", "hashes"]
        page = photos.search(newcomer, labels=labels, page_id=1, **query).json()
        assert page.get("hashes", []) == answer.json()["hashes"]
        return answer.json()["hashes"]

    assert found({"tint": ["red"]}) == [md5(both), md5(red)]
    assert found({"tint": ["green", "red"]}) == [md5(both), md5(green), md5(red)]
    assert found({"tint": ["green"], "shade": ["dark"]}) == [md5(none), md5(both), md5(green)]
    assert found({"tint": ["a.b$c"]}) == [md5(both)]
    for nothing in ({"tint": ["re"]}, {"tint": ["RED"]}, {"tint": ["dark"]}, {"shade": ["red"]}, {"": ["red"]}):
        answer = photos.search(newcomer, labels=nothing, path="/model/search/download")
        assert answer.json().get("hashes", []) == []
    assert found({"tint": ["green", "red"]}, search_string="2") == [md5(both)]
    assert found(None, search_string="green") == [md5(both), md5(green)]


@pytest.mark.row("3 POST /model/search")
def test_photo_of_many_classes_is_found_once(photos, newcomer):
    """However many of the classes it has."""
    (both,) = keep(photos, newcomer, [picture(BOTH)], "tint", "shade")
    told = photos.search(newcomer, labels={"tint": ["red", "green", "red"], "shade": ["dark"]}, page_id=1).json()

    assert (told["num_images"], told["hashes"]) == (1, [both])


@pytest.mark.row("3 POST /model/search/download")
def test_download_needs_something_to_look_for(photos, newcomer):
    """Neither words nor a class are no search."""
    keep(photos, newcomer, [picture()])
    for more in ({}, {"labels": {}}, {"labels": {"tint": []}}, {"search_string": ""}, {"search_string": "  "}):
        answer = photos.search(newcomer, path="/model/search/download", **more)
        assert "search string or search filter" in failure(answer, 422)


def test_people_find_their_own_and_admins_find_all(photos, register):
    """Two people's photos have nothing in common; the admin finds both, each photo of each."""
    ours = [keep(photos, who, [picture(GREEN) for _ in range(2)]) for who in ("alice", "bob")]
    found = {
        who: photos.search(who, labels={"tint": ["green"]}, path="/model/search/download").json()["hashes"]
        for who in ("alice", "bob", "root")
    }

    assert set(found["alice"]).isdisjoint(found["bob"])
    assert [set(mine) <= set(found[who]) for mine, who in zip(ours, ("alice", "bob"), strict=True)] == [True, True]
    assert {*found["alice"], *found["bob"]} <= set(found["root"])


def test_search_string_is_no_pattern(photos, newcomer):
    """What was a regular expression is words: it matches nothing by magic, and takes no time."""
    keep(photos, newcomer, [picture()])
    for text in (".*", "^", "(a+)+$", "%", "_", "\\", "'", "$where", "*"):
        answer = photos.search(newcomer, page_id=1, search_string=text)
        assert answer.status_code in {404, 422}, (text, answer.text)
    for text in ("r.d", "re%", "r_d", "[r]ed", "red' OR '1'='1", "(a+)+$" + "a" * 5000, "x\x00y", "$where red"):
        answer = photos.search(newcomer, page_id=-1, search_string=text)
        assert answer.status_code in {200, 422}, (text, answer.text)
        assert answer.json().get("num_images", 0) == 0, text
    assert photos.search(newcomer, page_id=-1, search_string="RED").json()["num_images"] == 1
    failure(photos.search(newcomer, search_string="a " * 50 + " ".join(map(str, range(50)))), 422)


def test_filter_keys_are_no_paths(photos, newcomer):
    """Neither operators nor members of a record: a name that no model has finds nothing."""
    keep(photos, newcomer, [picture(BOTH)])
    for key in ("$where", "$or", "tint.red", "models.tint", "users", "hash_md5", "__proto__", "tint@*", "%", "*"):
        told = photos.search(newcomer, labels={key: ["red"]}, page_id=-1)
        assert (told.status_code, told.json().get("num_images")) == (200, 0), key
    for value in ({"$ne": ""}, "red", 1, True, [["red"]], [{"$gt": ""}], [1], [None], [""], ["a\x00"]):
        failure(photos.search(newcomer, labels={"tint": value}), 422)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"search_filter": {"tint": [f"c{number}" for number in range(100_000)]}}).encode(), 413),
        (json.dumps({"search_filter": {"tint": ["red"] * 65}}).encode(), 422),
        (json.dumps({"search_filter": {f"m{number}": ["red"] for number in range(65)}}).encode(), 422),
        (json.dumps({"search_filter": {"tint": ["x" * 256]}}).encode(), 422),
        (b'{"search_filter": {"tint": ["\\ud800"]}}', 422),
        (b'{"search_filter": [], "x": NaN}', 400),
        (b'{"search_filter": []}', 422),
        (b'{"search_filter": {"tint": ["red"]}, "search_filter": {}}', 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"[" * 60_000, 413),
    ],
)
@pytest.mark.parametrize("path", ["/model/search", "/model/search/download"])
def test_too_large_or_odd_filter_is_refused(photos, path, body, status):
    """With what is wrong, and by no failure of the server."""
    answer = photos.ask("alice", "POST", path, content=body)

    assert len(failure(answer, answer.status_code)) < 1000
    assert answer.status_code in {status, 400}, answer.text


def test_most_classes_are_looked_for(photos, newcomer):
    """Sixty-four, of as many models."""
    (photo,) = keep(photos, newcomer, [picture(RED)])
    labels = {**{f"m{number}": ["red"] for number in range(63)}, "tint": ["red"]}

    assert photos.search(newcomer, labels=labels, page_id=1).json()["hashes"] == [photo]


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"search_filter": null}', b'{"search_filter": {}}'])
def test_search_without_a_filter_finds_all(photos, newcomer, body):
    """As clients send it: nothing, null or empty."""
    (photo,) = keep(photos, newcomer, [picture()])
    answer = photos.ask(newcomer, "POST", "/model/search?page_id=1", content=body)

    assert (answer.status_code, answer.json().get("hashes")) == (200, [photo])
