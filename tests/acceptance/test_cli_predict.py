"""``saccade predict``: here and at a server, for people and for programs."""

import json
import socket
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx2
import pytest
from PIL import Image, ImageOps

MOMENTARY = {"timing_ms", "cached"}
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def pictures(tmp_path):
    """Make a folder of grey pictures, darkest first by name, with a text that is no picture."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for index in range(12):
        place = folder / "deep" if index % 2 else folder
        Image.new("L", (8 + index, 6), index * 20).save(place / f"{index:02d}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def lines(ended):
    """Return the JSON objects that a command wrote."""
    return [json.loads(line) for line in ended.stdout.splitlines()]


def lasting(prediction):
    """Return a prediction without what differs from one run to the next."""
    return {name: value for name, value in prediction.items() if name not in MOMENTARY}


def test_folder_gives_one_line_per_picture_in_order(saccade, pictures):
    """Every picture below the folder is answered once, in the order of names, though several are asked at a time."""
    ended = saccade("predict", "dummy", "pictures", "--json", "--top-k", "2")

    told = lines(ended)
    bright = {
        line["file"]: next(entry["score"] for entry in line["prediction"]["predictions"] if entry["label"] == "bright")
        for line in told
    }
    expected = sorted(path for path in pictures.rglob("*.png"))
    assert ended.returncode == 0
    assert [line["file"] for line in told] == [str(path.relative_to(pictures.parent)) for path in expected]
    assert [bright[str(path.relative_to(pictures.parent))] for path in expected] == pytest.approx(
        [int(path.stem) * 20 / 255 for path in expected]
    )


def test_line_holds_what_the_server_answers(saccade, pictures, server):
    """Here, at a server and over bare HTTP the prediction is the same, field for field."""
    here = lines(saccade("predict", "dummy", "pictures/02.png", "--json"))[0]["prediction"]
    there = lines(saccade("predict", "dummy", "pictures/02.png", "--json", "--base-url", server))[0]["prediction"]
    bare = httpx2.post(f"{server}/v1/models/dummy/predict", content=(pictures / "02.png").read_bytes()).json()

    assert list(here) == list(bare)
    assert list(here["timing_ms"]) == list(bare["timing_ms"])
    assert lasting(here) == lasting(bare)
    assert lasting(there) == lasting(bare)


@pytest.mark.parametrize("at", ["here", "there"])
def test_file_that_is_no_picture_fails_alone(saccade, pictures, server, at):
    """The others are answered, the line says what is wrong, and the exit code is 1."""
    base = ["--base-url", server] if at == "there" else []

    ended = saccade("predict", "dummy", "pictures/notes.txt", "pictures/00.png", "--json", *base)

    told = lines(ended)
    assert ended.returncode == 1
    assert told[0]["problem"]["code"] == "image_format_unsupported"
    assert set(told[0]) == {"file", "problem"}
    assert told[1]["prediction"]["model"] == "dummy@1"


def test_table_shows_findings_and_a_closing_line(saccade, pictures):
    """People get the best label, its score, and how many were answered."""
    ended = saccade("predict", "dummy", "pictures/00.png", "pictures/notes.txt")

    assert ended.returncode == 1
    assert "pictures/00.png" in ended.stdout
    assert "dark" in ended.stdout
    assert "1.000" in ended.stdout
    assert "The bytes are no picture" in ended.stdout
    assert ended.stdout.rstrip().endswith("1 of 2 pictures answered by dummy.")
    assert ended.stderr == ""


def test_threshold_and_top_k_reach_the_model(saccade, pictures):
    """Options of the command are options of the request."""
    one = lines(saccade("predict", "dummy", "pictures/02.png", "--json", "--top-k", "1"))[0]["prediction"]
    high = lines(saccade("predict", "dummy", "pictures/02.png", "--json", "--threshold", "0.5"))[0]["prediction"]

    assert [entry["label"] for entry in one["predictions"]] == ["dark"]
    assert [entry["label"] for entry in high["predictions"]] == ["dark"]


def test_unknown_model_is_told_before_any_picture(saccade, pictures):
    """One line, and the hint names the command that lists the models."""
    ended = saccade("predict", "dumy", "pictures")

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "saccade models list shows the models. [model_unknown]" in ended.stderr


def test_unknown_model_of_a_server_is_a_problem_of_each_picture(saccade, pictures, server):
    """The server's own problem is passed on."""
    ended = saccade("predict", "dumy", "pictures/00.png", "--json", "--base-url", server)

    assert ended.returncode == 1
    assert lines(ended)[0]["problem"]["code"] == "model_unknown"


