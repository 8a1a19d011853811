"""The worst pictures: what is drawn into them is what was counted, they are small, none is missing without a word."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from saccade.evaluation.document import ImageRow
from saccade.evaluation.html.worst import failures_panel, worst_panel
from saccade.evaluation.overlay import Kind, Outline, drawn
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset, TruthBox, TruthImage
from saccade.evaluation.worst import WorstPicture, outlines_of, worst_pictures
from saccade.models.prediction import Box, Detection, Task
from unit.evaluation.examples import classifier, detector, empty_detector
from unit.evaluation.reader import Page


def truth(x, label="coin", *, side=10, is_crowd=False):
    """Return an object."""
    return TruthBox(label, Box(x, 0, x + side, side), side * side, is_crowd)


def find(x, score, label="coin", *, side=10):
    """Return what a detector says."""
    return Detection.of_box(label=label, score=score, class_id=0, box=Box(x, 0, x + side, side))


def told(outlines):
    """Return kinds, left edges and words, sorted."""
    return sorted((each.kind.value, each.box.x_min, each.words) for each in outlines)


def test_finds_and_objects_are_told_apart():
    """The best find of an object is right, a second one false; another label is false and leaves its object missed."""
    there = [truth(0), truth(100), truth(200, "button"), truth(300, is_crowd=True, side=40)]
    said = [find(1, 0.6), find(0, 0.5), find(200, 0.9), find(305, 0.8), find(400, 0.7)]

    assert [
        ("false", 0, "false coin 0.50"),
        ("false", 200, "false coin 0.90"),
        ("false", 400, "false coin 0.70"),
        ("found", 0, ""),
        ("missed", 100, "missed coin"),
        ("missed", 200, "missed button"),
        ("right", 1, ""),
    ] == told(outlines_of(there, said))


def test_nothing_said_and_nothing_there():
    """Each object is missed where nothing was said; each find is false where nothing is."""
    assert [("missed", 5, "missed coin")] == told(outlines_of([truth(5)], []))
    assert [("false", 5, "false coin 0.50")] == told(outlines_of([], [find(5, 0.5)]))
    assert [] == told(outlines_of([], []))


def pixels_of(encoded):
    """Return the picture that a file holds, as (H, W, 3)."""
    with Image.open(io.BytesIO(encoded.data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def is_red(pixels):
    """Return which pixels are the colour of finds."""
    return (pixels[..., 0] > 150) & (pixels[..., 1] < 110) & (pixels[..., 2] < 110)


def is_green(pixels):
    """Return which pixels are the colour of truth."""
    return (pixels[..., 1] > 130) & (pixels[..., 0] < 110) & (pixels[..., 2] < 150)


@pytest.mark.parametrize("ground", [0, 255, 128], ids=["black", "white", "grey"])
def test_finds_are_solid_and_red_and_truth_is_dashed_and_green(ground):
    """Along its edge a find is red all over, a truth green here and there; on any ground; a mistake is thicker."""
    picture = np.full((480, 640, 3), ground, np.uint8)

    def edge(kind):
        drawn_ = pixels_of(drawn(picture, [Outline(kind, Box(100, 100, 400, 300))]))
        color = is_green if kind.is_truth else is_red
        return color(drawn_[100, 105:395]).mean(), color(drawn_[90:112, 104]).sum()

    seen = {kind: edge(kind) for kind in Kind}
    assert (seen[Kind.RIGHT][0], seen[Kind.FALSE][0]) == (1.0, 1.0)
    assert 0.35 < seen[Kind.FOUND][0] < 0.8
    assert 0.35 < seen[Kind.MISSED][0] < 0.8
    assert seen[Kind.FALSE][1] > seen[Kind.RIGHT][1] >= 2
    assert seen[Kind.MISSED][1] > seen[Kind.FOUND][1] >= 2


def test_mistakes_have_their_names():
    """A false find has words on red above it, a missed object on green; what is right has none."""
    picture = np.full((480, 640, 3), 90, np.uint8)
    box = Box(100, 100, 300, 300)

    def above(kind, words):
        return pixels_of(drawn(picture, [Outline(kind, box, words)]))[76:94, 104:180]

    assert is_red(above(Kind.FALSE, "false coin 0.90")).mean() > 0.5
    assert is_green(above(Kind.MISSED, "missed coin")).mean() > 0.5
    assert np.ptp(above(Kind.RIGHT, "never")) < 12


def test_words_stay_inside_and_never_cover_each_other_or_the_picture():
    """A hundred mistakes leave the picture to be seen: lines without words; boxes beyond the edge are drawn at it."""
    picture = np.full((480, 640, 3), 90, np.uint8)
    many = [
        Outline(Kind.FALSE, Box(x * 60, y * 45, x * 60 + 30, y * 45 + 30), "false " + "long" * 99)
        for x in range(10)
        for y in range(10)
    ]
    beyond = pixels_of(drawn(picture, [Outline(Kind.FALSE, Box(-50, -50, 700, 500), "false " + "long" * 99)]))

    assert (abs(pixels_of(drawn(picture, many)) - 90).max(axis=2) < 30).mean() > 0.5
    assert is_red(beyond[:, 0:4]).any(axis=1).mean() > 0.95
    assert is_red(beyond[-4:]).any(axis=0).mean() > 0.95


@pytest.mark.parametrize(
    ("size", "has_boxes", "expected"),
    [
        ((4000, 3000), True, (640, 480)),
        ((300, 600), True, (240, 480)),
        ((64, 32), True, (640, 320)),
        ((64, 32), False, (64, 32)),
        ((5000, 2), False, (640, 1)),
    ],
)
def test_pictures_are_small_and_small_ones_are_enlarged_for_their_words(size, has_boxes, expected):
    """A picture fits 640 by 480 px, and fills it if there are boxes, which stand where they stood."""
    width, height = size
    box = Box(width / 4, height / 4, width / 2, height / 2)
    file = drawn(np.zeros((height, width, 3), np.uint8), [Outline(Kind.RIGHT, box)] if has_boxes else [])

    assert expected == (file.width_px, file.height_px) == pixels_of(file).shape[1::-1]
    if has_boxes:
        rows, columns = np.nonzero(is_red(pixels_of(file)))
        assert (columns.min(), columns.max()) == pytest.approx((expected[0] / 4, expected[0] / 2), abs=3)
        assert (rows.min(), rows.max()) == pytest.approx((expected[1] / 4, expected[1] / 2), abs=3)


def test_a_photograph_costs_little():
    """A noisy picture of twelve megapixels with boxes stays below 400 KB, so that three dozen make a few MB."""
    noise = np.random.default_rng(1).integers(0, 255, (3000, 4000, 3), np.uint8)
    soft = np.asarray(Image.fromarray(noise).resize((400, 300)).resize((4000, 3000)))

    assert len(drawn(soft, [Outline(Kind.FALSE, Box(9, 9, 999, 999), "false coin 0.90")]).data) < 400_000


def dataset(folder, count, task=Task.OBJECT_DETECTION):
    """Return a dataset of small pictures, of which the last one is damaged."""
    images = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.new("RGB", (60, 40), (number * 20, 90, 90)).save(path)
        label = None if task is Task.OBJECT_DETECTION else "coin"
        images.append(TruthImage(f"{number}.png", path, (truth(0), truth(30)) if label is None else (), label))
    path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return Dataset("test", "00", task, ("coin",), tuple(images))


def model_of(rows):
    """Return an evaluation that has these rows."""
    model = empty_detector()
    return type(model)(*(getattr(model, name) if name != "rows" else tuple(rows) for name in model.__slots__))


def test_the_worst_come_first_and_the_right_not_at_all(tmp_path):
    """Ordered by badness, then by mistakes; a picture without one is never shown, a damaged one without its file."""
    rows = [
        ImageRow("0.png", 60, 40, 2, 2, 2, 0, 0, badness=0.0),
        ImageRow("1.png", 60, 40, 2, 2, 1, 1, 1, badness=0.5),
        ImageRow("2.png", 60, 40, 2, 5, 1, 4, 1, badness=0.5),
        ImageRow("3.png", 60, 40, 2, 0, 0, 0, 2, badness=1.0, problem="image_unreadable: Cut short."),
    ]
    seen = [Seen(f"{number}.png", served=(find(0, 0.9),)) for number in range(4)]
    found = worst_pictures(dataset(tmp_path, 4), seen, model_of(rows), count=9)

    assert ["3.png", "2.png", "1.png"] == [each.row.name for each in found]
    assert [False, True, True] == [bool(each.data) for each in found]
    assert (640, 427) == (found[1].width_px, found[1].height_px)
    assert is_red(pixels_of(found[1])).any()
    assert is_green(pixels_of(found[1])).any()
    assert 1 == len(worst_pictures(dataset(tmp_path, 4), seen, model_of(rows), count=1))
    assert () == worst_pictures(dataset(tmp_path, 4), seen, model_of(rows), count=0)


def test_a_classifiers_picture_is_shown_as_it_is(tmp_path):
    """Nothing is drawn into it and it is not enlarged."""
    rows = [ImageRow("1.png", 60, 40, 1, 1, label="coin", said="button", score=0.9, badness=0.9)]
    (found,) = worst_pictures(dataset(tmp_path, 3, Task.IMAGE_CLASSIFICATION), [], model_of(rows), count=3)

    assert (60, 40) == (found.width_px, found.height_px)
    assert np.ptp(pixels_of(found).reshape(-1, 3), axis=0).max() < 4


def test_each_picture_has_its_words():
    """Name and counts stand below; those who do not see the picture are told the same; an unread one says so."""
    model = detector(failed=1)
    rows = [row for row in model.rows if row.badness][:2]
    panel = worst_panel([WorstPicture(rows[0]), WorstPicture(rows[1], b"JPEG", "image/jpeg", 6, 4)], model, "k")
    read = Page(f'<html lang="en">{panel}</html>')
    row = rows[1]
    told_ = f"{row.true_positives} right, {row.false_positives} false, {row.false_negatives} missed of {row.truths}"

    assert [(f"{row.name}: {told_}", "data:image/jpeg;base64,SlBFRw==")] == [
        (has["alt"], has["src"]) for has in read.named("img")
    ]
    assert {rows[0].name, row.name, "This picture could not be read.", rows[0].problem} <= read.shown
    assert f"{told_}. Jaccard {row.jaccard:.3f}" in read.shown


def test_a_wrong_answer_tells_where_the_truth_stands():
    """What it is, what was said, how surely, and the rank of the truth among the answers."""
    row = ImageRow("a.png", 9, 9, 1, 1, label="tips", said="films", score=0.75, rank=3, badness=0.75)
    read = Page(f'<html lang="en">{worst_panel([WorstPicture(row)], classifier(), "k")}</html>')

    assert "Is tips, said films 0.750; the truth stands at place 3" in read.text


def test_nothing_is_shown_is_not_nothing_went_wrong():
    """Where no pictures were asked for the card says how many have mistakes; only a perfect model has none."""
    model = detector()
    wrong = sum(row.badness > 0 for row in model.rows)

    assert f"{wrong} pictures with mistakes; none is shown." in worst_panel((), model, "k")
    assert "No picture went wrong." in worst_panel((), empty_detector(), "k")


def test_failures_are_counted_by_their_problem():
    """Each problem has its number of pictures and their names; without a failure there is no card."""
    read = Page(f'<html lang="en">{failures_panel(detector(failed=3), "k")}</html>')

    assert re.search("image_unreadable: It ends too early.3", read.text)
    assert {"000_coins.jpg", "002_coins.jpg"} <= read.shown
    assert failures_panel(detector(), "k") is None
