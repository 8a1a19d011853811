"""Images from a terminal: what is asked of a server, how files are written, and what strangers' texts may not do."""

import io
import stat

import httpx2
import pytest
from rich.console import Console

from saccade.cli.bulk_plan import Bounds
from saccade.cli.bulk_run import BulkRun, ServerLimits, Wish
from saccade.cli.bulk_state import BulkState
from saccade.cli.image_add import Added, added_line
from saccade.cli.image_client import found_images, image_path, write_whole
from saccade.cli.image_files import annotate
from saccade.cli.image_tables import images_table, in_words, objects_table
from saccade.cli.job_client import JobClient
from saccade.errors import ImageUnknown, ParameterInvalid

DETECTION = "object-detection"


def client_of(answer):
    return JobClient(httpx2.Client(base_url="http://test", transport=httpx2.MockTransport(answer)))


class TestPaths:
    """Where an image is."""

    @pytest.mark.parametrize("image_id", ["", ".", ".."])
    def test_id_that_would_leave_its_place_is_unknown(self, image_id):
        """It is told here, and nothing is asked."""
        with pytest.raises(ImageUnknown):
            image_path(image_id)

    def test_id_and_query_stay_what_they_are(self):
        """Whatever they hold, they are one segment and one value each; what is not given is left out."""
        assert image_path("a/../b?c#d", "/objects", model="x&y=z", owner=None) == (
            "/v1/images/a%2F..%2Fb%3Fc%23d/objects?model=x%26y%3Dz"
        )


class TestSearch:
    """Pages of a search."""

    @pytest.mark.parametrize(("limit", "expected"), [(None, [0, 1, 2, 3]), (3, [0, 1, 2]), (4, [0, 1, 2, 3])])
    def test_search_goes_on_over_empty_pages(self, limit, expected):
        """Only where nothing follows is the end; no more is asked for than is wanted."""
        pages = {"": [0, 1], "a": [], "b": [2, 3]}
        following = {"": "a", "a": "b", "b": None}
        asked = []

        def answer(request):
            cursor = request.url.params.get("cursor", "")
            asked.append(dict(request.url.params))
            after = following[cursor]
            path = None if after is None else f"/v1/images?label=x&cursor={after}"
            return httpx2.Response(200, json={"images": [{"id": n} for n in pages[cursor]], "next": path})

        found = [image["id"] for image in found_images(client_of(answer), [("label", "x")], limit=limit)]

        assert expected == found
        assert asked[0] == {"label": "x", "limit": str(limit or 200)}
        assert len(asked) == 3


class TestFiles:
    """What is written."""

    def test_file_is_replaced_whole(self, tmp_path):
        """Over what is there, under the name given or in the folder given, as readable as other files."""
        (tmp_path / "x").write_text("old")
        (tmp_path / "plain").write_text("")

        assert write_whole(tmp_path / "x", "name.png", b"12345").endswith("x, 5 bytes")
        assert write_whole(tmp_path, "name.png", b"123").endswith("name.png, 3 bytes")
        assert [b"12345", b"123"] == [(tmp_path / name).read_bytes() for name in ("x", "name.png")]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["name.png", "plain", "x"]
        modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "name.png")}
        assert len(modes) == 1

    def test_place_that_cannot_be_written_is_told(self, tmp_path):
        """A folder that is not there."""
        with pytest.raises(ParameterInvalid, match="cannot be written"):
            write_whole(tmp_path / "gone" / "x", "name", b"")

    @pytest.mark.parametrize("name", ["x.gif", "x.PDF", "x.png.txt"])
    def test_ending_of_another_format_is_refused(self, tmp_path, name):
        """Before anything is asked of a server, with the endings that mean one."""
        with pytest.raises(ParameterInvalid) as refused:
            annotate("0" * 64, output=tmp_path / name)

        assert ".jpeg, .jpg, .png, .svg, .webp" in refused.value.hint
        assert not list(tmp_path.iterdir())


