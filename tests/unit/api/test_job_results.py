"""What came of a job: as JSON, lines, CSV and COCO, and as a stream of events."""

import asyncio
import csv
import io
import json
import re
import threading

import pytest

from saccade.api.cursors import place_cursor, read_place_cursor
from saccade.api.dependencies import Threads
from saccade.api.drain import Drain
from saccade.api.events import Stream
from saccade.api.routes.job_results import in_turn
from saccade.errors import DatabaseUnreachable, ParameterInvalid
from saccade.jobs.exports import COLUMNS, guarded
from unit.api.jobs_at_work import OBJECTS, work_off

URL = "/v1/jobs"
EVENT = re.compile(r"event: (\w+)\nid: (\S+)\ndata: (.*)\n\n")


def submit(client, *names, models=("animals", "circles"), picture=b"\x89PNG a picture"):
    files = [("images", (name, picture)) for name in names]
    return client.post(URL, files=files, data={"models": list(models)}).json()["id"]


def events(text):
    """Return the (name, id, data) of each event."""
    return [(name, number, json.loads(data)) for name, number, data in EVENT.findall(text)]


class TestFormats:
    """``GET /v1/jobs/{id}/results``."""

    def test_json_has_every_ended_item_in_its_place(self, client, platform):
        """By image, then by model; a prediction as the worker wrote it, or why there is none."""
        job_id = submit(client, "a.png", "b.png")
        work_off(platform, fail={1})

        answer = client.get(f"{URL}/{job_id}/results").json()

        assert (answer["job"], answer["state"], answer["next"]) == (job_id, "failed", None)
        places = [(result["image"]["index"], result["image"]["name"], result["model"]) for result in answer["results"]]
        assert places == [
            (0, "a.png", "animals@1"),
            (0, "a.png", "circles@1"),
            (1, "b.png", "animals@1"),
            (1, "b.png", "circles@1"),
        ]
        assert answer["results"][1]["prediction"] == OBJECTS
        assert answer["results"][2]["problem"] == {
            "code": "image_unreadable",
            "detail": "The picture is damaged.",
            "hint": "The file is damaged or cut short; export it again.",
        }

    def test_running_job_shows_what_is_there(self, client, platform):
        """Results need not wait for the end of the job."""
        job_id = submit(client, "a.png", "b.png", models=["animals"])
        work_off(platform, most=1)

        answer = client.get(f"{URL}/{job_id}/results").json()

        assert (answer["state"], len(answer["results"])) == ("running", 1)

    def test_pages_of_json_have_each_item_once(self, client, platform):
        """``next`` leads through all of them, and is null at the end."""
        job_id = submit(client, *[f"{place}.png" for place in range(5)])
        work_off(platform)

        seen, path = [], f"{URL}/{job_id}/results?limit=4"
        while path:
            page = client.get(path).json()
            seen += [(result["image"]["index"], result["model"]) for result in page["results"]]
            path = page["next"]

        assert seen == [(place, model) for place in range(5) for model in ("animals@1", "circles@1")]

    def test_many_items_are_written_page_by_page(self, client, platform):
        """More items than are in memory at a time come whole."""
        job_id = submit(client, *[f"{place}.png" for place in range(150)])
        work_off(platform, most=300)

        results = client.get(f"{URL}/{job_id}/results").json()["results"]
        lines = client.get(f"{URL}/{job_id}/results?format=jsonl").text.splitlines()

        assert len(results) == 300
        assert [json.loads(line) for line in lines] == results

    def test_csv_has_a_row_for_each_label_or_object(self, client, platform):
        """Texts from outside that a spreadsheet would compute have an apostrophe before them."""
        job_id = submit(client, "=cmd()", "b.png")
        work_off(platform, fail={1})

        answer = client.get(f"{URL}/{job_id}/results?format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))

        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="job-{job_id}.csv"'
        assert tuple(rows[0]) == COLUMNS
        assert [(row["name"], row["model"], row["label"], row["code"]) for row in rows] == [
            ("'=cmd()", "animals@1", "cat", ""),
            ("'=cmd()", "animals@1", "'=dog", ""),
            ("'=cmd()", "circles@1", "circle", ""),
            ("b.png", "animals@1", "", "image_unreadable"),
            ("b.png", "circles@1", "", "image_unreadable"),
        ]
        assert (rows[2]["xmin"], rows[2]["score"], rows[2]["radius_px"]) == ("100.5", "0.97", "40.0")

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"])
    def test_formulas_are_guarded(self, text):
        """Every way to begin a formula."""
        assert guarded(text) == f"'{text}"
        assert guarded(f"a{text}") == f"a{text}"

    def test_coco_is_what_its_readers_expect(self, client, platform):
        """Ids lead from annotations to images and categories; a box is x, y, width, height; labels have none."""
        job_id = submit(client, "a.png", "b.png", "c.png")
        work_off(platform, fail={1})

        document = client.get(f"{URL}/{job_id}/results?format=coco").json()

        assert document["images"] == [
            {"id": 1, "file_name": "a.png", "width": 640, "height": 480},
            {"id": 3, "file_name": "c.png", "width": 640, "height": 480},
        ]
        assert document["categories"] == [{"id": 1, "name": "circle"}]
        assert [(a["id"], a["image_id"], a["category_id"]) for a in document["annotations"]] == [(1, 1, 1), (2, 3, 1)]
        assert document["annotations"][0] == {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [100.5, 40.0, 80.0, 80.0],
            "area": 6400.0,
            "iscrowd": 0,
            "score": 0.97,
            "model": "circles@1",
        }

    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            ("application/json", "application/json"),
            ("*/*", "application/json"),
            ("application/x-ndjson", "application/x-ndjson"),
            ("text/csv;q=0.9, application/json;q=0.1", "text/csv; charset=utf-8"),
        ],
    )
    def test_accept_chooses_the_format(self, client, platform, accept, media_type):
        """As a client of HTTP would ask."""
        job_id = submit(client, "a.png")
        work_off(platform)

        answer = client.get(f"{URL}/{job_id}/results", headers={"Accept": accept})

        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)

    def test_etag_changes_with_every_end(self, client, platform):
        """What has not grown is not sent again."""
        job_id = submit(client, "a.png", "b.png", models=["animals"])
        work_off(platform, most=1)
        known = {"If-None-Match": client.get(f"{URL}/{job_id}/results").headers["etag"]}

        same = client.get(f"{URL}/{job_id}/results", headers=known).status_code
        other = client.get(f"{URL}/{job_id}/results?format=csv", headers=known).status_code
        work_off(platform)
        grown = client.get(f"{URL}/{job_id}/results", headers=known).status_code

        assert (same, other, grown) == (304, 200, 200)

    @pytest.mark.parametrize("query", ["format=xml", "limit=0", "cursor=!", "format=csv&limit=3"])
    def test_wrong_query_is_refused(self, client, query):
        """Each fault is a parameter's."""
        job_id = submit(client, "a.png")

        answer = client.get(f"{URL}/{job_id}/results?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")

    def test_cursor_is_read_as_it_was_written(self):
        """And nothing else is read."""
        assert read_place_cursor(place_cursor((12, 3))) == (12, 3)
        for text in ("", "12.3", "\u00e4", "x" * 300, place_cursor((0, 32_768))):  # the last one is no small integer
            with pytest.raises(ParameterInvalid):
                read_place_cursor(text)


