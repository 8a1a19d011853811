"""``saccade images`` against a real server: remembered, found, drawn, fetched and erased from a terminal."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from working.slow import slow_plug_in

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def base(tmp_path_factory, run_server):
    """Yield the address of a server that also has a model which takes its time."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "slow.py").write_text(slow_plug_in(0.3))
    with run_server(tmp_path_factory.mktemp("server"), "--models", str(folder)) as started:
        yield started.url


@pytest.fixture
def images(saccade, base):
    """Return a function that runs ``saccade images`` at the server."""
    return lambda *words, at=base: saccade("images", *words, "--base-url", at)


def png(shade):
    stream = io.BytesIO()
    Image.new("RGB", (32, 24), shade).save(stream, "PNG")
    return stream.getvalue()


def id_of(data):
    return hashlib.sha256(data).hexdigest()


def lines(ended):
    return [json.loads(line) for line in ended.stdout.splitlines()]


def number(images, *words):
    """Return how many images are found."""
    return int(images("list", "--count", *words).stdout.replace(",", ""))


@pytest.fixture
def folder(tmp_path):
    """Make a folder of two pictures and a text that claims to be one; all names are this test's own."""
    place = tmp_path / "mine"
    (place / "below").mkdir(parents=True)
    (place / "coins.jpg").write_bytes((SAMPLES / "circles" / "coins.jpg").read_bytes())
    (place / "below" / "plain.png").write_bytes(png((1, 2, 3)))
    (place / "note.png").write_text("no picture")
    return place


def test_added_pictures_are_remembered_and_a_bad_one_keeps_none_from_it(images, folder):
    """Each file has its line in order; the second time all are known; the text is told and ends with 1."""
    first = images("add", "mine", "--models", "dummy", "--json")
    again = images("add", "mine", "--models", "dummy", "--json")

    told = lines(first)
    files = ["mine/below/plain.png", "mine/coins.jpg", "mine/note.png"]
    assert (first.returncode, again.returncode) == (1, 1)
    assert [line["file"] for line in told] == files
    assert [line["image"]["id"] for line in told[:2]] == [
        id_of(Path(folder.parent, file).read_bytes()) for file in files[:2]
    ]
    assert [result["model"] for line in told[:2] for result in line["image"]["results"]] == ["dummy", "dummy"]
    assert told[2]["problem"]["code"] == "image_format_unsupported"
    assert [line.get("new") for line in lines(again)] == [False, False, None]


def test_people_read_what_became_of_each_picture(images, folder):
    """State, id, name and what is seen, and how many of each in the end."""
    images("add", "mine/coins.jpg")

    ended = images("add", "mine/coins.jpg", "mine/note.png", "--models", "circles,dummy")

    known, failed, summary = ended.stdout.splitlines()
    assert known.split()[:5] == ["known", id_of((folder / "coins.jpg").read_bytes()), "mine/coins.jpg", "15", "circle"]
    assert failed == "failed mine/note.png  The bytes are no picture in a format that is decoded."
    assert summary == "2 of 2 pictures: 1 known, 1 failed."


def test_unknown_model_is_told_before_anything_is_sent(images, tmp_path):
    """Nothing is remembered for a name that was mistyped."""
    (tmp_path / "unsent.png").write_bytes(png((9, 9, 9)))

    ended = images("add", "unsent.png", "--models", "dumy")

    assert ended.returncode == 2
    assert "[model_unknown]" in ended.stderr
    assert number(images, "--text", "unsent") == 0


def test_list_finds_by_all_that_can_be_asked(images, tmp_path):
    """By label, model, score, words, likeness and time; the count is of the same images."""
    coins, wells = (SAMPLES / "circles" / f"{name}.jpg" for name in ("coins", "wells"))
    for name, source in (("listed coins.jpg", coins), ("listed wells.jpg", wells)):
        (tmp_path / name).write_bytes(source.read_bytes())
    with Image.open(coins) as picture:
        picture.resize((320, 240)).save(tmp_path / "listed small.png")
    assert (
        images("add", "listed coins.jpg", "listed wells.jpg", "listed small.png", "--models", "circles").returncode == 0
    )

    def found(*words):
        ended = images("list", "--json", "--text", "listed", *words)
        assert ended.returncode == 0, ended.stderr
        return [name for image in json.loads(ended.stdout) for name in image["file_names"] if "listed" in name]

    every = ["listed small.png", "listed wells.jpg", "listed coins.jpg"]
    assert sorted(every) == sorted(found())
    assert sorted(every) == sorted(found("--label", "circle", "--model", "circles", "--min-score", "0.5"))
    assert found("--label", "circle", "--max-score", "0.1") == []
    assert found("--label", "circle", "--label", "square") == []
    assert len(found("--limit", "2")) == 2
    assert sorted(found("--similar-to", str(coins))) == sorted(found("--similar-to", id_of(coins.read_bytes())))
    assert sorted(found("--similar-to", str(coins))) == ["listed coins.jpg", "listed small.png"]
    assert found("--until", "1h") == []
    assert sorted(every) == sorted(found("--since", "1h"))
    assert number(images, "--text", "listed") == 3
    table = images("list", "--text", "listed wells").stdout
    assert id_of(wells.read_bytes()) in table
    assert "circles@1: 88 circle" in table
    assert "No image fulfils" in images("list", "--text", "zebra").stdout


