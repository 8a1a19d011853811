"""System 3's photos, models and results, row for row of its table, against one real server that asks who is there."""

import hashlib
import json
import re

import pytest

from working.photo_server import BOTH, GREEN, RED, failure, md5, photos, picture
from working.processes import eventually

__all__ = ["photos"]

PENDING = "Image has pending predictions. Check back later for all model results."
UNKNOWN = {"status": "failure", "detail": "Unknown md5 hash specified."}
RECORD = {
    "status": str,
    "file_names": list,
    "hash_md5": str,
    "hash_sha1": str,
    "hash_sha256": str,
    "hash_perceptual": str,
    "users": list,
    "models": dict,
    "failed": dict,
}


def unknown(text):
    """Return what is told of a photo that is not there."""
    return {**UNKNOWN, "hash_md5": text}


@pytest.fixture
def sent(photos):
    """Return a function that sends photos for models, and waits for what they say."""

    def sent(who, pictures, *models):
        answer = photos.predict(who, pictures, *models)
        assert answer.status_code == 200, answer.text
        hashes = answer.json()["images"]
        assert hashes == [md5(each) for each in pictures]
        return photos.awaited(who, *hashes)

    return sent


@pytest.mark.parametrize("who", ["alice", "rita", "root"])
@pytest.mark.row("3 GET /model/list")
def test_models_that_can_be_asked_are_listed(photos, who):
    """By name, without versions, under one key."""
    answer = photos.ask(who, "GET", "/model/list")

    assert (answer.status_code, list(answer.json())) == (200, ["models"])
    assert {"tint", "shade", "broken", "patient"} <= set(answer.json()["models"])


@pytest.mark.row("3 GET /model/all")
def test_all_models_are_listed_with_their_classes(photos):
    """By name, each with a list of texts; a model that sees a fixed set names all of it."""
    told = photos.ask("alice", "GET", "/model/all").json()

    assert list(told) == ["models"]
    assert photos.ask("alice", "GET", "/model/all/").json() == told
    assert told["models"]["tint"] == ["red", "green", "a.b$c"]
    assert all(isinstance(label, str) for labels in told["models"].values() for label in labels)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/model/list"),
        ("GET", "/model/all"),
        ("POST", "/model/predict"),
        ("POST", "/predict"),
        ("POST", "/model/results"),
        ("GET", "/model/results/0"),
        ("GET", "/predict/0"),
        ("POST", "/model/search"),
        ("POST", "/model/search/download"),
    ],
)
def test_stranger_is_told_to_say_who_they_are(photos, method, path):
    """In the words that clients look for, with the header, before a body is read."""
    answer = photos.ask(None, method, path, content=b"\xff" * 9 if method == "POST" else None)

    assert (answer.status_code, answer.json()) == (
        401,
        {"status": "failure", "detail": "Unable to validate credentials."},
    )
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/model/predict", "/predict", "/predict/"])
@pytest.mark.row("3 POST /model/predict")
def test_many_photos_for_many_models(photos, path):
    """One request, an MD5 for each file in its order, also for one that is sent twice; every model's answer is kept."""
    red, both = picture(RED), picture(BOTH)
    answer = photos.predict("alice", [red, both, red], "tint", "shade", path=path)
    told = photos.awaited("alice", md5(red), md5(both))

    assert (answer.status_code, answer.json()) == (200, {"images": [md5(red), md5(both), md5(red)]})
    assert [each["models"] for each in told] == [
        {"tint": {"red": 0.75}, "shade": {"dark": 0.875}},
        {"tint": {"red": 0.25, "green": 0.125, "a.b$c": 0.5}, "shade": {"dark": 0.875}},
    ]


