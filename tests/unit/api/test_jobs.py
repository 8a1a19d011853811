"""Jobs over HTTP: taken in whole or not at all, told truly, hidden from nobody who owns them."""

import base64
import hashlib
import json
import threading
import time

import pytest

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.errors import DatabaseUnreachable
from saccade.jobs.records import WorkerRecord
from saccade.jobs.states import ItemState
from unit.api.jobs_at_work import work_off

URL = "/v1/jobs"


def encoded(data):
    return base64.b64encode(data).decode()


def submit(client, *pictures, models=("animals",), headers=None, **fields):
    """Submit pictures as a form and return the answer."""
    files = [("images", (f"{place}.png", data)) for place, data in enumerate(pictures)]
    return client.post(URL, files=files, data={"models": list(models), **fields}, headers=headers or {})


@pytest.fixture
def job_id(client, picture):
    return submit(client, picture).json()["id"]


class TestSubmit:
    """``POST /v1/jobs``."""

    def test_form_makes_a_job_of_every_pair(self, client, platform, picture):
        """202 says where the job is, when to look, and what it is; the bytes are kept and workers are woken."""
        answer = submit(client, picture, b"no picture", models=["animals", "circles@1"], top_k="3", priority="high")

        job = answer.json()
        assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
        assert int(answer.headers["retry-after"]) >= 1
        assert job["state"] == "running"
        assert job["counts"] == {
            "total": 4,
            "queued": 4,
            "running": 0,
            "succeeded": 0,
            "failed": 0,
            "cancelled": 0,
            "expired": 0,
        }
        assert (job["images"], job["models"], job["priority"]) == (2, ["animals@1", "circles@1"], "high")
        assert job["options"] == {"top_k": 3, "threshold": None, "candidate_labels": []}
        objects = platform.jobs.objects
        assert sorted(objects.get(blob.key) for blob in objects.list("")) == sorted([picture, b"no picture"])
        assert len(platform.jobs.hints.wait(most=9, timeout_s=1)) == 4

    def test_json_takes_urls_base64_and_ids(self, client, platform, picture):
        """Each image is one of three; the id is that of bytes which an own job keeps."""
        submit(client, picture)
        image_id = hashlib.sha256(picture).hexdigest()
        images = [
            {"url": "https://pictures.example/a.png"},
            {"base64": encoded(picture), "name": "b.png"},
            {"id": image_id, "name": "=c"},
        ]

        job = client.post(URL, json={"images": images, "models": ["animals"], "deadline_s": 60}).json()

        items = platform.jobs.store.records.items("anonymous", job["id"])
        assert [(item.file_name, item.source_url, item.sha256) for item in items] == [
            (None, "https://pictures.example/a.png", None),
            ("b.png", None, image_id),
            ("=c", None, image_id),
        ]
        assert job["deadline_at"] > job["created_at"]

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"images": [], "models": ["animals"]}, 422, "source_ambiguous"),
            ({"images": [{"url": "https://a.example"}], "models": []}, 422, "parameter_invalid"),
            ({"images": [{"url": "https://a.example"}], "models": ["nobody"]}, 404, "model_unknown"),
            ({"images": [{"url": "https://a.example"}], "models": ["animals", "animals@1"]}, 422, "source_ambiguous"),
            ({"images": [{}], "models": ["animals"]}, 422, "source_ambiguous"),
            ({"images": [{"url": "a", "base64": "b"}], "models": ["animals"]}, 422, "source_ambiguous"),
            ({"images": [{"url": 7}], "models": ["animals"]}, 422, "parameter_invalid"),
            ({"images": [{"base64": "%%%"}], "models": ["animals"]}, 422, "image_unreadable"),
            ({"images": [{"id": "ab" * 32}], "models": ["animals"]}, 404, "image_unknown"),
            ({"images": [{"id": "../etc"}], "models": ["animals"]}, 404, "image_unknown"),
            ({"images": "a", "models": ["animals"]}, 422, "parameter_invalid"),
            (
                {"images": [{"url": "https://a.example"}], "models": ["animals"], "keep": "yes"},
                422,
                "parameter_invalid",
            ),
            ({"images": [{"url": "https://a.example"}], "models": ["animals"], "deadline_s": 0}, 422, None),
            ({"images": [{"url": "https://a.example"}], "models": ["animals"], "deadline_s": "soon"}, 422, None),
            ({"images": [{"url": "https://a.example"}], "models": ["animals"], "priority": "urgent"}, 422, None),
            (
                {"images": [{"url": "https://a.example"}], "models": ["animals"], "webhook": "ftp://a.example"},
                422,
                "url_refused",
            ),
            (
                {"images": [{"url": "https://a.example"}], "models": ["animals"], "webhook": "http://10.0.0.1/"},
                422,
                "url_refused",
            ),
            ({"images": [{"url": "https://a.example"}], "models": ["broken"] * 21}, 413, "too_many_items"),
            ({"images": [{"url": "https://a.example"}] * 1001, "models": ["animals"]}, 413, "too_many_items"),
        ],
    )
    def test_wrong_request_is_refused_and_nothing_is_kept(self, client, platform, body, status, code):
        """Everything that can be known is checked before anything is stored."""
        answer = client.post(URL, json=body)

        assert (answer.status_code, answer.json()["code"]) == (status, code or "parameter_invalid"), answer.text
        assert client.get(URL).json()["jobs"] == []
        assert list(platform.jobs.objects.list("")) == []

    def test_raw_body_is_no_job(self, client, picture):
        """One picture as the body has a route of its own, which the hint names."""
        answer = client.post(URL, content=picture)

        assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")
        assert "respond-async" in answer.json()["hint"]

    def test_image_over_the_limit_refuses_the_whole_job(self, make_client, picture):
        """It could never succeed, so nothing of the job is taken; the message names the image."""
        client = make_client(image_max_bytes=20)

        answer = submit(client, picture, b"x" * 21)

        assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")
        assert "Image 1" in answer.json()["detail"]

    def test_more_images_than_a_job_may_have_is_refused(self, make_client, picture):
        """The bound is told as such, for forms as for JSON."""
        answer = submit(make_client(jobs_max_images=2), picture, picture, picture)

        assert (answer.status_code, answer.json()["code"]) == (413, "too_many_items")

    def test_full_queue_refuses_before_the_body_is_read(self, make_client, picture):
        """429 for the caller's own quota, 503 for the whole, both with Retry-After."""
        mine = make_client(jobs_queue_items_each=1)
        assert submit(mine, picture).status_code == 202
        whole = make_client(jobs_queue_items=1)
        assert submit(whole, picture).status_code == 202

        for client, status, code in ((mine, 429, "items_quota_reached"), (whole, 503, "jobs_full")):
            answer = client.post(URL, content=b"never parsed", headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert int(answer.headers["retry-after"]) >= 1

    def test_names_are_kept_as_they_can_be_shown(self, client, platform, picture):
        """Control characters of a client's word reach no terminal and no database."""
        images = [{"base64": encoded(picture), "name": "a\x00\x1b[31m\ud800\x9b2J\u202egnp.exe"}]

        body = json.dumps({"images": images, "models": ["animals"]})  # escapes what UTF-8 cannot carry
        job = client.post(URL, content=body, headers={"Content-Type": "application/json"}).json()

        [item] = platform.jobs.store.records.items("anonymous", job["id"])
        assert item.file_name == "a\ufffd\ufffd[31m\ufffd\ufffd2J\ufffdgnp.exe"


class TestIdempotency:
    """``Idempotency-Key``."""

    def test_same_request_gets_the_same_answer(self, client, platform, picture):
        """Byte for byte, however far the job has come; another boundary of the form is no difference."""
        headers = {"Idempotency-Key": "order 7"}
        first = submit(client, picture, headers=headers)
        work_off(platform)
        second = submit(client, picture, headers=headers)

        assert (first.status_code, second.status_code) == (202, 202)
        assert first.content == second.content
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        assert len(client.get(URL).json()["jobs"]) == 1

    def test_another_request_with_the_key_is_refused(self, client, picture):
        """A key names one request."""
        submit(client, picture, headers={"Idempotency-Key": "k"})

        answer = submit(client, picture, picture, headers={"Idempotency-Key": "k"})

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")

    @pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
    def test_key_must_be_printable_and_short(self, client, picture, key):
        """1 to 255 printable ASCII characters."""
        answer = submit(client, picture, headers=[("Idempotency-Key", key.encode("latin-1"))])

        assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")

    def test_refused_request_gives_its_key_back(self, client, picture):
        """What was not accepted may be mended and sent again under the same key."""
        body = {"images": [{"id": "ab" * 32}], "models": ["animals"]}
        assert client.post(URL, json=body, headers={"Idempotency-Key": "k"}).status_code == 404

        assert submit(client, picture, headers={"Idempotency-Key": "k"}).status_code == 202


class TestShow:
    """``GET /v1/jobs/{id}`` and the list."""

    def test_etag_spares_the_body(self, client, platform, job_id):
        """What has not changed is not sent again; what has, is."""
        first = client.get(f"{URL}/{job_id}")
        again = client.get(f"{URL}/{job_id}", headers={"If-None-Match": first.headers["etag"]})
        work_off(platform)
        changed = client.get(f"{URL}/{job_id}", headers={"If-None-Match": first.headers["etag"]})

        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert (changed.status_code, changed.json()["state"]) == (200, "succeeded")
        assert changed.json()["finished_at"].endswith("Z")

    def test_wait_answers_at_the_end_of_the_job(self, client, platform, job_id):
        """The answer is held back until the job has ended, and no longer."""
        threading.Timer(0.3, work_off, [platform]).start()
        begun = time.monotonic()

        job = client.get(f"{URL}/{job_id}?wait=20").json()

        assert job["state"] == "succeeded"
        assert 0.2 < time.monotonic() - begun < 5

    def test_wait_ends_after_its_time(self, client, job_id):
        """A job that does not end is told as it stands."""
        begun = time.monotonic()

        assert client.get(f"{URL}/{job_id}?wait=0.2").json()["state"] == "running"
        assert 0.2 <= time.monotonic() - begun < 2

    @pytest.mark.parametrize("query", ["wait=61", "wait=-1", "wait=soon", "wait=1&wait=2"])
    def test_wrong_wait_is_refused(self, client, job_id, query):
        """At most a minute."""
        assert client.get(f"{URL}/{job_id}?{query}").json()["code"] == "parameter_invalid"

    @pytest.mark.parametrize("path", ["", "/results", "/events", "/deliveries"])
    @pytest.mark.parametrize("name", ["01a1f971-c8ed-7659-b224-109350d5029d", "7", "%00", "A" * 300])
    def test_absent_and_malformed_ids_are_alike(self, client, path, name):
        """Nothing tells an id that was never given from one that could not be."""
        answer = client.get(f"{URL}/{name}{path}")

        body = answer.json()
        assert (answer.status_code, body["code"], body["detail"]) == (404, "job_unknown", "There is no such job.")

    def test_foreign_job_is_absent(self, client, platform, picture):
        """Another principal's job is not there, in no route; to an admin, as everybody is on an open server, it is."""
        job_id = submit(client, picture).json()["id"]
        database = platform.jobs.store.records._database
        database.write(lambda tx: tx.exec_driver_sql("UPDATE job SET principal = 'somebody'"))
        assert client.get(f"{URL}/{job_id}").json()["owner"] == "somebody"
        client.headers["Authorization"] = f"Bearer {issue(platform.settings.home, 'alice', Role.INVESTIGATOR, 60)}"

        answers = [
            client.get(f"{URL}/{job_id}"),
            client.get(f"{URL}/{job_id}/results"),
            client.get(f"{URL}/{job_id}/events"),
            client.get(f"{URL}/{job_id}/deliveries"),
            client.post(f"{URL}/{job_id}/cancel"),
            client.post(f"{URL}/{job_id}/retry"),
            client.delete(f"{URL}/{job_id}"),
        ]

        assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(404, "There is no such job.")}
        assert client.get(URL).json()["jobs"] == []

    def test_list_goes_on_where_it_stopped(self, client, picture):
        """Newest first, page by page, each job once; the Link header says the same as the body."""
        made = [submit(client, picture).json()["id"] for _ in range(5)]

        seen, path = [], f"{URL}?limit=2"
        while path:
            answer = client.get(path)
            page = answer.json()
            seen += [job["id"] for job in page["jobs"]]
            path = page["next"]
            assert answer.headers.get("link") == (f'<{path}>; rel="next"' if path else None)

        assert seen == sorted(made, reverse=True)

    def test_list_is_narrowed_by_state(self, client, platform, picture):
        """Only jobs in that state, on every page."""
        ended = [submit(client, picture).json()["id"] for _ in range(3)]
        work_off(platform)
        submit(client, picture)

        first = client.get(f"{URL}?state=succeeded&limit=2").json()
        second = client.get(first["next"]).json()

        assert [job["id"] for job in first["jobs"] + second["jobs"]] == sorted(ended, reverse=True)

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "state=gone", "cursor=%25", "cursor=YQ"])
    def test_wrong_query_of_the_list_is_refused(self, client, query):
        """Each fault is a parameter's."""
        answer = client.get(f"{URL}?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")