def test_distance_without_likeness_is_a_wrong_command_line(images):
    """An option that would do nothing is refused."""
    ended = images("list", "--max-distance", "3")

    assert ended.returncode == 2
    assert "--similar-to" in ended.stderr


def test_image_is_shown_fetched_and_drawn(images, saccade, folder, tmp_path):
    """What comes back is what was sent, and the drawing is the one that ``predict --annotate`` makes of it."""
    coins = (folder / "coins.jpg").read_bytes()
    images("add", "mine/coins.jpg", "--models", "circles")
    saccade("predict", "circles", "mine/coins.jpg", "--annotate", "drawn")

    shown = images("show", id_of(coins))
    objects = json.loads(images("objects", id_of(coins), "--model", "circles", "--json").stdout)
    table = images("objects", id_of(coins), "--model", "circles").stdout
    fetched = images("download", id_of(coins))
    drawn = images("annotate", id_of(coins), "--model", "circles", "-o", "coins.png")
    vector = images("annotate", id_of(coins), "--model", "circles", "-o", "drawn/coins.svg")

    assert id_of(coins) in shown.stdout
    assert "15 circle" in shown.stdout
    assert (objects["count"], table.count("circles@1")) == (15, 15)
    assert fetched.stdout == f"{id_of(coins)[:16]}.jpg, {len(coins):,} bytes\n"
    assert coins == (tmp_path / f"{id_of(coins)[:16]}.jpg").read_bytes()
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "coins.png").read_bytes() == (tmp_path / "drawn" / "coins-annotated.png").read_bytes()
    assert vector.returncode == 0, vector.stderr
    assert ET.parse(tmp_path / "drawn" / "coins.svg").getroot().attrib["aria-label"] == "15 circle"


def test_drawing_of_one_of_several_models_must_be_named(images, folder):
    """The line names them."""
    images("add", "mine/coins.jpg", "--models", "circles,dummy")

    ended = images("annotate", id_of((folder / "coins.jpg").read_bytes()))

    assert ended.returncode == 2
    assert "circles, dummy" in ended.stderr


def test_erased_images_are_gone_and_unknown_ones_are_told(images, folder):
    """What is there is erased although what is not ends with 1; without a yes nothing is."""
    plain = id_of((folder / "below" / "plain.png").read_bytes())
    images("add", "mine/below")

    refused = images("delete", plain)
    kept = images("show", plain)
    ended = images("delete", "0" * 64, plain, plain, "..", "--yes")

    assert refused.returncode == 1
    assert kept.returncode == 0
    assert ended.returncode == 1
    assert ended.stdout == "1 image erased\n"
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == ["0" * 64, ".."]
    gone = images("show", plain)
    assert gone.returncode == 2
    assert "[image_unknown]" in gone.stderr


def test_interrupted_adding_says_how_far_it_came_and_goes_on(images, base, tmp_path):
    """Ctrl-C ends with 130 and a count; the same command adds the others, and sends none for nothing."""
    (tmp_path / "many").mkdir()
    for shade in range(40):
        (tmp_path / "many" / f"stopped{shade:02d}.png").write_bytes(png((shade, 200, 100)))
    command = [sys.executable, "-m", "saccade.cli.main", "images", "add", "many", "--models", "slow", "--json"]
    environment = {**os.environ, "HOME": str(tmp_path)}  # noqa: TID251 - a user's shell has an environment
    with subprocess.Popen(
        [*command, "--base-url", base],
        env=environment,
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # Not by communicate: it would pass over what came with the first line.
        said, errors = process.stdout.read(), process.stderr.read()
        process.wait(60)
    done = [json.loads(line) for line in [first, *said.splitlines()]]

    assert process.returncode == 130
    told = re.search(r"(\d+) of 40 pictures: (\d+) new\. The same command adds the others\.", errors)
    assert told is not None, errors
    assert told[1] == told[2]
    assert int(told[1]) - len(done) in {0, 1}  # the signal may come between the count and its line
    assert "Traceback" not in errors
    assert 1 <= len(done) < 40
    again = lines(images("add", "many", "--models", "slow", "--json"))
    assert len(again) == 40
    assert [line["new"] for line in again[: len(done)]] == [False] * len(done)
    assert number(images, "--text", "stopped*") == 40


def test_server_that_is_not_there_ends_with_75(images, folder):
    """Trying again later may help."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    ended = images("add", "mine", at=f"http://127.0.0.1:{port}")

    assert ended.returncode == 75
    assert "[server_unreachable]" in ended.stderr


def test_submitted_pictures_are_remembered_when_they_are_to_be_kept(images, saccade, base, tmp_path):
    """``jobs submit --keep`` leaves images with what was seen, also when the jobs are erased; without it, none."""
    for name, shade in (("kept submission.png", (7, 7, 200)), ("passing submission.png", (7, 200, 7))):
        (tmp_path / name).write_bytes(png(shade))
    (tmp_path / "list.txt").write_text("kept submission.png\n")

    kept = saccade("jobs", "submit", "dummy", "--list", "list.txt", "--keep", "--erase", "--base-url", base, "-o", "a")
    passing = saccade("jobs", "submit", "dummy", "passing submission.png", "--base-url", base, "-o", "b")

    found = json.loads(images("list", "--text", "submission", "--json").stdout)
    assert (kept.returncode, passing.returncode) == (0, 0), kept.stderr + passing.stderr
    assert [image["file_names"] for image in found] == [["kept submission.png"]]
    assert [said["model"] for said in found[0]["predictions"]] == ["dummy@1"]