@pytest.mark.row("3 POST /model/results")
def test_record_of_a_photo(photos, sent):
    """Field for field and type for type; the hashes are those of the bytes, under each name that it was sent by."""
    data = picture(RED)
    (told,) = sent("alice", [data], "tint")

    assert {name: type(value) for name, value in told.items()} == RECORD
    assert told["status"] == "success"
    assert told["hash_md5"] == md5(data)
    assert told["hash_sha1"] == hashlib.sha1(data, usedforsecurity=False).hexdigest()
    assert told["hash_sha256"] == hashlib.sha256(data).hexdigest()
    assert re.fullmatch("[0-9a-f]{16}", told["hash_perceptual"])
    assert (told["file_names"], told["users"], told["failed"]) == (["0.png"], ["alice"], {})
    sent("alice", [picture(), data], "shade")
    assert photos.results("alice", md5(data))[0]["file_names"] == ["0.png", "1.png"]


@pytest.mark.row("3 POST /model/results")
def test_photo_is_pending_until_all_models_have_answered(photos):
    """What is there already is shown meanwhile, and pending is no failure."""
    photos.until.unlink(missing_ok=True)
    data = picture(RED)
    assert photos.predict("alice", [data], "tint", "patient").status_code == 200
    eventually(lambda: photos.results("alice", md5(data))[0]["models"], "the quick model says nothing")
    (pending,) = photos.results("alice", md5(data))
    single = photos.ask("alice", "GET", f"/predict/{md5(data)}")
    photos.until.touch()
    (complete,) = photos.awaited("alice", md5(data))

    assert {name: type(value) for name, value in pending.items()} == {**RECORD, "detail": str}
    assert (pending["status"], pending["detail"]) == ("success", PENDING)
    assert (pending["models"], pending["failed"]) == ({"tint": {"red": 0.75}}, {})
    assert (single.status_code, single.json()) == (200, pending)
    assert complete["models"] == {"tint": {"red": 0.75}, "patient": {"seen": 1.0}}


@pytest.mark.row("3 POST /model/results")
@pytest.mark.row("3 GET /predict/{md5}")
def test_results_by_list_by_path_and_by_sha256(photos, sent):
    """The same record whichever way it is asked for, in the order of the list; unknown ones stand where they stood."""
    first, second = picture(RED), picture(GREEN)
    one, two = sent("alice", [first, second], "tint")
    nothing = "0" * 32

    assert photos.results("alice", md5(second), nothing, md5(first).upper(), md5(second)) == [
        two,
        unknown(nothing),
        one,
        two,
    ]
    sha256 = hashlib.sha256(first).hexdigest()
    assert photos.results("alice", sha256, sha256.upper()) == [one, one]
    for path in (f"/predict/{md5(first)}", f"/model/results/{md5(first)}"):
        answer = photos.ask("alice", "GET", path)
        assert (answer.status_code, answer.json()) == (200, one)
    missing = photos.ask("alice", "GET", f"/predict/{nothing}")
    assert (missing.status_code, missing.json()) == (404, unknown(nothing))
    assert photos.results("alice") == []


def test_photo_of_somebody_else_is_as_absent_as_one_that_never_was(photos, sent):
    """The same status and body; the admin sees both, and a photo that two have is each one's own."""
    mine, ours = picture(RED), picture(GREEN)
    sent("alice", [mine, ours], "tint")
    sent("bob", [ours], "shade")
    sha256 = hashlib.sha256(mine).hexdigest()

    for name in (md5(mine), sha256):
        assert photos.results("bob", name) == [unknown(name)]
        hidden = photos.ask("bob", "GET", f"/predict/{name}")
        assert (hidden.status_code, hidden.json()) == (404, unknown(name))
        assert photos.results("root", name)[0]["users"] == ["alice"]
    assert photos.results("bob", md5(ours))[0]["models"] == {"shade": {"dark": 0.875}}
    assert photos.results("alice", md5(ours))[0]["models"] == {"tint": {"green": 0.5}}
    sent("root", [ours], "shade", "tint")
    sent("alice", [ours], "tint")
    for name in (md5(ours), hashlib.sha256(ours).hexdigest()):  # an admin's own comes first
        assert photos.results("root", name)[0]["users"] == ["root"]


