"""Searching images over HTTP: what is found, page by page, and what no page tells."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from saccade.access.principals import Role
from saccade.api.cursors import unwrapped
from saccade.api.image_cursors import cursor_of, place_of
from saccade.images.search import ImageQuery, Place
from unit.api.conftest import real_picture
from unit.api.images_sent import asking, headers_of, ids_of, send

__all__ = ["asking"]


def test_forty_images_come_in_pages_of_fifteen_and_two_people_see_their_own(asking):
    """15, 15 and 10, newest first, each once; the other's are others; filters are exact."""
    platform, client = asking
    alice, bob = headers_of(platform, "alice"), headers_of(platform, "bob")
    sent = {}
    for number in range(40):
        models = ["circles"] if number % 4 == 0 else ["animals"]
        sent[number] = send(client, real_picture(number), name=f"n{number}.png", models=models, headers=alice).json()[
            "id"
        ]
    his = [send(client, real_picture(number), headers=bob).json()["id"] for number in range(35, 45)]

    found, sizes = ids_of(client, headers=alice)

    assert sizes == [15, 15, 10]
    assert found == [sent[number] for number in reversed(range(40))]
    assert ids_of(client, headers=bob)[0] == his[::-1]
    assert ids_of(client, "?label=circle", alice)[0] == [sent[number] for number in reversed(range(0, 40, 4))]
    assert ids_of(client, "?seen=circles:circle:0.98-1", alice)[0] == []
    assert ids_of(client, "?label=circle&model=animals", alice)[0] == []
    assert ids_of(client, "?text=n7", alice)[0] == [sent[7]]
    assert ids_of(client, f"?similar_to={sent[3]}&max_distance=0", alice)[0] == [sent[3]]
    counted = client.get("/v1/images?label=circle&count=true&limit=3", headers=alice).json()
    assert (counted["count"], counted["count_is_exact"], len(counted["images"])) == (10, True, 3)
    everything = client.get("/v1/images/ids", headers=alice).json()
    assert everything == {"ids": found, "next": None}
    first = client.get("/v1/images/ids?limit=25", headers=alice).json()
    assert client.get(first["next"], headers=alice).json() == {"ids": found[25:], "next": None}
    root = headers_of(platform, "root", Role.ADMIN)
    assert set(ids_of(client, "?owner=dev:alice", root)[0]) == set(found)
    assert set(ids_of(client, f"?owner=*&similar_to={sent[36]}&max_distance=0", root)[0]) == {sent[36]}
    assert len(ids_of(client, f"?owner=*&similar_to={sent[36]}&max_distance=0", root)[0]) == 2
    assert client.get(f"/v1/images?owner=*&similar_to={sent[0]}", headers=bob).json()["code"] == "image_unknown"
    assert len(ids_of(client, "?owner=*", root)[0]) == 50


def test_cursor_tells_nothing_of_what_others_sent(asking):
    """It is made of an image of one's own, its time and a distance; a record's number is no cursor at all."""
    platform, client = asking
    alice, bob = headers_of(platform, "alice"), headers_of(platform, "bob")
    hers = []
    for number in range(3):
        hers.append(send(client, real_picture(number), headers=alice).json())
        send(client, real_picture(number + 10), headers=bob)
    query = f"/v1/images?limit=1&similar_to={hers[2]['id']}&max_distance=0"

    first = client.get("/v1/images?limit=2", headers=alice).json()
    cursor = parse_qs(urlsplit(first["next"]).query)["cursor"][0]

    told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    moment = datetime.fromisoformat(hers[1]["created_at"]) - datetime(1970, 1, 1, tzinfo=UTC)
    assert told == f"{hers[1]['id']}.{moment // timedelta(microseconds=1)}.0"
    assert ids_of(client, "?limit=2", alice) == ([each["id"] for each in reversed(hers)], [2, 1])
    assert client.get(query, headers=alice).json()["next"] is None
    number = base64.urlsafe_b64encode(b"4.0").decode().rstrip("=")
    assert client.get(f"/v1/images?cursor={number}", headers=alice).status_code == 422
    root = headers_of(platform, "root", Role.ADMIN)
    assert len(ids_of(client, "?owner=*&limit=1", root)[0]) == 6
    assert ids_of(client, "?owner=dev:bob&limit=2", root)[1] == [2, 1]


