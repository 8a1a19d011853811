"""Bulk submission: which files are meant, how they become jobs, and what is safe after a crash."""

import json
import threading

import httpx2
import pytest

from saccade.cli.bulk_plan import Bounds, chunks, names_in, split_words
from saccade.cli.bulk_run import BulkRun, ServerLimits, Wish, limits_of
from saccade.cli.bulk_state import BulkState
from saccade.cli.job_client import JobClient, job_path, open_client
from saccade.errors import JobUnknown, ParameterInvalid, ServerUnreachable

ASKED = {"models": ["a"], "options": {}}


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "note.txt", ".hidden.png", "below/c.webp", ".git/d.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    return tmp_path / "pictures"


class TestPlan:
    """From words to chunks."""

    def test_folder_is_walked_in_one_order(self, folder):
        """Pictures of a folder by name, then those below; nothing hidden."""
        found = [name.removeprefix(f"{folder}/") for name in names_in([folder], [])]

        assert found == ["a.JPG", "b.png", "below/c.webp"]

    def test_list_has_one_name_a_line(self, tmp_path):
        """Paths as they stand there, whatever bytes, and URLs."""
        path = tmp_path / "list"
        path.write_bytes(b"a.png\r\n\nhttps://a.example/b.png\nc\xff.png\n")

        assert list(names_in([], [path])) == ["a.png", "https://a.example/b.png", "c\udcff.png"]

    def test_words_are_models_until_a_path_is_there(self, folder):
        """The first word is a model even if a file has its name."""
        assert split_words(["a", "b", str(folder)], has_lists=False) == (["a", "b"], [folder])
        assert split_words([str(folder / "b.png").rpartition("/")[2], "b"], has_lists=True) == (["b.png", "b"], [])

    @pytest.mark.parametrize("words", [["a"], ["a", "b"], ["a", "gone/b.png"]])
    def test_missing_path_is_told(self, words):
        """Before anything is sent."""
        with pytest.raises(ParameterInvalid):
            split_words(words, has_lists=False)

    def test_word_that_is_no_path_is_told(self):
        """Who mistyped a folder reads that it was taken for a model."""
        with pytest.raises(ParameterInvalid, match="taken for a model, here pictuers"):
            split_words(["a", "pictuers"], has_lists=False)

    def test_list_that_is_not_there_is_told(self, tmp_path):
        """An error of the command, not of ours."""
        with pytest.raises(ParameterInvalid, match="gone cannot be read: No such file"):
            list(names_in([], [tmp_path / "gone"]))

    def test_chunks_keep_their_bounds_and_their_kind(self, folder):
        """By number, by bytes, and files apart from URLs; the huge one is alone."""
        files = [str(folder / name) for name in ("a.JPG", "b.png", "below/c.webp")]
        urls = ["http://a", "http://b"]

        assert list(chunks(files, Bounds(2, 1000))) == [files[:2], files[2:]]
        assert list(chunks(files, Bounds(9, 20))) == [files[:2], files[2:]]
        assert list(chunks(files, Bounds(9, 1))) == [[name] for name in files]
        assert list(chunks([*urls, *files, urls[0]], Bounds(9, 1000))) == [urls, files, urls[:1]]


