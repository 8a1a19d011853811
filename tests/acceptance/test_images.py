"""Images that last, over real sockets: a server with its shipped models and a worker, on two databases."""

from __future__ import annotations

import base64
import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from services import postgres_url
from working.people import id_of, place, world
from working.processes import eventually

__all__ = ["place", "postgres_url", "world"]

SAMPLES = Path(__file__).parents[2] / "samples"
COINS = SAMPLES / "circles" / "coins.jpg"
WELLS = SAMPLES / "circles" / "wells.jpg"
TIPS = SAMPLES / "sem-textures" / "Tips.jpg"
PAGE = 15

_numbers = itertools.count()


def noise(number):
    """Return a picture that looks like no other."""
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC).save(written, "png")
    return written.getvalue()


def marked(path):
    """Return a sample as a file that no other test has sent."""
    written = io.BytesIO()
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
        number = next(_numbers)
        shown.putpixel((0, 0), (number // 256, number % 256, 0))
        shown.save(written, "png")
    return written.getvalue()


def alike(data):
    """Return the same picture smaller and in another format."""
    written = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.resize((320, 240), Image.Resampling.LANCZOS).save(written, "png")
    return written.getvalue()


def test_objects_are_what_the_model_says(world):
    """Each entry of a prediction of the same picture is an object: label, score, box, centroid, radius, version."""
    alice, coins = world.clients["alice"], COINS.read_bytes()
    direct = alice.post("/v1/models/circles/predict", content=coins).json()

    sent = world.send("alice", coins, file_name="coins.jpg", models=["circles", "sem-textures"])

    listed = alice.get(f"/v1/images/{id_of(coins)}/objects?model=circles").json()
    keys = ("label", "score", "box", "centroid", "radius_px")
    assert sent.status_code == 201
    assert [{key: found[key] for key in keys} for found in listed["objects"]] == direct["predictions"]
    assert {found["model"] for found in listed["objects"]} == {"circles@1"}
    assert listed["count"] == len(direct["predictions"]) == sent.json()["predictions"][0]["object_count"] > 10
    assert [said["model"] for said in sent.json()["predictions"]] == ["circles@1", "sem-textures@1"]
    labels = [label["label"] for label in sent.json()["predictions"][1]["labels"]]
    assert labels == [
        entry["label"] for entry in alice.post("/v1/models/sem-textures/predict", content=coins).json()["predictions"]
    ]
    one = listed["objects"][3]
    assert alice.get(f"/v1/images/{id_of(coins)}/objects/{one['object_id']}").json() == {
        "image_id": id_of(coins),
        **one,
    }
    world.send("alice", WELLS.read_bytes())
    assert alice.get(f"/v1/images/{id_of(WELLS.read_bytes())}/objects/{one['object_id']}").status_code == 404


def test_every_way_to_send_makes_the_same_record(world):
    """The raw body, a form and base64 in JSON; the names under which it came stand beside each other."""
    bob, tips = world.clients["bob"], TIPS.read_bytes()

    raw = bob.post("/v1/images?file_name=raw.jpg&models=sem-textures", content=tips)
    form = world.send("bob", tips, file_name="form.jpg", models="sem-textures")
    encoded = {"image_base64": base64.b64encode(tips).decode(), "file_name": "json.jpg", "models": ["sem-textures"]}
    text = bob.post("/v1/images", json=encoded)

    assert [answer.status_code for answer in (raw, form, text)] == [201, 200, 200]
    assert [answer.json()["results"][0]["stored"] for answer in (raw, form, text)] == [False, True, True]
    assert text.json()["file_names"] == ["raw.jpg", "form.jpg", "json.jpg"]
    assert raw.json()["predictions"] == text.json()["predictions"]
    assert raw.headers["location"] == f"/v1/images/{id_of(tips)}"
    assert bob.delete(f"/v1/images/{id_of(tips)}").status_code == 204


def test_equal_uploads_at_once_make_one_record(world):
    """Eight at the same moment: one is told that it is new, one row, one blob, one set of objects."""
    washers = marked(SAMPLES / "circles" / "washers.jpg")
    barrier = threading.Barrier(8)

    def send(number):
        barrier.wait(20)
        return world.send("alice", washers, file_name=f"w{number}.png", models="circles")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    shown = world.clients["alice"].get(f"/v1/images/{id_of(washers)}").json()
    assert sorted(shown["file_names"]) == [f"w{number}.png" for number in range(8)]
    listed = world.clients["alice"].get(f"/v1/images/{id_of(washers)}/objects").json()
    assert (
        listed["count"]
        == shown["predictions"][0]["object_count"]
        == len(answers[0].json()["results"][0]["prediction"]["predictions"])
    )
    assert len(world.blobs(washers)) == 1


def test_forty_images_in_pages_of_fifteen_disjoint_for_two_people(world):
    """15, 15 and 10, newest first and each once; filters find exactly those; the other sees none of them."""
    hers = [noise(number) for number in range(40)]
    his = [noise(number) for number in range(38, 50)]
    sent = [world.send("alice", data, file_name=f"forty {number}.png") for number, data in enumerate(hers)]
    for data in his:
        world.send("bob", data, file_name="forty.png")
    since = quote(sent[0].json()["created_at"])
    expected = [id_of(data) for data in reversed(hers)]

    pages = world.pages("alice", f"since={since}&limit={PAGE}&text=forty")

    assert [len(page) for page in pages] == [15, 15, 10]
    assert [image for page in pages for image in page] == expected
    assert [image for page in world.pages("bob", "text=forty") for image in page] == [
        id_of(data) for data in reversed(his)
    ]
    third = sent[3].json()
    assert world.pages("alice", "text=forty%203") == [[id_of(hers[3])]]
    assert world.pages("alice", f"md5={third['md5']}") == [[id_of(hers[3])]]
    assert world.pages("alice", f"text=forty&until={quote(third['created_at'])}") == [expected[-3:]]
    sizes = sorted(len(data) for data in hers)
    few = world.pages("alice", f"text=forty&min_bytes={sizes[10]}&max_bytes={sizes[20]}&limit=200")
    assert few == [[id_of(data) for data in reversed(hers) if sizes[10] <= len(data) <= sizes[20]]]
    counted = world.clients["alice"].get("/v1/images?text=forty&count=true&limit=1").json()
    assert (counted["count"], counted["count_is_exact"]) == (40, True)
    ids = world.clients["alice"].get("/v1/images/ids?text=forty").json()
    assert ids == {"ids": expected, "next": None}
    assert world.pages("bob", "text=forty&owner={world.names['alice']}") == [[]]
    everybody = [image for page in world.pages("root", f"text=forty&owner=*&since={since}") for image in page]
    assert sorted(everybody) == sorted([*expected, *map(id_of, his)])
    named = world.pages("root", f"text=forty&owner={world.names['bob']}")
    assert named == world.pages("bob", "text=forty")


def test_labels_models_and_scores_are_told_apart(world):
    """Each condition on its own and several at once find what the stored predictions say, and nothing else."""
    pictures = {path.stem: path.read_bytes() for path in sorted((SAMPLES / "circles").iterdir())}
    best = {}
    for name, data in pictures.items():
        answer = world.send("bob", data, file_name=f"{name}.jpg", models=["circles", "sem-textures"]).json()
        best[name] = {
            (said["model"].partition("@")[0], label["label"]): label["score"]
            for said in answer["predictions"]
            for label in said["labels"]
        }

    def found(query):
        names = {id_of(data): name for name, data in pictures.items()}
        return sorted(names[image] for page in world.pages("bob", query) for image in page)

    def expected(model, label, low=0.0, high=1.0):
        return {name for name, scores in best.items() if low <= scores.get((model, label), -1.0) <= high}

    round_ones = expected("circles", "circle")
    median = sorted(scores[("circles", "circle")] for scores in best.values() if ("circles", "circle") in scores)[2]
    label = next(label for model, label in best["coins"] if model == "sem-textures")
    score = best["coins"][("sem-textures", label)]
    assert 3 <= len(round_ones) < len(pictures)
    assert found("label=circle") == sorted(round_ones)
    assert found(f"label=circle&model=circles&min_score={median}") == sorted(expected("circles", "circle", median))
    assert found("label=circle&model=sem-textures") == []
    both = expected("circles", "circle", median) & expected("sem-textures", label, 0.0, score)
    seen = [f"circles:circle:{median}-1", f"sem-textures:{label}:0-{score:.17f}"]
    assert found("&".join(f"seen={quote(each)}" for each in seen)) == sorted(both)
    assert "coins" in both or best["coins"][("circles", "circle")] < median


def test_what_looks_alike_is_found(world):
    """A smaller copy in another format is near, other pictures are not; by an id and by the hash itself."""
    coins = COINS.read_bytes()
    small = alike(coins)
    for data in (coins, small, WELLS.read_bytes()):
        shown = world.send("alice", data).json()

    by_id = world.pages("alice", f"similar_to={id_of(coins)}")
    first = world.clients["alice"].get(f"/v1/images?similar_to={id_of(coins)}").json()["images"][0]

    assert sorted(by_id[0]) == sorted([id_of(coins), id_of(small)])
    assert (first["distance"], first["phash"]) == (0, first["phash"])
    assert world.pages("alice", f"similar_to={first['phash']}")[0] == by_id[0]
    assert shown["id"] not in by_id[0]
    foreign = world.clients["bob"].get(f"/v1/images?similar_to={id_of(small)}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "image_unknown")


@pytest.mark.parametrize(("name", "media_type"), [("png", "image/png"), ("jpeg", "image/jpeg"), ("webp", "image/webp")])
def test_drawn_on_where_the_objects_are(world, name, media_type):
    """Pixels change around each object's outline, and the picture keeps its size; below the threshold none does."""
    alice, coins = world.clients["alice"], COINS.read_bytes()
    world.send("alice", coins, models="circles")
    objects = alice.get(f"/v1/images/{id_of(coins)}/objects?model=circles").json()["objects"]
    path = f"/v1/images/{id_of(coins)}/annotated?model=circles&format={name}"

    drawn = alice.get(path)

    with Image.open(COINS) as opened, Image.open(io.BytesIO(drawn.content)) as answered:
        before, after = (np.asarray(picture.convert("RGB")).astype(int) for picture in (opened, answered))
    changed = np.abs(after - before).sum(axis=2) > 120
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, media_type)
    assert after.shape == before.shape
    for found in objects:
        box, around = found["box"], 4
        top, bottom = (max(0, round(box["ymin"]) - around), round(box["ymin"]) + around)
        middle = round((box["xmin"] + box["xmax"]) / 2)
        assert changed[top:bottom, max(0, middle - around) : middle + around].any(), found
    known = alice.get(path, headers={"If-None-Match": drawn.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert alice.get(f"{path}&threshold=1").headers["etag"] != drawn.headers["etag"]


def test_bytes_come_back_and_can_do_nothing(world):
    """As they were sent, as what they are, and sandboxed; a TIFF and a BMP too."""
    alice = world.clients["alice"]
    for kind in ("png", "jpeg", "webp", "tiff", "bmp", "gif"):
        written = io.BytesIO()
        Image.new("RGB", (32, 24), (9, 200, 30)).save(written, kind)
        data = written.getvalue()
        world.send("alice", data, file_name="../ä <b>.html")
        answer = alice.get(f"/v1/images/{id_of(data)}/content")
        assert answer.content == data
        assert answer.headers["content-type"] == f"image/{kind}"
        assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''%C3%A4%20%3Cb%3E.html"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_ids_that_can_be_none_are_absent(world):
    """Whatever stands in their place, no database is asked for it, and the server does not fail."""
    alice, root, coins = world.clients["alice"], world.clients["root"], COINS.read_bytes()
    world.send("alice", coins, models="circles")
    own = f"/v1/images/{id_of(coins)}"

    objects = [alice.get(f"{own}/objects/{each}") for each in ("%00", "%F0%9F%98%80", "a" * 3000, "..a", "'--")]
    images = [alice.get(f"/v1/images/{each}") for each in ("%00", "x" * 64, id_of(coins).upper(), id_of(coins)[:63])]
    owners = [root.get(f"{own}?owner={each}") for each in ("%00", "", "*", "x" * 3000)]

    assert {(answer.status_code, answer.json()["code"]) for answer in objects} == {(404, "object_unknown")}
    assert {(answer.status_code, answer.json()["code"]) for answer in (*images, *owners)} == {(404, "image_unknown")}


def test_nobody_learns_what_another_has(world):
    """Foreign and absent are answered alike on every route, but for the request's own words; admins name the owner."""
    picture = noise(500)
    world.send("alice", picture, models="circles")
    bob, root = world.clients["bob"], world.clients["root"]
    absent = id_of(b"nobody has this")
    routes = ("", "/content", "/annotated", "/objects", f"/objects/{'0' * 8}-0000-7000-8000-{'0' * 12}")

    def answer(image_id, method, route, query):
        said = bob.request(method, f"/v1/images/{image_id}{route}{query}")
        body = {key: value for key, value in said.json().items() if key not in {"request_id", "instance"}}
        apart = {"date", "server-timing", "x-request-id", "content-length"}
        headers = {name: value for name, value in said.headers.items() if name not in apart and "rate" not in name}
        return said.status_code, body, headers

    for query in ("", f"?owner={world.names['alice']}", "?owner=*"):
        for method, route in [*(("GET", route) for route in routes), ("DELETE", "")]:
            foreign = answer(id_of(picture), method, route, query)
            assert foreign == answer(absent, method, route, query)
            assert foreign[0] == 404
    alice = world.names["alice"]
    assert root.get(f"/v1/images/{id_of(picture)}?owner={alice}").json()["owner"] == alice
    mine = world.send("bob", picture)
    assert (mine.status_code, mine.json()["predictions"]) == (201, [])


def test_erasing_leaves_no_row_and_no_blob_and_nothing_of_anybody_else_changes(world):
    """After an upload with models and a job that kept it: every table and every blob is looked at."""
    picture = noise(600)
    name = "erasable-name.png"
    hers = world.send("alice", picture, file_name=name, models=["circles", "sem-textures"]).json()
    his = world.send("bob", picture, file_name="his.png", models="circles").json()
    files = [("images", (name, picture)), ("models", (None, "circles")), ("keep", (None, "true"))]
    job = world.clients["alice"].post("/v1/jobs", files=files).json()
    assert job["keep"] is True
    ended = world.clients["alice"].get(f"/v1/jobs/{job['id']}?wait=30").json()
    assert ended["state"] == "succeeded"
    assert {"image", "image_word", "job_image", "result"} <= world.rows(hers["id"], name, "erasable")

    erased = world.clients["alice"].delete(f"/v1/images/{hers['id']}")

    assert erased.status_code == 204
    assert world.rows(name, "erasable") == set()
    shown = world.clients["bob"].get(f"/v1/images/{his['id']}").json()
    assert shown == {key: his[key] for key in shown}
    assert world.clients["bob"].get(f"/v1/images/{his['id']}/content").content == picture
    eventually(lambda: len(world.blobs(picture)) == 1, "a blob of hers is left")
    [result] = world.clients["alice"].get(f"/v1/jobs/{job['id']}/results").json()["results"]
    assert (result["problem"]["code"], result["image"]["name"]) == ("image_deleted", None)
    assert world.clients["bob"].delete(f"/v1/images/{his['id']}").status_code == 204
    assert world.rows(hers["id"]) == set()
    eventually(lambda: world.blobs(picture) == [], "a blob of his is left")
