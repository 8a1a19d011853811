"""Images over HTTP: remembered, found, shown, drawn and erased; each owner's apart from everybody else's."""

import base64
import hashlib
import io
import threading
import time

import pytest
from PIL import Image
from sqlalchemy import select

from saccade import errors
from saccade.access.principals import Role
from saccade.backends.database.schema import metadata
from saccade.models.status import ModelState
from saccade.vision.drawn import DrawnFormat
from unit.api.conftest import real_picture
from unit.api.images_sent import asking, headers_of, send
from unit.api.jobs_at_work import work_off

__all__ = ["asking"]


def test_record_says_what_can_be_told_of_a_picture(client):
    """Hashes are those of the bytes; the first time is 201, and says where the image is."""
    picture = real_picture(size=(40, 30))

    answer = send(client, picture, name="first.png", models=["circles"])

    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/images/{told['id']}"
    assert told["id"] == hashlib.sha256(picture).hexdigest()
    assert told["md5"] == hashlib.md5(picture, usedforsecurity=False).hexdigest()
    assert told["sha1"] == hashlib.sha1(picture, usedforsecurity=False).hexdigest()
    assert (told["format"], told["width_px"], told["height_px"]) == ("png", 40, 30)
    assert (told["size_bytes"], told["file_names"]) == (len(picture), ["first.png"])
    assert [said["model"] for said in told["predictions"]] == ["circles@1"]
    assert told["predictions"][0]["labels"] == [{"label": "circle", "score": 0.97, "count": 1}]
    assert told["results"][0]["prediction"] == told["predictions"][0]["prediction"]
    assert client.get(answer.headers["location"]).json() == {key: told[key] for key in told if key != "results"}


def test_picture_that_is_known_is_not_remembered_twice(client, platform):
    """The second time is 200; a new name joins the others, a model asked before is not asked again."""
    picture = real_picture()
    send(client, picture, name="a.png", models=["circles"])
    calls = len(platform.predictor.calls)

    answer = send(client, picture, name="b.png", models=["circles"])

    assert answer.status_code == 200
    assert answer.json()["file_names"] == ["a.png", "b.png"]
    assert answer.json()["results"][0]["stored"] is True
    assert len(platform.predictor.calls) == calls
    assert len(list(platform.jobs.objects.list("images/"))) == 1


def test_each_model_that_is_asked_counts_in_the_ledger(asking):
    """One prediction a model, none for what is stored, none for a model that is not loaded."""
    platform, client = asking
    alice, picture = headers_of(platform, "alice"), real_picture()

    def asked():
        return client.get("/v1/usage", headers=alice).json()

    for models in (["circles", "animals", "unloaded"], ["circles", "animals"], ()):
        assert send(client, picture, models=models, headers=alice).status_code in {200, 201}
    deadline_s = time.monotonic() + 20
    while asked()["total"] < 4 and time.monotonic() < deadline_s:  # a look counts too, so all three are there by then
        time.sleep(0.05)

    assert asked()["total"] >= 4
    assert asked()["predictions"]["n"] == 2


def test_other_options_are_asked_anew(client, platform):
    """What was asked in another way is another answer, and takes the place of the one before."""
    picture = real_picture()
    send(client, picture, models=["animals"])

    answer = send(client, picture, models=["animals"], top_k=2)

    assert answer.json()["results"][0]["stored"] is False
    assert len(answer.json()["predictions"][0]["labels"]) == 2


def test_failed_prediction_may_be_run_again(client, platform, monkeypatch):
    """The image is remembered, with a problem where the prediction would be; sent again, it has one."""
    picture = real_picture()
    predict = platform.predictor.predict

    def fail_for_animals(data, *, model, **options):
        if model == "animals":
            raise errors.QueueFull("Too many wait.")
        return predict(data, model=model, **options)

    with monkeypatch.context() as failing:
        failing.setattr(platform.predictor, "predict", fail_for_animals)
        first = send(client, picture, models=["animals", "circles"])
    before = client.get(first.headers["location"]).json()

    second = send(client, picture, models=["animals"])

    assert first.status_code == 201
    assert first.json()["results"][0]["problem"]["code"] == "queue_full"
    assert [said["model"] for said in before["predictions"]] == ["circles@1"]
    assert [said["model"] for said in second.json()["predictions"]] == ["animals@1", "circles@1"]