class TestState:
    """The file beside the results."""

    def test_what_was_written_but_not_noted_is_cut_off(self, tmp_path):
        """A crash between the two leaves no line twice."""
        output = tmp_path / "r.jsonl"
        state = BulkState(output, ASKED)
        first, second = state.plan(["a", "b"]), state.plan(["c"])
        state.finish(first, ["1", "2"], failed=1)
        state.close()
        with output.open("a") as lines:
            lines.write('{"half a li')

        again = BulkState(output, ASKED)

        assert output.read_text() == "1\n2\n"
        assert (again.done, again.failed, list(again.open_chunks())) == (2, 1, [second])
        assert [again.knows(name) for name in "abcd"] == [True, True, True, False]
        again.finish(second, ["3"], failed=0)
        again.close()
        assert output.read_text() == "1\n2\n3\n"

    def test_picture_belongs_to_one_chunk(self, tmp_path):
        """Named twice, it is sent once."""
        state = BulkState(tmp_path / "r.jsonl", ASKED)

        assert state.plan(["a", "a", "b"]).names == ("a", "b")
        assert state.plan(["b", "c"]).names == ("c",)
        assert state.plan(["a", "c"]) is None
        state.close()

    def test_what_is_asked_may_change_until_there_is_a_result(self, tmp_path):
        """A wrong option that the server refused costs no name of a file."""
        BulkState(tmp_path / "r.jsonl", {**ASKED, "options": {"priority": "urgent"}}).close()

        state = BulkState(tmp_path / "r.jsonl", ASKED)
        state.finish(state.plan(["a"]), ["1"], failed=0)
        state.close()

        with pytest.raises(ParameterInvalid, match="other models"):
            BulkState(tmp_path / "r.jsonl", {"models": ["b"]})

    def test_place_that_cannot_be_written_is_told(self, tmp_path):
        """A folder, and a path through a file."""
        (tmp_path / "file").write_text("x")
        with pytest.raises(ParameterInvalid, match="is a folder"):
            BulkState(tmp_path, ASKED)
        with pytest.raises(ParameterInvalid, match="cannot be written"):
            BulkState(tmp_path / "file" / "r.jsonl", ASKED)

    def test_state_of_something_else_is_refused(self, tmp_path):
        """Other models, a file that is there already, results that were cut, and a second process."""
        output = tmp_path / "r.jsonl"
        state = BulkState(output, ASKED)
        with pytest.raises(ParameterInvalid, match="in use"):
            BulkState(output, ASKED)
        state.finish(state.plan(["a"]), ["1"], failed=0)
        state.close()
        with pytest.raises(ParameterInvalid, match="other models"):
            BulkState(output, {"models": ["b"]})
        output.write_text("")
        with pytest.raises(ParameterInvalid, match="shorter"):
            BulkState(output, ASKED)
        (tmp_path / "other.jsonl").write_text("precious")
        with pytest.raises(ParameterInvalid, match="nothing beside it"):
            BulkState(tmp_path / "other.jsonl", ASKED)
        (tmp_path / "third.jsonl.state").write_bytes(b"no database, but a text that somebody keeps here" * 9)
        with pytest.raises(ParameterInvalid, match="no state of ours"):
            BulkState(tmp_path / "third.jsonl", ASKED)


class FakeServer:
    """Takes jobs in and has them done at once; refuses as often as it is told to."""

    def __init__(self, *, refusals=(), forget=0):
        self.refusals = list(refusals)
        self.forget = forget
        self.jobs = {}
        self.keys = []

    def client(self, *, patience_s=5.0):
        http = httpx2.Client(transport=httpx2.MockTransport(self.answer), base_url="http://server")
        return JobClient(http, patience_s)

    def answer(self, request):
        if request.url.path == "/config":
            shown = {"SACCADE_JOBS_MAX_IMAGES": {"value": 3}, "SACCADE_IMAGE_MAX_BYTES": {"value": 10}}
            return httpx2.Response(200, json={"settings": shown})
        if self.refusals:
            return self.refusals.pop(0)
        if request.method == "POST":
            key = request.headers["idempotency-key"]
            self.keys.append(key)
            if key not in self.jobs:
                body = request.content
                self.jobs[key] = body.count(b'filename="') or body.count(b'"url"')
            return httpx2.Response(202, json={"id": key})
        _, _, _, key, *rest = request.url.path.split("/")
        if self.forget:
            self.forget -= 1
            return httpx2.Response(404, json={"code": "job_unknown", "detail": "There is no such job."})
        if not rest:
            return httpx2.Response(200, json={"state": "succeeded"})
        lines = [json.dumps({"image": {"index": i}, "model": "a@1", "prediction": {}}) for i in range(self.jobs[key])]
        return httpx2.Response(200, text="\n".join(lines))


def bulk(server, output, names, **options):
    state = BulkState(output, ASKED)
    client = server.client()
    try:
        limits = limits_of(client, images=200)
        BulkRun(client, Wish(("a",), {"top_k": "3"}), limits, state, **options).run(names)
        return state.done, state.failed
    finally:
        state.close()


