"""Synthetic pictures of round things: always the same for a state, and labelled where the things are."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV draws the pictures; install the extra `train`")

from saccade.training.circles.drawing import Ellipse, window_around
from saccade.training.circles.generator import SCENES, encode_picture, make_picture
from saccade.training.circles.stage import Look, Stage, Thing, upright_box

SIDE_PX = 192


def grey_stage(side: int = SIDE_PX) -> Stage:
    return Stage.on(np.full((side, side, 3), 40, np.float32))


def lay_bright_disc(stage: Stage, outline: Ellipse) -> None:
    base = np.full(3, 230, np.float32)
    stage.lay(np.random.default_rng(1), outline, Look(style="disc", base=base, has_shadow=False))


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_make_picture_when_asked_twice(kind: str) -> None:
    """The same state gives the same picture, labels and file."""
    first, second = make_picture(7, kind=kind, side=SIDE_PX), make_picture(7, kind=kind, side=SIDE_PX)

    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert encode_picture(7, first.image) == encode_picture(7, second.image)


def test_make_picture_when_the_state_differs() -> None:
    """Another state gives another picture."""
    assert not np.array_equal(make_picture(7, side=SIDE_PX).image, make_picture(8, side=SIDE_PX).image)


def test_make_picture_when_the_scene_is_unknown() -> None:
    """An unknown scene is refused by name."""
    with pytest.raises(ValueError, match="moons"):
        make_picture(1, kind="moons")


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_labels_when_a_scene_is_drawn(kind: str) -> None:
    """Boxes have an area and lie inside the picture, radii are positive; an empty scene has none."""
    labels = np.concatenate([make_picture(state, kind=kind, side=SIDE_PX).labels for state in range(5)])

    assert (kind == "empty") == (len(labels) == 0)
    assert (labels[:, 2:4] > labels[:, 0:2]).all()
    assert labels[:, :4].min(initial=0) >= 0
    assert labels[:, :4].max(initial=0) <= SIDE_PX
    assert (labels[:, 6] > 0).all()


@pytest.mark.parametrize("state", range(4))
def test_boxes_when_solid_things_are_drawn(state: int) -> None:
    """Every counted box of a coin scene holds pixels that the thing owns."""
    stage = SCENES["coins"](np.random.default_rng(state), SIDE_PX)

    for row in stage.labels()[stage.labels()[:, 7] == 1]:
        x1, y1, x2, y2 = (int(value) for value in row[:4])
        assert (stage.owner[y1 : y2 + 1, x1 : x2 + 1] > 0).any()


@pytest.mark.parametrize(("major", "minor", "angle"), [(40.0, 40.0, 0.0), (50.0, 30.0, 0.0), (45.0, 28.0, 0.7)])
def test_labels_when_one_disc_is_laid(major: float, minor: float, angle: float) -> None:
    """Centre, radius and box of a known disc agree with its bright pixels to half a pixel."""
    stage, outline = grey_stage(), Ellipse(96.3, 90.8, major, minor, angle)
    lay_bright_disc(stage, outline)

    label = stage.labels()[0]
    bright = np.abs(stage.canvas - 40).max(2) > 1e-3
    weight = np.clip(stage.owner > 0, 0, 1)
    rows, columns = np.nonzero(weight)

    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((label[4], label[5]), abs=0.5)
    # The area of an ellipse is pi times the product of its semi-axes, and the label's radius is their mean.
    spread = (major - minor) ** 2 / 4
    assert math.sqrt(weight.sum() / math.pi + spread) == pytest.approx(label[6], abs=0.5)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == pytest.approx(tuple(label[:4]), abs=1)
    assert bright[rows, columns].mean() > 0.95


def test_labels_when_a_thing_is_cut_off() -> None:
    """The box stops at the picture's edge; centre and radius are those of the whole thing."""
    stage = grey_stage()
    lay_bright_disc(stage, Ellipse(10.0, 96.0, 40.0, 40.0))

    assert [0, 56, 50, 136, 10, 96, 40, 1] == pytest.approx(stage.labels()[0].tolist(), abs=0.01)


def test_labels_when_a_thing_is_mostly_hidden() -> None:
    """A thing of which little is seen is neither asked for nor forgotten."""
    stage = grey_stage()
    lay_bright_disc(stage, Ellipse(80.0, 96.0, 30.0, 30.0))
    lay_bright_disc(stage, Ellipse(98.0, 96.0, 30.0, 30.0))
    lay_bright_disc(stage, Ellipse(62.0, 96.0, 30.0, 30.0))

    assert [0, 1, 1] == stage.labels()[:, 7].tolist()


def test_labels_when_a_thing_is_too_faint_to_see() -> None:
    """A thing that the finished picture hardly shows is not asked for; the same thing in plain sight is."""
    stage = grey_stage()
    lay_bright_disc(stage, Ellipse(60.0, 96.0, 30.0, 30.0))
    lay_bright_disc(stage, Ellipse(140.0, 96.0, 30.0, 30.0))
    seen = np.clip(stage.canvas, 0, 255).astype(np.uint8)
    seen[:, 100:] = 40 + (seen[:, 100:].astype(int) - 40) // 40

    assert [1, 0] == stage.labels(seen)[:, 7].tolist()


@pytest.mark.parametrize(("covered", "is_counted"), [(0.5, 1), (0.9, 0)])
def test_labels_when_a_distractor_hides_a_bubble(covered: float, is_counted: int) -> None:
    """What is laid over a see-through thing counts against what is seen of it."""
    stage, outline = grey_stage(), Ellipse(96.0, 96.0, 30.0, 30.0)
    window = window_around(outline, stage.canvas.shape)
    bubble = Thing(outline, upright_box(outline), outline.area, see_through=True)
    stage.claim(bubble, np.ones((window.bottom - window.top, window.right - window.left), np.bool_), window)
    sheet = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    sheet[:, : int(66 + 60 * covered)] = True

    stage.cover(sheet)

    assert [is_counted] == stage.labels()[:, 7].tolist()