def test_list_goes_on_where_its_last_image_was_erased(client):
    """Each that is left comes once, whether the last one was erased or sent again meanwhile."""
    sent = [send(client, real_picture(number)).json()["id"] for number in range(6)][::-1]

    second = client.get("/v1/images?limit=2").json()["next"]
    client.delete(f"/v1/images/{sent[1]}")
    shown = client.get(second).json()
    third = shown["next"]
    client.delete(f"/v1/images/{sent[3]}")
    send(client, real_picture(2))

    assert [image["id"] for image in shown["images"]] == [sent[2], sent[3]]
    assert [image["id"] for image in client.get(third).json()["images"]] == [sent[4], sent[5]]
    for image_id in sent[4:]:
        client.delete(f"/v1/images/{image_id}")
    assert client.get(third).json() == {"images": [], "next": None}


def test_place_between_ones_own_images_is_told_by_the_next_one(client, platform):
    """A search may stop at an image that is gone a moment later: what comes behind is still found, and only that."""
    sent = [send(client, real_picture(number)).json()["id"] for number in range(4)]
    album, owner = platform.album, client.get(f"/v1/images/{sent[0]}").json()["owner"]
    numbers = [album.records.image(owner, image_id).number for image_id in sent]
    album.erase(owner, sent[2])

    def again(number):
        return place_of(album, owner, unwrapped(cursor_of(album, owner, Place(number, 5))))

    assert again(numbers[3]) == Place(numbers[3], 5)
    assert album.search.ids(ImageQuery(owner), after=again(numbers[2])).images[0].number == numbers[1]
    assert cursor_of(album, owner, Place(numbers[0] - 1)) is None
    assert place_of(album, None, unwrapped(cursor_of(album, None, Place(7, 3)))) == Place(7, 3)


def test_dates_and_sizes_limit_a_search(client):
    """From a moment on, before a moment, and by the bytes of the file."""
    small = send(client, real_picture(1, (20, 15))).json()
    large = send(client, real_picture(2, (400, 300))).json()
    moment = datetime.fromisoformat(large["created_at"]) + timedelta(microseconds=1)
    later = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    assert ids_of(client, f"?until={later}")[0] == [large["id"], small["id"]]
    assert ids_of(client, f"?since={later}")[0] == []
    assert ids_of(client, "?since=1h")[0] == [large["id"], small["id"]]
    assert ids_of(client, f"?min_bytes={small['size_bytes'] + 1}")[0] == [large["id"]]
    assert ids_of(client, f"?max_bytes={small['size_bytes']}&md5={small['md5']}")[0] == [small["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "?min_score=0.5",
        "?label=",
        "?seen=nothing",
        "?seen=circles:circle:0-2",
        "?similar_to=xyz",
        "?max_distance=12&similar_to=0000000000000000",
        "?md5=XYZ",
        "?cursor=*",
        "?count=maybe",
        "?since=yesterday",
        "?text=%E2%80%94",
        "?text=a*",
        "?" + "&".join(["label=a"] * 9),
    ],
)
def test_condition_that_cannot_be_meant_is_refused(client, query):
    """With the name of what is wrong, and never as a fault of the server."""
    answer = client.get(f"/v1/images{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")


@pytest.mark.parametrize("path", ["/v1/images", "/v1/images/ids"])
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("lable=circle", "lable"),
        ("label=circle&Text=a", "Text"),
        ("max_distance=3", "max_distance"),
        ("max_score=0.5", "max_score"),
        ("since_=1h&limit=2", "since_"),
        ("text=%20%E3%80%80", "text"),
    ],
)
def test_search_that_would_find_more_than_was_meant_is_refused_by_name(client, path, query, name):
    """Whoever erases what a misspelt search finds would erase everything."""
    send(client, real_picture())

    answer = client.get(f"{path}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")
    assert repr(name) in answer.json()["detail"]
    assert [error["loc"] for error in answer.json()["errors"]] == [name]


def test_unknown_condition_is_told_which_are_known(client):
    """Those of the route that was asked."""
    answer = client.get("/v1/images/ids?count=true")

    assert answer.status_code == 422
    assert "label, model, min_score" in answer.json()["hint"]
    assert "count" not in answer.json()["hint"]
    assert client.get("/v1/images?count=true&limit=1").status_code == 200