class TestTables:
    """What people read."""

    def test_labels_of_strangers_move_no_cursor(self):
        """Control characters and overrides of direction are replaced wherever a text is shown."""
        evil = "\x1b[2Jx\u202ey\n"
        said = {
            "model": "m@1",
            "task": DETECTION,
            "is_newest": True,
            "labels": [{"label": evil, "score": 1, "count": 2}],
        }
        image = {
            "id": "0" * 64,
            "file_names": [evil],
            "width_px": 1,
            "height_px": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "predictions": [said],
        }
        one = {
            "object_id": "o",
            "label": evil,
            "score": 1.0,
            "model": evil,
            "box": {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1},
            "centroid": {"x": 0, "y": 0},
            "radius_px": 1,
        }
        out = io.StringIO()
        console = Console(file=out, width=300)
        console.print(images_table([image]))
        console.print(objects_table([one]))

        assert not set(out.getvalue()) & {"\x1b", "\u202e"}
        assert out.getvalue().count("[2Jx") == 4

    def test_texts_of_strangers_move_no_cursor_where_images_are_added(self, tmp_path):
        """Labels, names of files, and what a server says of a model."""
        evil = "\x1b[2Jx\u202ey\n"
        file = tmp_path / f"{evil}.png"
        box = {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}
        found = {"label": evil, "score": 0.9, "box": box, "centroid": {"x": 0, "y": 0}, "radius_px": 1}
        prediction = {"model": "m@1", "task": DETECTION, "predictions": [found]}
        results = [{"model": "m", "prediction": prediction}, {"model": evil, "problem": {"detail": evil}}]
        shown = added_line(Added(file, image={"id": "0" * 64, "results": results}))
        failed = added_line(Added(file, problem={"detail": evil}))

        assert not set(f"{shown}{failed}") & {"\x1b", "\u202e", "\n"}
        assert shown.plain.count("[2Jx") == 4
        assert failed.plain.count("[2Jx") == 2

    @pytest.mark.parametrize(
        ("task", "labels", "expected"),
        [
            (DETECTION, [], "nothing"),
            (DETECTION, [("cat", 0.9, 1), ("dog", 0.8, 3)], "3 dog, 1 cat"),
            (DETECTION, [(name, 0.5, 1) for name in "abcde"], "1 a, 1 b, 1 c, 2 more labels"),
            ("image-classification", [("cat", 0.98765, 1), ("dog", 0.01, 1)], "cat 0.988"),
        ],
    )
    def test_models_are_summed_up_in_words(self, task, labels, expected):
        """How many of what, or the best label."""
        told = [{"label": label, "score": score, "count": count} for label, score, count in labels]

        assert expected == in_words({"task": task, "labels": told})


class TestKeep:
    """``jobs submit --keep``."""

    @pytest.mark.parametrize(("name", "sent"), [("http://a.example/x.png", b'"keep":true'), ("x.png", b'name="keep"')])
    def test_wish_reaches_the_server(self, tmp_path, monkeypatch, name, sent):
        """As JSON where the server fetches, as a field of the form where files are sent."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "x.png").write_bytes(b"x")
        bodies = []

        def answer(request):
            if request.method == "POST":
                bodies.append(request.read().replace(b": ", b":"))
                return httpx2.Response(202, json={"id": "job_1"})
            if request.url.path.endswith("/results"):
                return httpx2.Response(200, text='{"image": {"index": 0}, "model": "m@1", "prediction": {}}\n')
            return httpx2.Response(200, json={"state": "succeeded"})

        state = BulkState(tmp_path / "r.jsonl", {})
        wish = Wish(("m",), {"keep": "true"})
        BulkRun(client_of(answer), wish, ServerLimits(100, Bounds(10, 1000)), state).run([name])
        state.close()

        assert len(bodies) == 1
        assert sent in bodies[0]
