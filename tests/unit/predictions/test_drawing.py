"""What drawn predictions promise: entries come back from JSON, circles where they are known, every format drawn."""

import io
import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from saccade.models.prediction import Box, Classification, Detection, Point, Task
from saccade.predictions.answer import Answer
from saccade.predictions.drawing import draw, entries_of, marks_of, scene_of
from saccade.predictions.render import answer_to_json
from saccade.vision.draw import annotate, annotate_labels
from saccade.vision.drawn import DrawnFormat
from saccade.vision.marks import Circle, Mark

BOX = Box(10.5, 20.25, 50.5, 60.25)
SVG = "{http://www.w3.org/2000/svg}"


def boxed(label="cat", score=0.9, box=BOX):
    return Detection.of_box(label=label, score=score, class_id=0, box=box)


def round_one(label="coin", radius_px=17.5):
    return Detection(label, 0.8, 0, BOX, Point(30.0, 41.0), radius_px)


def grey(height_px=90, width_px=120):
    return np.full((height_px, width_px, 3), 128, np.uint8)


def told(entries, task=Task.OBJECT_DETECTION):
    return answer_to_json(Answer("m@1", task, "0" * 64, 120, 90, tuple(entries), "onnxruntime:cpu:fp32"))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [boxed(), round_one()],
        [Classification("tabby", 0.7, 281), Classification("tiger", 0.2, 282)],
        [boxed("\ud800\u202e<b>", 0.0)],
    ],
)
def test_entries_come_back_from_json(entries):
    """From the text that is stored and from what a client parsed: the same entries."""
    prediction = told(entries)

    assert tuple(entries) == entries_of(prediction)
    assert tuple(entries) == entries_of(json.dumps(prediction))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"predictions": 3}',
        '{"predictions": [{}]}',
        '{"predictions": [{"label": "a", "score": "high", "class_id": 0}]}',
        '{"predictions": [{"label": "a", "score": NaN, "class_id": 0}]}',
        '{"predictions": [{"label": "a", "score": 1, "box": [1, 2, 3, 4]}]}',
        json.dumps(told([round_one()])).replace("17.5", "Infinity"),
        json.dumps(told([round_one()])).replace("17.5", "1" + "0" * 400),
        json.dumps(told([round_one()])).replace("17.5", "true"),
    ],
)
def test_entries_are_refused_when_the_json_is_no_prediction(text):
    """One kind of error, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"no prediction|Expecting"):
        entries_of(text)


def test_circles_are_drawn_where_a_model_knows_radii():
    """A radius that is not the box's own tells it; then each thing of that label is round, and no other."""
    marks = marks_of([boxed("cat"), boxed("coin"), round_one("coin")])

    assert [None, Circle(30.5, 40.25, 20.0), Circle(30.0, 41.0, 17.5)] == [mark.circle for mark in marks]
    assert Mark("cat", 0.9, (10.5, 20.25, 50.5, 60.25)) == marks[0]


def test_circles_are_drawn_where_things_are_called_circles():
    """A circle that fills its box exactly is one all the same; without a radius there is none."""
    marks = marks_of([boxed("circle"), Detection("circle", 0.5, 0, BOX, Point(30, 40), 0.0)])

    assert [Circle(30.5, 40.25, 20.0), None] == [mark.circle for mark in marks]


@pytest.mark.parametrize("drawn", [DrawnFormat.PNG, DrawnFormat.JPEG, DrawnFormat.WEBP])
def test_draw_writes_the_annotated_picture(drawn):
    """What is in the file is what ``annotate`` draws, exactly or nearly, and the picture stays as it was."""
    rgb, entries = grey(), [boxed(), round_one()]
    rgb.setflags(write=False)
    seen = np.asarray(Image.open(io.BytesIO(draw(rgb, entries, drawn))).convert("RGB")).astype(int)
    off = np.abs(seen - annotate(rgb, marks_of(entries)))

    assert seen.shape == rgb.shape
    assert off.mean() < (3 if drawn is DrawnFormat.JPEG else 0.001)


def test_draw_writes_a_panel_when_a_classifier_answered():
    """Labels of the whole picture, best first."""
    entries = [Classification("tabby", 0.7, 281), Classification("tiger", 0.2, 282)]
    seen = np.asarray(Image.open(io.BytesIO(draw(grey(200, 300), entries, DrawnFormat.PNG))))

    assert (annotate_labels(grey(200, 300), [("tabby", 0.7), ("tiger", 0.2)]) == seen).all()


def test_draw_leaves_the_picture_alone_when_nothing_was_found():
    """No entries, no change."""
    assert (grey() == np.asarray(Image.open(io.BytesIO(draw(grey(), [], DrawnFormat.PNG))))).all()


@pytest.mark.parametrize(("size", "media_type"), [((1000, 1000), "image/png"), ((1000, 1001), "image/jpeg")])
def test_draw_embeds_large_pictures_as_jpeg_when_svg(size, media_type):
    """Up to a megapixel the picture in an SVG is exact; a larger one would be several times its own size."""
    root = ET.fromstring(draw(grey(*size), [boxed(), round_one()], DrawnFormat.SVG))
    image = root.find(f"{SVG}image")

    assert image.attrib["href"].startswith(f"data:{media_type};base64,")
    assert "1 cat, 1 coin" == root.findtext(f"{SVG}title")
    assert 2 == len(scene_of([boxed(), round_one()], width_px=120, height_px=90).frames)


@pytest.mark.parametrize("drawn", DrawnFormat)
def test_draw_is_the_same_every_time(drawn):
    """Equal pixels and entries give equal bytes, so that a drawing can be kept by what it shows."""
    assert draw(grey(), [boxed(), round_one()], drawn) == draw(grey(), [boxed(), round_one()], drawn)