def test_model_that_fails_is_named(photos, sent):
    """It does not look finished and empty, says why, and keeps no other model from answering."""
    data = picture(RED)
    (told,) = sent("alice", [data], "tint", "broken", "shade")

    assert told["models"] == {"tint": {"red": 0.75}, "shade": {"dark": 0.875}}
    assert list(told["failed"]) == ["broken"]
    assert told["failed"]["broken"]
    assert "Traceback" not in told["failed"]["broken"]


def test_failure_of_an_older_version_is_over_when_a_newer_one_answers(photos, sent):
    """Nobody reads that a model failed beside what it sees."""
    data = picture(RED)
    sent("alice", [data], "broken")
    changed = photos.change(
        "UPDATE item SET model = 'tint@0' WHERE model LIKE 'broken@%' AND job_id IN"
        " (SELECT job_id FROM job_image WHERE sha256 = ?)",
        hashlib.sha256(data).hexdigest(),
    )
    assert changed == 1
    assert list(photos.results("alice", md5(data))[0]["failed"]) == ["tint"]
    (told,) = sent("alice", [data], "tint")

    assert (told["models"], told["failed"]) == ({"tint": {"red": 0.75}}, {})


def test_finished_never_looks_empty(photos):
    """However often and at whatever moment it is asked: nothing pending, and what the model said is there."""
    for _ in range(20):
        data = picture(RED)
        photos.predict("alice", [data], "tint")
        while "detail" in (told := photos.results("alice", md5(data))[0]):
            pass
        assert told["models"] == {"tint": {"red": 0.75}}


def test_second_model_on_a_known_photo_adds_to_it(photos, sent):
    """The photo is still there when the first model is done, and what that said stays."""
    data = picture(RED)
    sent("alice", [data], "tint")
    (told,) = sent("alice", [data], "shade")

    assert told["models"] == {"tint": {"red": 0.75}, "shade": {"dark": 0.875}}


@pytest.mark.row("3 POST /model/predict")
def test_photos_without_models_that_exist_are_refused(photos):
    """What was a 200 with a status in its body is a 400, in the same words, and nothing is kept."""
    data = picture()
    none, unheard = photos.predict("alice", [data]), photos.predict("alice", [data], "tint", "unheard", "../etc")

    assert failure(none, 400) == "You must specify models to process images with"
    assert failure(unheard, 400) == "Invalid Models Specified: unheard, ../etc"
    assert photos.results("alice", md5(data)) == [unknown(md5(data))]


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, b"<svg/>", b"x" * 9999])
@pytest.mark.row("3 POST /model/predict")
def test_what_is_no_photo_is_refused_by_its_name(photos, data):
    """A 4xx that names the file; no model is asked of those beside it."""
    fine = picture()
    answer = photos.predict("alice", [fine, data], "tint")

    assert answer.status_code in {415, 422}
    assert "1.png" in failure(answer, answer.status_code)
    (told,) = photos.results("alice", md5(fine))
    assert told.get("models", {}) == {}
    assert "detail" not in told or told == unknown(md5(fine))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b\n.png", "<script>.png", "é ü.png", " ", "."])
@pytest.mark.row("3 POST /model/predict")
def test_file_name_is_a_word_and_no_path(photos, name):
    """It is told as it was sent, without what steers terminals, and nothing is written where it points."""
    data = picture()
    answer = photos.ask(
        "alice", "POST", "/model/predict", files={"images": (name, data, "image/png")}, data={"models": "tint"}
    )
    (told,) = photos.awaited("alice", *answer.json()["images"])

    assert told["file_names"] == [name.replace("\n", "%0A")]  # the client's own way to write it
    assert [path.name for path in photos.home.parent.rglob("passwd")] == []


@pytest.mark.row("3 POST /model/predict")
def test_most_files_are_bounded(photos):
    """Hundreds are taken at once; more than the server's limit are refused before a picture is read."""
    data = picture()
    many = photos.predict("alice", [data] * 200, "tint")
    too_many = photos.predict("alice", [data] * 1001, "tint")

    assert (many.status_code, len(many.json()["images"])) == (200, 200)
    failure(too_many, 413)