class TestRun:
    """Jobs at a server that behaves in many ways."""

    def test_every_picture_becomes_a_line(self, folder, tmp_path):
        """Chunks as large as the server takes; what it would refuse is told without it."""
        (folder / "large.png").write_bytes(b"x" * 11)
        names = [*names_in([folder], []), str(folder / "gone.png"), "http://a/b.png"]

        assert bulk(FakeServer(), tmp_path / "r.jsonl", names) == (6, 2)
        lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
        codes = {line["file"].rpartition("/")[2]: line.get("problem", {}).get("code") for line in lines}
        assert codes == {
            "a.JPG": None,
            "b.png": None,
            "c.webp": None,
            "large.png": "image_too_large",
            "gone.png": "file_unreadable",
        }

    def test_key_is_made_of_what_is_asked(self, folder, tmp_path):
        """The same pictures have the same key; another byte has another."""
        server, names = FakeServer(), list(names_in([folder], []))
        for place in ("1", "2"):
            bulk(server, tmp_path / place / "r.jsonl", names)
        (folder / "b.png").write_bytes(b"y" * 10)
        bulk(server, tmp_path / "3" / "r.jsonl", names)

        assert server.keys[0] == server.keys[1] != server.keys[2]

    def test_refusals_that_pass_are_waited_for(self, folder, tmp_path):
        """429, 503 and a key that is still in flight; then it is one job."""
        again = {"retry-after": "0"}
        refusals = [
            httpx2.Response(429, json={"code": "items_quota_reached", "detail": "Full."}, headers=again),
            httpx2.Response(503, json={"code": "jobs_full", "detail": "Full."}, headers=again),
            httpx2.Response(409, json={"code": "idempotency_in_flight", "detail": "Wait."}, headers=again),
        ]
        server = FakeServer(refusals=refusals)

        assert bulk(server, tmp_path / "r.jsonl", names_in([folder], [])) == (3, 0)
        assert len(server.keys) == 1

    def test_job_that_was_erased_is_sent_again(self, folder, tmp_path):
        """Whoever comes back late finds no results, and asks once more."""
        server = FakeServer(forget=1)

        assert bulk(server, tmp_path / "r.jsonl", names_in([folder], [])) == (3, 0)
        assert len(server.keys) == 2

    def test_refusal_for_good_ends_it(self, folder, tmp_path):
        """With the server's own code, and nothing written."""
        server = FakeServer(
            refusals=[httpx2.Response(422, json={"code": "parameter_invalid", "detail": "refused for good"})]
        )

        with pytest.raises(ParameterInvalid, match="refused for good"):
            bulk(server, tmp_path / "r.jsonl", names_in([folder], []))
        assert (tmp_path / "r.jsonl").read_text() == ""


class TestClient:
    """Requests and their failures."""

    def test_server_that_stays_away_is_given_up(self):
        """After its patience; whoever stops waiting is not held."""

        def refuse(_):
            raise httpx2.ConnectError("refused")

        client = JobClient(httpx2.Client(transport=httpx2.MockTransport(refuse), base_url="http://server"), 60.0)
        threading.Timer(0.2, client.stopping.set).start()

        with pytest.raises(ServerUnreachable, match="refused"):
            client.ask("GET", "/v1/jobs")

    def test_answer_that_is_not_ours_is_told(self):
        """Another program listens there."""
        http = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, text="<html>")))
        client = JobClient(http)

        with pytest.raises(ServerUnreachable, match="not JSON"):
            client.ask("GET", "http://server/v1/jobs")

    def test_list_is_read_page_by_page(self):
        """Until its end, or as many as are wanted."""

        def answer(request):
            first = int(request.url.params.get("cursor", 0))
            jobs = [{"id": str(first + offset)} for offset in range(2)]
            return httpx2.Response(
                200, json={"jobs": jobs, "next": f"/v1/jobs?cursor={first + 2}" if first < 4 else None}
            )

        client = JobClient(httpx2.Client(transport=httpx2.MockTransport(answer), base_url="http://server"))

        assert [job["id"] for job in client.jobs()] == ["0", "1", "2", "3", "4", "5"]
        assert [job["id"] for job in client.jobs(limit=3)] == ["0", "1", "2"]

    @pytest.mark.parametrize(
        "address", ["127.0.0.1:8000", "localhost:8000", "ftp://server", "http://", "", "http://[::1"]
    )
    def test_address_that_is_none_is_told(self, address):
        """The command is wrong; nobody needs to wait for a server."""
        with pytest.raises(ParameterInvalid, match="no address"):
            open_client(address)

    def test_id_stays_one_segment_of_the_path(self):
        """Whatever is typed."""
        assert job_path("../users") == "/v1/jobs/..%2Fusers"
        for name in ("", ".", ".."):
            with pytest.raises(JobUnknown):
                job_path(name)


def test_job_fits_into_the_line_of_the_server():
    """One that is larger than the line would be refused for ever."""
    settings = {"SACCADE_JOBS_QUEUE_ITEMS_EACH": {"value": 40}, "SACCADE_JOBS_MAX_IMAGES": {"value": 1000}}
    http = httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={"settings": settings})), base_url="http://s"
    )

    assert limits_of(JobClient(http), images=200, models=3).bounds.images == 13
    assert limits_of(JobClient(http), images=200, models=50).bounds.images == 1


def test_server_that_says_nothing_of_its_limits_gets_ours():
    """An older server's settings have other names."""
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={})), base_url="http://s")

    assert limits_of(JobClient(http), images=200) == ServerLimits(52_428_800, Bounds(200, 32 << 20))