@pytest.mark.parametrize(
    ("picture", "models", "status", "code"),
    [
        (b"no picture", (), 415, "image_format_unsupported"),
        (b"\x89PNG\r\n\x1a\n damaged", (), 422, "image_unreadable"),
        (real_picture(), ("unheard-of",), 404, "model_unknown"),
        (real_picture(), ("circles", "circles"), 422, "parameter_invalid"),
        (real_picture(), tuple(f"model-{number}" for number in range(33)), 422, "parameter_invalid"),
    ],
)
def test_what_is_refused_leaves_nothing(client, platform, picture, models, status, code):
    """Neither a row nor a blob."""
    answer = send(client, picture, models=models)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get("/v1/images").json()["images"] == []
    assert list(platform.jobs.objects.list("images/")) == []


def test_equal_uploads_at_once_make_one_record(client, platform):
    """One of them is told that it is new, and one blob stays."""
    picture, statuses = real_picture(), []
    threads = [
        threading.Thread(target=lambda: statuses.append(send(client, picture, models=["circles"]).status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * 5 + [201]
    assert len(client.get("/v1/images").json()["images"]) == 1
    assert len(list(platform.jobs.objects.list("images/"))) == 1
    assert len(client.get(f"/v1/images/{hashlib.sha256(picture).hexdigest()}/objects").json()["objects"]) == 1


def test_objects_have_places_and_belong_to_one_image(client):
    """An object is found through its own image, and through no other."""
    one = send(client, real_picture(1), models=["circles"]).json()["id"]
    other = send(client, real_picture(2), models=["circles"]).json()["id"]

    listed = client.get(f"/v1/images/{one}/objects").json()

    [found] = listed["objects"]
    assert (listed["image_id"], listed["count"]) == (one, 1)
    assert found["box"] == {"xmin": 100.9, "ymin": 40.2, "xmax": 181.3, "ymax": 120.8}
    assert (found["label"], found["score"], found["model"]) == ("circle", 0.97, "circles@1")
    assert found["centroid"] == pytest.approx({"x": 141.1, "y": 80.5})
    assert client.get(f"/v1/images/{one}/objects/{found['object_id']}").json() == {"image_id": one, **found}
    foreign = client.get(f"/v1/images/{other}/objects/{found['object_id']}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "object_unknown")
    unseen = client.get(f"/v1/images/{one}/objects?model=animals")
    assert (unseen.status_code, unseen.json()["code"]) == (404, "model_unknown")


def test_bytes_come_back_as_they_were_and_can_do_nothing(client):
    """The right type, a name for whoever saves them, and no leave to do anything in a browser."""
    picture = real_picture()
    image_id = send(client, picture, name='so "odd"\u2028 ä/name.png').json()["id"]

    answer = client.get(f"/v1/images/{image_id}/content")

    assert answer.content == picture
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''name.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    nameless = send(client, real_picture(9), name="folder/").json()["id"]
    shown = client.get(f"/v1/images/{nameless}/content").headers["content-disposition"]
    assert shown == f"inline; filename*=UTF-8''{nameless[:16]}.png"
    again = client.get(f"/v1/images/{image_id}/content", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("drawn", DrawnFormat)
def test_drawn_picture_has_the_size_of_the_original(client, drawn):
    """In each format; what lies below a threshold is left out."""
    image_id = send(client, real_picture(size=(320, 240)), models=["circles"]).json()["id"]

    answer = client.get(f"/v1/images/{image_id}/annotated?format={drawn.value}")
    without = client.get(f"/v1/images/{image_id}/annotated?format={drawn.value}&threshold=0.98")

    assert answer.headers["content-type"].partition(";")[0] == drawn.media_type
    assert answer.content != without.content
    if drawn is DrawnFormat.SVG:
        assert b'viewBox="0 0 320 240"' in answer.content
        assert b"circle" in answer.content
    else:
        opened = Image.open(io.BytesIO(answer.content))
        assert (opened.size, opened.format) == ((320, 240), drawn.name)


def test_which_model_is_drawn_must_be_said_where_several_saw_the_image(client):
    """The refusal names them; an image that no model saw has nothing to draw."""
    several = send(client, real_picture(1), models=["circles", "animals"]).json()["id"]
    none = send(client, real_picture(2)).json()["id"]

    which = client.get(f"/v1/images/{several}/annotated")
    nothing = client.get(f"/v1/images/{none}/annotated")

    assert which.status_code == 422
    assert "animals, circles" in which.json()["detail"]
    assert (nothing.status_code, nothing.json()["code"]) == (404, "model_unknown")
    assert client.get(f"/v1/images/{several}/annotated?model=animals").status_code == 200


def test_erasing_leaves_nothing_of_ones_own_and_everything_of_others(asking):
    """No row, no blob, no result of a job; the other's equal picture stands as it was."""
    platform, client = asking
    alice, bob = headers_of(platform, "alice"), headers_of(platform, "bob")
    picture = real_picture()
    image_id = send(client, picture, name="hers.png", models=["circles"], headers=alice).json()["id"]
    his = send(client, picture, name="his.png", models=["circles"], headers=bob).json()
    job = client.post(
        "/v1/jobs", files=[("images", ("hers.png", picture)), ("models", (None, "circles"))], headers=alice
    ).json()["id"]
    work_off(platform)

    answer = client.delete(f"/v1/images/{image_id}", headers=alice)

    assert answer.status_code == 204
    assert client.get(f"/v1/images/{image_id}", headers=alice).status_code == 404
    assert client.delete(f"/v1/images/{image_id}", headers=alice).status_code == 404
    shown = client.get(f"/v1/images/{image_id}", headers=bob).json()
    assert shown == {key: his[key] for key in shown}
    assert client.get(f"/v1/images/{image_id}/content", headers=bob).content == picture
    [result] = client.get(f"/v1/jobs/{job}/results", headers=alice).json()["results"]
    assert result["problem"]["code"] == "image_deleted"
    assert ("dev:alice", image_id) in platform.predictor.forgotten
    skipped = {"garbage", "request_event", "usage_event"}
    rows = platform.jobs.store.records._database.read(
        lambda tx: [
            (table.name, str(tuple(row)))
            for table in metadata.sorted_tables
            if table.name not in skipped
            for row in tx.execute(select(table))
        ]
    )
    assert [row for row in rows if "hers.png" in row[1]] == []
    assert [row for row in rows if image_id in row[1] and "dev:alice" in row[1]] == []
    platform.jobs.objects.delete_many(platform.jobs.store.upkeep.garbage())
    assert len([blob for place in ("images/", "jobs/") for blob in platform.jobs.objects.list(place)]) == 1


def test_admin_names_the_owner(asking):
    """Where one person alone has the image an admin need not say whose; where several have it they must."""
    platform, client = asking
    alice, bob = headers_of(platform, "alice"), headers_of(platform, "bob")
    root = headers_of(platform, "root", Role.ADMIN)
    alone = send(client, real_picture(1), headers=alice).json()["id"]
    _, shared = (send(client, real_picture(2), headers=who).json()["id"] for who in (alice, bob))

    assert client.get(f"/v1/images/{alone}", headers=root).json()["owner"] == "dev:alice"
    assert client.get(f"/v1/images/{shared}?owner=dev:bob", headers=root).json()["owner"] == "dev:bob"
    which = client.get(f"/v1/images/{shared}", headers=root)
    assert which.status_code == 422
    assert "dev:alice, dev:bob" in which.json()["detail"]
    assert client.get(f"/v1/images/{shared}?owner=dev:bob", headers=alice).status_code == 404


def test_key_may_remember_only_with_the_models_that_it_is_for(asking):
    """``images:write`` alone keeps pictures; to ask a model of them needs that model's scope too."""
    platform, client = asking
    alice = headers_of(platform, "alice")

    def key(*scopes):
        return {"X-API-Key": client.post("/v1/keys", json={"scopes": scopes}, headers=alice).json()["key"]}

    writing, both, reading = key("images:write"), key("images:write", "predict:circles"), key("images:read")

    assert send(client, real_picture(1), headers=writing).status_code == 201
    assert send(client, real_picture(1), models=["circles"], headers=writing).status_code == 403
    assert send(client, real_picture(1), models=["circles"], headers=both).status_code == 200
    assert send(client, real_picture(1), models=["animals"], headers=both).status_code == 403
    assert client.get("/v1/images", headers=reading).status_code == 200
    assert client.get("/v1/images", headers=writing).status_code == 403
    assert send(client, real_picture(3), headers=reading).status_code == 403


@pytest.mark.parametrize("form", [True, False])
def test_job_with_keep_makes_the_same_record(client, platform, form):
    """As a form and as JSON; without ``keep`` a job makes none."""
    picture = real_picture()
    if form:
        files = [("images", ("kept.png", picture)), ("models", (None, "circles")), ("keep", (None, "true"))]
        accepted = client.post("/v1/jobs", files=files)
    else:
        images = [{"base64": base64.b64encode(picture).decode(), "name": "kept.png"}]
        accepted = client.post("/v1/jobs", json={"images": images, "models": ["circles"], "keep": True})

    assert (accepted.status_code, accepted.json()["keep"]) == (202, True)
    wrong = client.post(
        "/v1/jobs", json={"images": [{"url": "https://a.example"}], "models": ["circles"], "keep": "so"}
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["loc"]) == (422, "keep")


def test_image_is_remembered_while_its_model_loads(client, platform):
    """An unloaded model is a problem of the result, not of the image."""
    platform.registry.states["animals"] = ModelState.UNLOADED

    answer = send(client, real_picture(), models=["unloaded"])

    assert answer.status_code == 201
    assert answer.json()["results"][0]["problem"]["code"] == "model_not_loaded"


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("GET", ""),
        ("GET", "/content"),
        ("GET", "/annotated"),
        ("GET", "/objects"),
        ("GET", "/objects/x"),
        ("DELETE", ""),
    ],
)
def test_parameter_that_a_route_does_not_know_is_refused(client, method, below):
    """An owner whose name is misspelt would be oneself; nothing is erased."""
    image_id = send(client, real_picture(), models=["circles"]).json()["id"]

    answer = client.request(method, f"/v1/images/{image_id}{below}?ownr=bob")

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")
    assert "'ownr'" in answer.json()["detail"]
    assert client.get(f"/v1/images/{image_id}").status_code == 200


def test_several_models_in_one_parameter_are_told_how_they_are_named(client):
    """No model's name has a comma."""
    answer = client.post("/v1/images?models=circles,animals", content=real_picture())

    assert (answer.status_code, answer.json()["code"]) == (404, "model_unknown")
    assert "repeat 'models'" in answer.json()["hint"]


@pytest.mark.parametrize("image_id", ["abc", "A" * 64, "0" * 63, "0" * 65, "\N{ARABIC-INDIC DIGIT ONE}" * 64])
def test_id_that_can_be_none_is_told_what_ids_look_like(client, image_id):
    """And is as unknown as one that never was."""
    answer = client.get(f"/v1/images/{image_id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "image_unknown")
    assert "64 hex digits" in answer.json()["hint"]
