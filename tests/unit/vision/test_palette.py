"""What colours promise: one label, one colour; told apart by people with any colour vision; readable text on them."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.vision.palette import BLACK, COLORS, WHITE, color_of, contrast_ratio, contrast_to, paints_for

# Machado, Oliveira and Fernandes, 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency":
# their matrices for linear RGB at full severity.
VISIONS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
#: Differences of colour that nobody overlooks; one that is just noticeable is 2.3.
TOLD_APART = 15.0
LABELS = st.text(st.characters(), max_size=20)


def linear(colors):
    """Return sRGB colours of 0..255 as linear light of 0..1."""
    shares = np.asarray(colors) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def lab(light):
    """Return linear sRGB light in CIE L*a*b*, white D65."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    white = to_xyz.sum(axis=1)
    ratio = light @ to_xyz.T / white
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)


def test_lab_is_that_of_known_colours():
    """White is 100, 0, 0 and sRGB's red 53.24, 80.09, 67.20: the ruler of the next test is right."""
    assert lab(linear([(255, 255, 255)]))[0] == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear([(255, 0, 0)]))[0] == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


@pytest.mark.parametrize("vision", VISIONS)
def test_colors_are_told_apart_when_seen_with_any_vision(vision):
    """Every two of the seven differ clearly for people who lack a kind of cone, and from black and white too."""
    seen = lab(np.clip(linear([*COLORS, BLACK, WHITE]) @ VISIONS[vision].T, 0, 1))
    nearest = min(float(np.linalg.norm(seen[one] - seen[other])) for one, other in combinations(range(len(seen)), 2))

    assert nearest > TOLD_APART


@given(LABELS, st.lists(LABELS, max_size=30))
def test_paints_for_give_a_label_its_own_colour_when_others_are_there(label, others):
    """Whatever else is in the picture, a label's colour is that of its text."""
    assert color_of(label) == paints_for([*others, label])[label].fill


@given(st.lists(LABELS, max_size=12), st.randoms())
def test_paints_for_are_the_same_when_labels_come_in_another_order(labels, random):
    """The set of labels counts."""
    shuffled = list(labels)
    random.shuffle(shuffled)

    assert paints_for(labels) == paints_for(shuffled)


def test_paints_for_differ_when_labels_share_a_colour():
    """Seven colours by four strokes: no two of a picture are alike as long as no colour has more than four labels."""
    for number in range(200):
        labels = [f"label {number} {index}" for index in range(9)]
        of_colors = [color_of(label) for label in labels]
        if max(of_colors.count(color) for color in of_colors) <= 4:
            assert len(labels) == len({(paint.fill, paint.stroke) for paint in paints_for(labels).values()})


def test_colours_are_the_same_in_another_process():
    """No hash of this process alone decides, nor its seed."""
    labels = ["person", "circle", "Käfer", "虫", "\ud800", ""]
    code = f"from saccade.vision.palette import color_of; print([color_of(label) for label in {labels!a}])"
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True)

    assert str([color_of(label) for label in labels]) == run.stdout.strip(), run.stderr


def test_known_labels_keep_their_colours():
    """A later version draws the same label in the same colour; these are written down."""
    assert [(0, 114, 178), (0, 114, 178), (213, 94, 0), (240, 228, 66)] == [
        color_of(label) for label in ("circle", "person", "coin", "dog")
    ]


def test_every_label_is_used_when_there_are_many():
    """Labels spread over all colours, none with more than twice its share."""
    colors = [color_of(f"label {index}") for index in range(700)]

    assert set(COLORS) == set(colors)
    assert max(colors.count(color) for color in COLORS) < 200


def test_text_on_each_colour_is_readable():
    """WCAG's 4.5 to 1 on every colour."""
    assert min(contrast_ratio(color, contrast_to(color)) for color in COLORS) >= 4.5


def test_contrast_ratio_is_that_of_wcag_when_colours_are_known():
    """Black on white is 21, a colour on itself 1, and #767676 on white the known 4.54."""
    assert contrast_ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast_ratio((9, 9, 9), (9, 9, 9)) == 1
    assert contrast_ratio((0x76,) * 3, (255, 255, 255)) == pytest.approx(4.54, abs=0.005)
    assert [contrast_to((250, 250, 250)), contrast_to((0, 0, 90))] == [BLACK, WHITE]