@pytest.mark.row("3 POST /model/predict")
def test_odd_forms_are_refused(photos):
    """No file, files under another name, another kind of body, thousands of models: a 4xx in this system's words."""
    ask = photos.ask
    for more in (
        {"data": {"models": ["tint"]}, "files": {"other": b"x"}},
        {"data": {"models": ["tint"]}},
        {"json": {"images": [], "models": ["tint"]}},
        {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": {"models": ["tint"] * 5000}, "files": {"images": picture()}},
        {"data": {"models": [f"m{number}" for number in range(5000)]}, "files": {"images": picture()}},
        {"data": {"models": ["x" * 100_000]}, "files": {"images": picture()}},
        {"data": {"models": ["a\x00b\n"]}, "files": {"images": picture()}},
    ):
        answer = ask("alice", "POST", "/model/predict", **more)
        assert 400 <= answer.status_code < 500, answer.text
        assert len(failure(answer, answer.status_code)) < 10_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"[[]]",
        b"[" * 100_000,
        b"\xff",
        b'["a"',
        b"[1e999]",
        b"[" + b"9" * 5000 + b"]",
        json.dumps(["0" * 32] * 1001).encode(),
        b'["' + b"x" * 2_000_000 + b'"]',
    ],
)
@pytest.mark.row("3 POST /model/results")
def test_body_that_is_no_list_of_hashes_is_refused(photos, body):
    """A 4xx, whatever it is; no body at all asks for nothing."""
    answer = photos.ask("alice", "POST", "/model/results", content=body)

    if body:
        failure(answer, answer.status_code)
        assert 400 <= answer.status_code < 500
    else:
        assert answer.json() == []


@pytest.mark.parametrize(
    "text",
    ["", ".*", "%", "_" * 32, "a\0b", "\ud800", "\ud800" * 64, "\0" * 64, "x" * 64, "É" * 64, "x" * 5000, "$ne", "{}"],
    ids=lambda text: ascii(text)[:20],
)
@pytest.mark.row("3 POST /model/results")
def test_hash_that_is_none_is_unknown(photos, text):
    """It is no pattern, breaks nothing, and does not come back at full length."""
    answer = photos.ask("alice", "POST", "/model/results", content=json.dumps([text]).encode())

    assert answer.status_code == 200, answer.text
    (told,) = answer.json()
    assert {**told, "hash_md5": None} == unknown(None)
    assert len(told["hash_md5"]) <= 128


def test_full_list_of_hashes_is_answered(photos, sent):
    """A thousand, each in its place."""
    data = picture()
    (told,) = sent("alice", [data], "tint")

    assert photos.results("alice", *["0" * 32] * 999, md5(data))[-1] == told


def test_two_photos_of_one_md5_are_told_apart(photos, sent):
    """The newest answers to what both are named; each alone answers to its SHA-256, with its own bytes' hashes."""
    first, second = picture(RED), picture(GREEN)
    one, two = sent("alice", [first, second], "tint")
    changed = photos.change("UPDATE image SET md5 = ? WHERE sha256 = ?", md5(first), two["hash_sha256"])
    assert changed == 1
    collided = {**two, "hash_md5": md5(first)}

    assert photos.results("alice", md5(first)) == [collided]
    assert photos.results("alice", one["hash_sha256"], two["hash_sha256"]) == [one, collided]
    assert photos.results("alice", md5(second)) == [unknown(md5(second))]


def test_photo_that_is_erased_is_unknown(photos, sent):
    """With all that was said of it."""
    data = picture()
    (told,) = sent("alice", [data], "tint")
    assert photos.ask("alice", "DELETE", f"/v1/images/{told['hash_sha256']}").status_code == 204

    assert photos.results("alice", md5(data)) == [unknown(md5(data))]


def test_method_and_path_that_do_not_exist_are_told_in_this_systems_words(photos):
    """Below its paths; an answer to an unknown path of nobody's is a problem as everywhere."""
    failure(photos.ask("alice", "DELETE", "/model/list"), 405)
    failure(photos.ask("alice", "GET", "/model/nothing"), 404)
    failure(photos.ask("alice", "GET", "/auth/nothing"), 404)
    assert photos.ask("alice", "GET", "/training/list").status_code == 404