class TestChange:
    """Cancel, retry, erase."""

    def test_cancel_ends_what_is_open(self, client, platform, picture):
        """What has ended stays; cancelling again changes nothing."""
        job_id = submit(client, picture, picture).json()["id"]
        work_off(platform, most=1)

        first = client.post(f"{URL}/{job_id}/cancel")
        second = client.post(f"{URL}/{job_id}/cancel")

        assert first.status_code == 200
        assert first.json() == second.json()
        assert (first.json()["state"], first.json()["counts"]["cancelled"]) == ("cancelled", 1)
        problem = client.get(f"{URL}/{job_id}/results").json()["results"][1]["problem"]
        assert (problem["code"], bool(problem["hint"])) == ("job_cancelled", True)

    def test_retry_under_one_key_is_one_job(self, client, platform, picture):
        """A retry whose answer was lost is asked for again and makes nothing new."""
        job_id = submit(client, picture, picture, picture).json()["id"]
        work_off(platform, fail={1})

        first, second = (client.post(f"{URL}/{job_id}/retry", headers={"Idempotency-Key": "again"}) for _ in range(2))

        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"

    def test_retry_is_a_new_job_of_the_failed_items(self, client, platform, picture):
        """The old job stays as it ended."""
        job_id = submit(client, picture, picture, picture).json()["id"]
        work_off(platform, fail={1})

        answer = client.post(f"{URL}/{job_id}/retry")

        retried = answer.json()
        assert (answer.status_code, retried["retry_of"], retried["counts"]["total"]) == (202, job_id, 1)
        assert answer.headers["location"] == f"{URL}/{retried['id']}"
        assert client.get(f"{URL}/{job_id}").json()["state"] == "failed"

    def test_nothing_is_retried_of_a_job_that_runs_or_succeeded(self, client, platform, job_id):
        """409 says why."""
        running = client.post(f"{URL}/{job_id}/retry")
        work_off(platform)
        succeeded = client.post(f"{URL}/{job_id}/retry")

        assert {(answer.status_code, answer.json()["code"]) for answer in (running, succeeded)} == {
            (409, "nothing_to_retry")
        }

    def test_erased_job_is_absent(self, client, job_id):
        """204 without a body, then 404 for ever."""
        answer = client.delete(f"{URL}/{job_id}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert client.get(f"{URL}/{job_id}").status_code == 404
        assert client.delete(f"{URL}/{job_id}").status_code == 404


class TestDatabaseAway:
    """Jobs need the database; nothing else does."""

    def test_jobs_answer_503_and_predictions_go_on(self, client, platform, picture):
        """Retry-After says when to come again; the synchronous route does not notice."""

        def refuse(*_):
            raise DatabaseUnreachable("The database does not answer.")

        platform.open_kept = refuse

        for answer in (submit(client, picture), client.get(URL), client.get("/v1/queue")):
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.post("/v1/models/animals/predict", content=picture).status_code == 200


class TestQueue:
    """``GET /v1/queue``."""

    def test_line_without_a_worker_is_model_unavailable(self, client, platform, picture):
        """Until a live worker reports that it holds the pinned package."""
        submit(client, picture, picture)
        [before] = client.get("/v1/queue").json()["models"]
        digest = platform.registry.status("animals").card.digest
        platform.jobs.store.upkeep.report(WorkerRecord("w", "host", 1, {"animals@1": digest}, 4, 0, 0, 0))
        queue = client.get("/v1/queue").json()
        [after] = queue["models"]

        assert (before["model"], before["state"], before["queued"]) == ("animals@1", "model_unavailable", 2)
        assert before["oldest_age_s"] >= 0
        assert after["state"] == "served"
        assert queue["totals"]["queued"] == 2
        assert [(worker["id"], worker["models"]) for worker in queue["workers"]] == [("w", ["animals@1"])]

    def test_drain_is_told_for_each_model(self, client, platform, picture):
        """Items that ended in the last minute, per second."""
        submit(client, picture, picture, picture)
        work_off(platform)

        [line] = client.get("/v1/queue").json()["models"]

        assert (line["queued"], line["running"], line["drain_rate"]) == (0, 0, 0.05)


class TestWebhooks:
    """Deliveries and the secret."""

    def test_secret_is_new_each_time_and_fits_the_standard(self, client, platform):
        """``whsec_`` and 24 to 64 bytes in base64; the last one counts."""
        secrets = [client.post("/v1/webhooks/secret") for _ in range(2)]

        assert {answer.status_code for answer in secrets} == {201}
        first, second = [answer.json()["secret"] for answer in secrets]
        assert first != second
        assert 24 <= len(base64.b64decode(second.removeprefix("whsec_"), validate=True)) <= 64
        assert platform.jobs.store.deliveries.secret("anonymous") == second

    def test_delivery_is_listed_and_made_due_again(self, client, platform, picture):
        """The end of a job is one delivery; an unknown one is 404."""
        assert submit(client, picture, webhook="https://hooks.example/a").status_code == 422  # nothing to sign with
        client.post("/v1/webhooks/secret")
        answer = submit(client, picture, webhook="https://hooks.example/a")
        job_id = answer.json()["id"]
        work_off(platform)

        [delivery] = client.get(f"{URL}/{job_id}/deliveries").json()["deliveries"]
        again = client.post(f"{URL}/{job_id}/deliveries/{delivery['id']}/redeliver")
        missing = client.post(f"{URL}/{job_id}/deliveries/7/redeliver")

        assert (delivery["state"], delivery["url"], delivery["attempts"]) == ("pending", "https://hooks.example/a", 0)
        assert (again.status_code, again.json()["id"]) == (202, delivery["id"])
        assert (missing.status_code, missing.json()["code"]) == (404, "delivery_unknown")


def test_every_state_of_an_item_has_a_word(client, platform, picture):
    """An open item is not in the results, each end is."""
    job_id = submit(client, picture, picture, picture).json()["id"]
    work_off(platform, fail={0}, most=1)

    states = [result["state"] for result in client.get(f"{URL}/{job_id}/results").json()["results"]]

    assert states == [ItemState.FAILED.value]
