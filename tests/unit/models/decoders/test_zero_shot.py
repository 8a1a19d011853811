"""Family owl-vit: from raw outputs to what transformers' own post-processing makes of them."""

import numpy as np
import pytest

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry
from saccade.models.preprocess.plan import Plan, Resample, Resize
from saccade.models.preprocess.run import carry_out
from zero_shot.golden import found, golden, picture

CASES = [(row, threshold) for row in golden("answers") for threshold in row["answers"]]


def outputs_of(row):
    """Return the raw outputs of transformers' model."""
    return {name: np.array(values, np.float32) for name, values in row["raw"].items()}


def geometry_of(height, width) -> Geometry:
    """Return the way back from a square of 64 px."""
    return carry_out(Plan((Resize(64, 64, Resample.BICUBIC),)), picture(height, width, 0)).geometry


def decode(row, *, threshold=None, labels=None, package=None):
    height, width, _ = row["picture"]
    return FAMILIES["owl-vit"].decode(
        outputs_of(row),
        geometry=geometry_of(height, width),
        labels=row["labels"] if labels is None else labels,
        options=DecodeOptions(threshold=threshold, package=package or {}),
    )


@pytest.mark.parametrize(("row", "threshold"), CASES)
def test_answer_equals_transformers_for_the_same_outputs(row, threshold):
    """Labels, scores and boxes are the library's; only what lies outside the picture is cut off."""
    height, width, _ = row["picture"]

    ours = decode(row, threshold=float(threshold))

    theirs = found(row, threshold)
    assert [thing.label for thing in theirs] == [entry.label for entry in ours]
    assert [thing.score for thing in theirs] == pytest.approx([entry.score for entry in ours], abs=1e-6)
    corners = np.clip([thing.box for thing in theirs], 0, [width, height, width, height])
    boxes = [(entry.box.x_min, entry.box.y_min, entry.box.x_max, entry.box.y_max) for entry in ours]
    assert corners == pytest.approx(np.array(boxes), abs=1e-3)
    assert [row["labels"].index(entry.label) for entry in ours] == [entry.class_id for entry in ours]


def test_threshold_is_a_tenth_when_nobody_says_one():
    """The library's default is the family's."""
    row = golden("answers")[-1]

    assert decode(row, threshold=0.1) == decode(row)


def test_labels_and_logits_must_be_as_many():
    """A graph that scored other words than those asked for is not read."""
    with pytest.raises(OutputInvalid, match="for 3 labels"):
        decode(golden("answers")[0], labels=["coin", "cat", "well"])


def test_boxes_are_of_the_input_when_the_package_pads():
    """OWLv2 is trained on padded squares: 1 is the side of the square, not of the picture."""
    row = golden("answers")[6]

    of_picture, of_input = decode(row, threshold=0.9), decode(row, threshold=0.9, package={"relative_to": "input"})

    assert [entry.score for entry in of_picture] == [entry.score for entry in of_input]
    assert [entry.box.x_max for entry in of_picture] == pytest.approx([entry.box.x_max for entry in of_input], abs=1e-3)