def test_server_that_is_not_there_ends_with_75(saccade, pictures):
    """Trying again later may help, and the exit code says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    ended = saccade("predict", "dummy", "pictures", "--base-url", f"http://127.0.0.1:{port}")

    assert ended.returncode == 75
    assert "[server_unreachable]" in ended.stderr


def test_path_that_is_not_there_is_a_wrong_command_line(saccade):
    """A missing file is told before anything is loaded."""
    ended = saccade("predict", "dummy", "nowhere.png")

    assert ended.returncode == 2
    assert "nowhere.png" in ended.stderr


@pytest.fixture
def turned(tmp_path):
    """Make two pictures of one name in two folders; one of them lies on its side, and its camera said so."""
    folder = tmp_path / "coins"
    (folder / "one").mkdir(parents=True)
    (folder / "two").mkdir()
    with Image.open(SAMPLES / "circles" / "coins.jpg") as picture:
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(folder / "one" / "coins.jpg", exif=exif)
    (folder / "two" / "coins.jpg").write_bytes((SAMPLES / "circles" / "wells.jpg").read_bytes())
    return folder


@pytest.mark.parametrize("at", ["here", "there"])
def test_annotate_writes_a_drawing_of_each_picture(saccade, turned, server, tmp_path, at):
    """Upright, under names of their own, where the lines say; the originals stay as they were."""
    before = {path: path.read_bytes() for path in turned.rglob("*.jpg")}
    base = ["--base-url", server] if at == "there" else []

    ended = saccade("predict", "circles", "coins", "--annotate", "drawn", "--json", *base)

    told = lines(ended)
    assert ended.returncode == 0, ended.stderr
    assert [line["drawing"] for line in told] == ["drawn/coins-annotated.png", "drawn/coins-annotated-2.png"]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "coins-annotated-2.png",
        "coins-annotated.png",
    ]
    assert before == {path: path.read_bytes() for path in turned.rglob("*.jpg")}
    for line in told:
        with Image.open(tmp_path / line["file"]) as plain, Image.open(tmp_path / line["drawing"]) as drawn:
            image = line["prediction"]["image"]
            assert drawn.size == (image["width_px"], image["height_px"]) == ImageOps.exif_transpose(plain).size
            first = line["prediction"]["predictions"][0]
            edge = round(first["box"]["xmin"]), round((first["box"]["ymin"] + first["box"]["ymax"]) / 2)
            assert 0 < edge[0] < drawn.width
            near = drawn.convert("RGB").crop((edge[0] - 3, edge[1] - 3, edge[0] + 4, edge[1] + 4))
            assert (0, 114, 178) in near.get_flattened_data()  # the colour of circles


def test_annotate_writes_over_nothing(saccade, turned, tmp_path):
    """The same again is the same drawing; another drawing, or a file that is none, keeps its name."""
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "coins-annotated.svg").write_text("mine")

    def drawn(*words):
        return [line["drawing"] for line in lines(saccade("predict", "circles", *words, "--json"))]

    one = ("coins/one/coins.jpg", "--annotate", "drawn", "--annotate-format", "svg")
    two = ("coins/two/coins.jpg", "--annotate", "drawn", "--annotate-format", "svg")
    assert drawn(*one) == ["drawn/coins-annotated-2.svg"]
    assert drawn(*one) == ["drawn/coins-annotated-2.svg"]
    assert drawn(*two) == ["drawn/coins-annotated-3.svg"]
    assert (tmp_path / "drawn" / "coins-annotated.svg").read_text() == "mine"
    assert ET.parse(tmp_path / "drawn" / "coins-annotated-3.svg").getroot().attrib["aria-label"].endswith(" circle")


def test_annotate_says_where_drawings_are(saccade, pictures):
    """People read the names and the folder; a picture that is none fails alone."""
    ended = saccade("predict", "dummy", "pictures/00.png", "pictures/notes.txt", "--annotate", "drawn")

    assert ended.returncode == 1
    assert "00-annotated.png" in ended.stdout
    assert ended.stdout.rstrip().endswith("1 of 2 pictures answered by dummy. 1 drawn into drawn.")


def test_annotate_into_a_file_is_a_wrong_command_line(saccade, pictures):
    """It is told before anything is asked."""
    ended = saccade("predict", "dummy", "pictures/00.png", "--annotate", "pictures/notes.txt")

    assert ended.returncode == 2
    assert "pictures/notes.txt cannot be a folder of drawings" in ended.stderr


def test_drawing_that_cannot_be_written_is_a_problem_of_its_picture(saccade, tmp_path):
    """WebP ends at 16,383 px a side: the answer is there, what is missing is told, and the exit code is 1."""
    Image.new("L", (16_384, 2)).save(tmp_path / "wide.png")

    ended = saccade("predict", "dummy", "wide.png", "--annotate", "drawn", "--annotate-format", "webp", "--json")

    told = lines(ended)[0]
    assert ended.returncode == 1
    assert told["prediction"]["model"] == "dummy@1"
    assert told["drawing_problem"]["code"] == "parameter_invalid"
    assert list((tmp_path / "drawn").iterdir()) == []