class TestBusy:
    """An answer that has begun cannot be refused any more."""

    def test_answer_that_has_begun_waits_for_its_turn(self):
        """While the line is full; what was read then is the next piece, once."""
        threads = Threads(threads=1, line=0)
        begun, may_end = threading.Event(), threading.Event()

        def hold():
            begun.set()
            return may_end.wait(10)

        async def ask():
            holder = asyncio.create_task(threads.run(hold))
            assert await asyncio.to_thread(begun.wait, 10)
            piece = asyncio.create_task(in_turn(threads, lambda: "piece"))
            await asyncio.sleep(0.15)
            assert not piece.done()
            may_end.set()
            assert await holder
            return await asyncio.wait_for(piece, 10)

        assert asyncio.run(ask()) == "piece"


class TestEvents:
    """``GET /v1/jobs/{id}/events``."""

    def test_each_item_comes_once_in_the_order_of_the_ends_and_then_the_job(self, client, platform):
        """The stream closes by itself; no proxy keeps or holds it back."""
        job_id = submit(client, "a.png", "b.png")
        work_off(platform, fail={1}, most=3)
        threading.Timer(0.3, work_off, [platform]).start()

        answer = client.get(f"{URL}/{job_id}/events")

        found = events(answer.text)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        assert [(name, number) for name, number, _ in found] == [
            ("item", "1"),
            ("item", "2"),
            ("item", "3"),
            ("item", "4"),
            ("job", "4-end"),
        ]
        results = client.get(f"{URL}/{job_id}/results").json()["results"]
        assert sorted((data for _, _, data in found[:-1]), key=json.dumps) == sorted(results, key=json.dumps)
        assert found[-1][2] == client.get(f"{URL}/{job_id}").json()

    @pytest.mark.parametrize("place", ["header", "query"])
    def test_stream_goes_on_where_it_broke(self, client, platform, place):
        """Nothing is missed and nothing comes twice."""
        job_id = submit(client, "a.png", "b.png")
        work_off(platform)
        headers = {"Last-Event-ID": "2"} if place == "header" else {}
        query = "?last_event_id=2" if place == "query" else ""

        found = events(client.get(f"{URL}/{job_id}/events{query}", headers=headers).text)

        assert [number for _, number, _ in found] == ["3", "4", "4-end"]

    def test_behind_the_end_there_is_nothing(self, client, platform):
        """204 tells a browser not to come again."""
        job_id = submit(client, "a.png")
        work_off(platform)

        answer = client.get(f"{URL}/{job_id}/events", headers={"Last-Event-ID": "2-end"})

        assert (answer.status_code, answer.content) == (204, b"")

    @pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 12])
    def test_wrong_event_id_is_refused(self, client, number):
        """An id that none of ours can be."""
        job_id = submit(client, "a.png")

        answer = client.get(f"{URL}/{job_id}/events", headers={"Last-Event-ID": number})

        assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")

    def test_head_answers_at_once(self, client):
        """Only the headers are wanted, so nobody waits for the end of the job."""
        job_id = submit(client, "a.png")

        answer = client.head(f"{URL}/{job_id}/events")

        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")

    def test_stream_and_wait_end_when_the_server_stops(self, client):
        """A stopping server waits for nobody who only looks on."""
        job_id = submit(client, "a.png")
        drain: Drain = client.app.state.drain
        threading.Timer(0.2, client.portal.call, [drain.begin]).start()

        stream = client.get(f"{URL}/{job_id}/events")
        waited = client.get(f"{URL}/{job_id}?wait=30")

        assert events(stream.text) == []
        assert waited.json()["state"] == "running"

    def test_silence_is_broken_by_a_comment(self, client, platform):
        """So that proxies and clients see that the stream lives; a comment is no event."""
        job_id = submit(client, "a.png")
        drain = Drain()
        threads = Threads(threads=1, line=1)
        stream = Stream(platform.jobs.store.records, "anonymous", job_id, 0, threads, drain, heartbeat_s=0.05)

        async def listen():
            heard = ""
            async for text in stream.events():
                heard += text
                if heard.count(": alive") == 2:
                    drain.begin()
            return heard

        heard = asyncio.run(listen())

        assert heard == "retry: 1000\n\n: alive\n\n: alive\n\n"

    def test_database_that_is_away_for_a_while_breaks_no_stream(self, client, platform):
        """The stream goes on where it was."""
        job_id = submit(client, "a.png")
        work_off(platform)
        records = platform.jobs.store.records
        outages = [DatabaseUnreachable("It restarts.")] * 2

        class Flaky:
            def job(self, *args):
                if outages:
                    raise outages.pop()
                return records.job(*args)

            events = records.events

        async def listen():
            stream = Stream(Flaky(), "anonymous", job_id, 0, Threads(threads=1, line=1), Drain())
            return "".join([text async for text in stream.events()])

        assert [number for _, number, _ in events(asyncio.run(listen()))] == ["1", "2", "2-end"]
